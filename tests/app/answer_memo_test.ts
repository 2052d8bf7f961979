import { assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { type Finished, Project } from "../e2e/support.ts";
import { joined, renewed } from "../../app/answer_memo.ts";

const FILES = {
  "deno.json": {
    tasks: {
      join: { command: "cat a.txt b.txt > out.txt", files: ["*.txt"], output: ["out.txt"] },
      say: { command: "echo said", files: ["a.txt"], dependencies: ["join"] },
    },
  },
  "a.txt": "a\n",
  "b.txt": "b\n",
};

/** Exit code and output of a run, without its duration. */
function said({ code, stdout, stderr }: Finished): unknown[] {
  return [code, stdout, stderr.replace(/in [\d.]+ m?s/, "")];
}

async function builds(project: Project): Promise<number> {
  const entries = await Array.fromAsync(Deno.readDir(`${project.root}/.simmer/builds`));
  return entries.length;
}

/** Creates a project whose last run was a cache hit for every task. */
async function settled(): Promise<Project> {
  const project = await Project.create(FILES);
  await project.run(["run", "say"]);
  const { code, stderr } = await project.run(["run", "say"]);
  assertEquals(code, 0, stderr);
  assertMatch(stderr, /0 tasks run, 2 cached/);
  return project;
}

Deno.test("a settled build replays its output without a new build", async () => {
  await using project = await settled();
  const before = await builds(project);
  const first = await project.run(["run", "say"]);
  const second = await project.run(["run", "say"]);
  assertEquals(said(second), said(first));
  assertMatch(second.stderr, /2 cached in \d+ ms\n$/);
  assertEquals(await builds(project), before);
});

Deno.test("a settled build runs again after a change of its inputs, outputs, config or options", async () => {
  await using project = await settled();
  const ran = async (args = ["run", "say"], env = {}): Promise<string> => {
    const { stderr } = await project.run(args, { env });
    return /(\d+ tasks? run)/.exec(stderr)?.[1] ?? stderr;
  };
  assertEquals(await ran(), "0 tasks run");
  await project.write("a.txt", "changed\n");
  assertEquals(await ran(), "2 tasks run");
  assertEquals(await ran(), "0 tasks run");
  await Deno.remove(`${project.root}/out.txt`);
  assertEquals(await ran(), "0 tasks run");
  assertEquals(await project.read("out.txt"), "changed\nb\n");
  await project.write("c.txt", "new\n");
  assertEquals(await ran(), "2 tasks run");
  assertEquals(await ran(), "0 tasks run");
  const { say, join } = FILES["deno.json"].tasks;
  await project.write("deno.json", { tasks: { join, say: { ...say, command: "echo other" } } });
  assertEquals(await ran(), "1 task run");
  assertEquals(await ran(), "0 tasks run");
  assertEquals(await ran(["run", "--force", "say"]), "2 tasks run");
  assertEquals(await ran(["run", "say"], { ANY: "thing" }), "0 tasks run");
});

Deno.test("a settled build runs again after another run of the same task left other files", async () => {
  await using project = await Project.create({
    "deno.json": {
      tasks: { write: { command: "echo $NAME > out.txt", files: ["a.txt"], env: ["NAME"] } },
    },
    "a.txt": "",
  });
  const written = async (NAME: string): Promise<string> => {
    await project.run(["run", "write"], { env: { NAME } });
    return await project.read("out.txt");
  };
  for (let run = 0; run < 3; run++) assertEquals(await written("x"), "x\n");
  assertEquals(await written("y"), "y\n");
  assertEquals(await written("x"), "x\n");
});

Deno.test("an observer sees every build, even a settled one", async () => {
  await using project = await settled();
  const before = await builds(project);
  const observer = project.start(["events", "--json"]);
  await observer.stderr.until("observing the server");
  await project.run(["run", "say"]);
  await observer.stdout.until('"CommandCompleted"');
  observer.kill("SIGINT");
  await observer.finished();
  assertNotEquals(await builds(project), before);
  assertEquals(observer.stdout.text.match(/"TaskCached"/g)?.length, 2);
});

Deno.test("recorded output is joined by stream, and its summary line gets the new duration", () => {
  const piece = (kind: number, text: string): { kind: number; bytes: Uint8Array } => ({
    kind,
    bytes: new TextEncoder().encode(text),
  });
  const pieces = joined([
    piece(1, "a"),
    piece(1, "b"),
    piece(2, "x\n"),
    piece(2, `${"y".repeat(200)}\nsimmer: 0 tasks run, 3 cached in 1.2 s\n`),
  ]);
  assertEquals(pieces.map(({ kind }) => kind), [1, 2]);
  const texts = renewed(pieces, 7).map(({ bytes }) => new TextDecoder().decode(bytes));
  assertEquals(
    texts.join(""),
    `abx\n${"y".repeat(200)}\nsimmer: 0 tasks run, 3 cached in 7 ms\n`,
  );
});

Deno.test("a replayed answer keeps every character, wherever its end is cut off", () => {
  for (let length = 0; length < 100; length++) {
    const text = `${"ä€\u{1f600}".repeat(20)}${"x".repeat(length)}\nsimmer: 1 task run in 1.2 s\n`;
    const pieces = [{ kind: 2, bytes: new TextEncoder().encode(text) }];
    const texts = renewed(pieces, 7).map(({ bytes }) => new TextDecoder().decode(bytes));
    assertEquals(texts.join(""), text.replace("1.2 s", "7 ms"), `${length}`);
  }
});
