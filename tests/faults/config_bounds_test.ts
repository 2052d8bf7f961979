/** Configuration and env files that are too large, nested too deeply, or not regular files. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type Node, parseTree } from "jsonc-parser";
import { tooDeepAt, withoutComments } from "../../project/config_text.ts";
import { Project } from "../e2e/support.ts";

const GOOD = { tasks: { a: "echo a" } };

interface BadConfig {
  readonly name: string;
  /** Matches the error message. */
  readonly reason: RegExp;
  /** Creates the bad file at `path`, which does not exist. */
  make(path: string): Promise<void>;
}

const BAD: readonly BadConfig[] = [
  {
    name: "larger than 16 MiB",
    reason: /: it is larger than 16 MiB/,
    make: (path) => Deno.writeTextFile(path, JSON.stringify({ ...GOOD, x: "y".repeat(1 << 24) })),
  },
  {
    name: "lists nested 1,001 levels deep",
    reason: /:1:\d+: nested deeper than 1000 levels/,
    make: (path) => Deno.writeTextFile(path, `{"x":${"[".repeat(1000)}${"]".repeat(1000)}}`),
  },
  {
    name: "objects nested 100,000 levels deep",
    reason: /:1:\d+: nested deeper than 1000 levels/,
    make: (path) => Deno.writeTextFile(path, '{"a":'.repeat(100_000)),
  },
  {
    name: "a FIFO",
    reason: /: it is a FIFO, not a regular file/,
    make: async (path) => {
      await new Deno.Command("mkfifo", { args: [path] }).output();
    },
  },
  {
    name: "a link to an endless device",
    reason: /: it is a device, not a regular file/,
    make: (path) => Deno.symlink("/dev/zero", path),
  },
  {
    name: "a NUL character",
    reason: /:1:\d+: invalid character/,
    make: (path) => Deno.writeTextFile(path, '{"tasks":{"a":"echo \0"}}'),
  },
];

for (const { name, reason, make } of BAD) {
  for (const file of ["deno.json", "package.json", "member/deno.json"]) {
    // The `package.json` is read although there is a `deno.json` beside it.
    Deno.test(`a bad ${file} (${name}) makes commands exit with 5 and name its path; the server keeps running`, async () => {
      await using project = await Project.create({
        "deno.json": { ...GOOD, workspace: ["./member"] },
        "package.json": { scripts: { b: "echo b" } },
        "member/deno.json": GOOD,
      });
      const path = `${project.root}/${file}`;
      const folder = file.startsWith("member") ? "member" : "";
      assertEquals((await project.run(["run", "a"], { folder })).code, 0);
      const pid = await project.serverPid();
      const before = await Deno.readTextFile(path);
      await Deno.remove(path);
      await make(path);
      for (const args of [["run", "a"], ["run", "--no-server", "a"], ["tasks"], ["why", "a"]]) {
        const { code, stderr } = await project.run(args, { folder });
        assertEquals(code, 5, `${args.join(" ")}: ${stderr}`);
        assertStringIncludes(stderr, path);
        assertMatch(stderr, reason);
      }
      assertEquals((await project.run(["ping"])).code, 0);
      assertEquals(await project.serverPid(), pid, "the server was replaced");
      await Deno.remove(path);
      await Deno.writeTextFile(path, before);
      assertEquals((await project.run(["run", "a"], { folder })).code, 0);
      assertEquals(await project.serverPid(), pid, "the server was replaced");
    });
  }
}

Deno.test("--config rejects a folder and a device", async () => {
  await using project = await Project.create({ "deno.json": GOOD, "folder/x": "" });
  for (
    const [path, what] of [["folder", "a folder"], ["/dev/zero", "not a regular file"]] as const
  ) {
    const { code, stderr } = await project.run(["run", "--no-server", "-c", path, "a"]);
    assertEquals(code, 5, stderr);
    assertMatch(stderr, new RegExp(`${path} is ${what}\n$`));
  }
});

Deno.test("a folder named deno.json is skipped as in deno task, and reported if there is no other config", async () => {
  await using project = await Project.create({ "deno.json": GOOD, "below/deno.json/x": "" });
  const below = await project.run(["run", "--no-server", "a"], { folder: "below" });
  assertEquals([below.code, below.stdout], [0, "a\n"], below.stderr);
  await Deno.rename(`${project.root}/deno.json`, `${project.root}/aside`);
  const none = await project.run(["run", "--no-server", "a"], { folder: "below" });
  assertEquals(none.code, 5);
  assertStringIncludes(none.stderr, "below/deno.json is a folder, not a file");
  await Deno.rename(`${project.root}/aside`, `${project.root}/deno.json`);
});

Deno.test("a byte order mark does not hide a workspace, and the last of two equal task names wins", async () => {
  await using project = await Project.create({
    "deno.json": `\ufeff{ "workspace": ["./m"], "tasks": { "a": "echo 1", "a": "echo 2" } }`,
    "m/deno.json": `\ufeff${JSON.stringify({ tasks: { b: "echo b" } })}`,
  });
  const { code, stdout, stderr } = await project.run(["run", "--no-server", "a"], { folder: "m" });
  assertEquals([code, stdout], [0, "2\n"], stderr);
});

Deno.test("a config may have 50,000 tasks", async () => {
  const tasks = Object.fromEntries(Array.from({ length: 50_000 }, (_, i) => [`t${i}`, "echo a"]));
  await using project = await Project.create({ "deno.json": { tasks } });
  assertEquals((await project.run(["run", "t49999"])).stdout, "a\n");
});

Deno.test("an env file over 1 MiB is rejected, and only the client waits for one that is a pipe", async () => {
  await using project = await Project.create({
    "deno.json": { tasks: { a: "sh -c 'echo $X'" } },
    "huge.env": `X=${"x".repeat(1 << 20)}`,
  });
  const bad = [
    ["/dev/zero", "it is larger than 1 MiB"],
    ["huge.env", "it is larger than 1 MiB"],
  ] as const;
  for (const hasServer of [false, true]) {
    const how = hasServer ? [] : ["--no-server"];
    if (hasServer) assertEquals((await project.run(["run", "a"])).code, 0);
    for (const [path, reason] of bad) {
      const { code, stderr } = await project.run(["run", ...how, `--env-file=${path}`, "a"]);
      assertEquals(code, 2, stderr);
      assertMatch(stderr, new RegExp(`^simmer: cannot read env file .*: ${reason}\n$`));
    }
  }
  const pid = await project.serverPid();
  await new Deno.Command("mkfifo", { args: [`${project.root}/pipe`] }).output();
  const waiting = project.start(["run", "--env-file=pipe", "a"]);
  // The server answers other clients while this client waits for a writer of the pipe.
  assertEquals((await project.run(["ping"])).code, 0);
  await Deno.writeTextFile(`${project.root}/pipe`, "X=piped\n");
  await waiting.endInput();
  const { code, stdout, stderr } = await waiting.finished();
  assertEquals([code, stdout], [0, "piped\n"], stderr);
  assertEquals(await project.serverPid(), pid);
});

Deno.test("tooDeepAt reports every text that the parser nests deeper than the limit", () => {
  const pieces = ["[", "]", "{", "}", '"', '"a":', ",", "1", "/*", "*/", "//", "\n", "\r", "\\"];
  let seed = 7;
  const next = (): number => (seed = (seed * 1103515245 + 12345) % 2 ** 31) / 2 ** 31;
  let counted = 0;
  for (let round = 0; round < 20_000; round++) {
    const length = 1 + Math.floor(next() * 60);
    const text = Array.from({ length }, () => pieces[Math.floor(next() * pieces.length)]).join("");
    const limit = 1 + Math.floor(next() * 6);
    const depth = depthOf(text);
    if (depth <= limit) continue;
    counted++;
    assert(tooDeepAt(text, limit) !== undefined, `${JSON.stringify(text)} is ${depth} deep`);
  }
  assert(counted > 100, `only ${counted} texts were deep`);
});

/** Returns the depth of the tree that the parser builds from a text, valid or not. */
function depthOf(text: string): number {
  const depth = (node: Node): number => {
    const own = node.type === "object" || node.type === "array" ? 1 : 0;
    return own + Math.max(0, ...(node.children ?? []).map(depth));
  };
  const root = parseTree(text);
  return root === undefined ? 0 : depth(root);
}

Deno.test("withoutComments removes comments and trailing commas in linear time", () => {
  const cases = [
    [`{"a": [1, /* x */ 2, // y\n], }`, { a: [1, 2] }],
    [`\ufeff{"a": "/* , ] */ // ,", "b": [",]"], /**/}`, { a: "/* , ] */ // ,", b: [",]"] }],
    [`{"a": "\\"/*"}//`, { a: '"/*' }],
  ] as const;
  for (const [text, value] of cases) assertEquals(JSON.parse(withoutComments(text)), value);
  const times = [1 << 16, 1 << 20].map((size) => {
    const begun = performance.now();
    withoutComments("/*/".repeat(size));
    withoutComments(", ".repeat(size));
    withoutComments(`"${'a\\"'.repeat(size)}"`);
    return performance.now() - begun;
  });
  const [small = 0, large = 0] = times;
  // The second text is sixteen times as long: a quadratic scan would take 256 times as long.
  assert(large < 100 * Math.max(small, 1), `${small} ms and ${large} ms`);
});
