import { assertEquals, assertStringIncludes } from "@std/assert";
import { Project } from "./support.ts";

/** A member with a task that is cached, as a script or as a task of Deno. */
function member(kind: string, name: string, imports: readonly string[]): Record<string, unknown> {
  const build = { files: ["src/**"], output: ["out.txt"] };
  const command =
    `cat src/x.txt > out.txt && cat ${imports.map((each) => `../${each}/out.txt`).join(" ")}` +
    " out.txt";
  if (kind === "Deno") {
    return {
      [`${name}/deno.json`]: {
        name: `@x/${name}`,
        version: "1.0.0",
        exports: "./src/mod.ts",
        tasks: { build: { command, ...build, dependencies: ["^build"] } },
      },
      [`${name}/src/mod.ts`]: imports.map((each) => `import "@x/${each}";\n`).join(""),
    };
  }
  const range = kind === "npm" ? "^1.0.0" : "workspace:^";
  return {
    [`${name}/package.json`]: {
      name: `@x/${name}`,
      version: "1.0.0",
      scripts: { build: command },
      dependencies: Object.fromEntries(imports.map((each) => [`@x/${each}`, range])),
      simmer: { tasks: { build: { ...build, dependencies: ["^build"] } } },
    },
  };
}

/** Roots of workspaces by their package managers. */
const ROOTS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  npm: { "package.json": { workspaces: ["app", "lib", "core"], scripts: { build: "exit 9" } } },
  "yarn and Bun": { "package.json": { workspaces: { packages: ["*", "!docs"] } } },
  pnpm: { "package.json": { name: "root" }, "pnpm-workspace.yaml": "packages:\n  - '*'\n" },
  Deno: { "deno.json": { workspace: ["./app", "./lib", "./core"] } },
};

function filesOf(kind: string): Record<string, unknown> {
  return {
    ...ROOTS[kind],
    ...member(kind, "app", ["lib"]),
    ...member(kind, "lib", ["core"]),
    ...member(kind, "core", []),
    "app/src/x.txt": "app\n",
    "lib/src/x.txt": "lib\n",
    "core/src/x.txt": "core\n",
  };
}

for (const kind of Object.keys(ROOTS)) {
  Deno.test(`a workspace of ${kind} is built in order, cached, and built again after a change of an import`, async () => {
    await using project = await Project.create(filesOf(kind));
    const run = async (folder: string, ...args: readonly string[]): Promise<string> => {
      const { code, stdout, stderr } = await project.run(["run", "--no-prefix", ...args], {
        folder,
      });
      assertEquals(code, 0, stderr);
      return [
        stdout,
        ...stderr.split("\n").filter((line) => line.endsWith("(cached, inputs unchanged)"))
          .map((line) => `${line.split(" ")[1]} cached\n`),
      ].join("");
    };
    assertEquals(await run("", "-r", "build"), "core\ncore\nlib\nlib\napp\n");
    const cached = "@x/core#build cached\n@x/lib#build cached\n@x/app#build cached\n";
    assertEquals(await run("app", "build"), cached);
    await project.write("core/src/x.txt", "new\n");
    const why = await project.run(["why", "@x/app#build"], { folder: "lib/src" });
    assertStringIncludes(why.stdout, "@x/core#build: would run");
    assertStringIncludes(why.stdout, "its dependency @x/lib#build runs before it");
    assertEquals(await run("lib/src", "--filter", "app", "build"), "new\nnew\nlib\nlib\napp\n");
    assertEquals(await run("", "-r", "build"), cached);
  });
}
