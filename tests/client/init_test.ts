import { assertEquals } from "@std/assert";
import { recognize, type ToolContext } from "../../client/init/known_tools.ts";
import { withProposals } from "../../client/init/settings_text.ts";
import { Project } from "../e2e/support.ts";

const CONTEXT: ToolContext = {
  outDir: (tsconfig) => tsconfig === "tsconfig.build.json" ? "./lib/" : undefined,
};

function verdictOf(line: string): readonly string[] | string {
  const found = recognize(line, CONTEXT);
  return found.kind === "cacheable" ? found.output : found.reason;
}

Deno.test("simmer init recognizes tools by their command lines, and where they write", () => {
  const cases: readonly (readonly [string, readonly string[] | string])[] = [
    ["vite build", ["dist"]],
    ["vite build --outDir=./public/", ["public"]],
    ["NODE_ENV=production vite build && tsc -p tsconfig.build.json", ["dist", "lib"]],
    ["cross-env A=1 npx next build", [".next", "!.next/cache"]],
    ["tsc", "calls 'tsc', and where that writes is not known"],
    ["tsc --noEmit", []],
    ["tsc --outDir out", ["out"]],
    ["esbuild a.ts --bundle --outfile=out/a.js", ["out/a.js"]],
    ["node_modules/.bin/eslint . && prettier --check src", []],
    ["deno fmt --check && deno lint", []],
    ["node --test", []],
    ["jest --ci --coverage", ["coverage"]],
    ["prettier --write .", "changes its inputs"],
    ["eslint --fix .", "changes its inputs"],
    ["vite", "is a server"],
    ["vite dev --port 1", "is a server"],
    ["vite preview", "is a server"],
    ["jest --watch", "watches its inputs"],
    ["npm publish", "has effects elsewhere"],
    ["rimraf dist", "removes files"],
    ["npm run build && npm test", "starts other tasks: let it depend on them instead"],
    ["node build.js", "calls 'node', whose files are not known"],
    ["vite build | tee log", "calls 'vite', whose files are not known"],
    ["vite build > log", "calls 'vite', whose files are not known"],
    ["", "has no command"],
  ];
  for (const [line, expected] of cases) assertEquals(verdictOf(line), expected, line);
});

Deno.test("proposals are added to a config file without any other change", () => {
  const proposal = { files: ["src"], output: ["dist"] };
  const add = (text: string): string => withProposals(text, [["a", proposal]]);
  const section = (unit: string, level: number): string =>
    JSON.stringify({ simmer: { tasks: { a: proposal } } }, null, unit).split("\n").slice(1, -1)
      .map((line) => `${unit.repeat(level)}${line}`).join("\n");
  const kept = '{\n\t// why\n\t"x": { "y": [1,2] }';
  assertEquals(add(`${kept}\n}\n`), `${kept},\n${section("\t", 0)}\n}\n`);
  assertEquals(add(`${kept}, // last\n}\n`), `${kept}, // last\n${section("\t", 0)}\n}\n`);
  assertEquals(add(`${kept} // last\n}\n`), `${kept}, // last\n${section("\t", 0)}\n}\n`);
  assertEquals(add('{"x":1}'), `{"x":1,\n${section("  ", 0)}\n}`);
  assertEquals(add("{}"), `{\n${section("  ", 0)}\n}`);
  for (
    const before of [
      { simmer: {} },
      { simmer: { scripts: "npm" } },
      { simmer: { tasks: { b: { files: ["x"] } } } },
      { simmer: { tasks: { a: { clean: false } } } },
      { simmer: { tasks: {} }, z: 1 },
    ]
  ) {
    const { simmer, ...rest } = JSON.parse(add(JSON.stringify(before, null, 2)));
    const { tasks = {}, ...settings } = before.simmer as Record<string, object>;
    const merged = { ...tasks, a: { ...(tasks as Record<string, object>).a, ...proposal } };
    assertEquals({ simmer, ...rest }, { ...before, simmer: { ...settings, tasks: merged } });
  }
});

Deno.test("simmer init shows what it found and writes nothing, and --write adds only its proposals", async () => {
  await using project = await Project.create({
    "package.json": {
      packageManager: "pnpm@9.1.0",
      workspaces: ["packages/*"],
      scripts: { build: "npm run -ws build", lint: "eslint ." },
    },
    "turbo.json": { tasks: {} },
    "tsconfig.base.json": {},
    "packages/a/package.json": {
      name: "a",
      scripts: { build: "vite build", dev: "vite", prebuild: "node gen.js" },
    },
    "packages/a/src/x": "",
    "packages/b/package.json": {
      name: "b",
      scripts: { build: "echo" },
      simmer: { tasks: { build: { files: ["src"] } } },
    },
    "packages/b/src/x": "",
  });
  const before = await project.read("packages/a/package.json");
  const { code, stdout, stderr } = await project.run(["init"]);
  assertEquals(
    { code, stdout: stdout.replaceAll(project.root, "~"), stderr },
    {
      code: 0,
      stderr:
        "simmer: wrote nothing; 'simmer init --write' adds the proposals to the config files\n",
      stdout: `project   ~, a workspace with 2 members
packages  pnpm@9.1.0, by packageManager
caching   turbo.json: Turborepo, 0 tasks
caching   packages/b/package.json: the section "simmer", 1 task
tasks     6: 1 declared for caching, 2 could be, 3 run every time

cached (packages/b/package.json):
  b#build

could be cached (package.json):
  lint  eslint .
      "files": ["package.json","packages","tsconfig.base.json","turbo.json"]
could be cached (packages/a/package.json):
  a#build  vite build
      "files": ["package.json","src","../../tsconfig.base.json"]
      "output": ["dist"]

run every time (package.json):
  build  it starts other tasks: let it depend on them instead
run every time (packages/a/package.json):
  a#dev  it is a server
  a#prebuild  it calls 'node', whose files are not known
`,
    },
  );
  assertEquals(await project.read("packages/a/package.json"), before);

  const written = await project.run(["init", "--write"]);
  assertEquals(
    [written.code, written.stderr],
    [
      0,
      "simmer: added the settings of 1 task to package.json\n" +
      "simmer: added the settings of 1 task to packages/a/package.json\n",
    ],
  );
  const { simmer, ...rest } = JSON.parse(await project.read("packages/a/package.json"));
  assertEquals(rest, JSON.parse(before));
  assertEquals(simmer, {
    tasks: {
      build: { files: ["package.json", "src", "../../tsconfig.base.json"], output: ["dist"] },
    },
  });
  const again = await project.run(["init", "--write"]);
  assertEquals(again.stderr, "simmer: wrote nothing: there are no proposals\n");
});

Deno.test("simmer init in a folder without a project is an error", async () => {
  const folder = await Deno.makeTempDir();
  await using project = await Project.create({ "deno.json": {} });
  const { code, stderr } = await project.run(["init", "--cwd", folder]);
  await Deno.remove(folder);
  assertEquals(code, 5, stderr);
  const empty = await project.run(["init"]);
  assertEquals([empty.code, empty.stderr], [
    0,
    "simmer: wrote nothing; 'simmer run TASK' runs a task\n",
  ]);
});
