/** A cache that a damaged disk or another program has changed. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { OutputEntry, StoredResult } from "../../../cooker/store/result.ts";
import { ResultStore } from "../../../cooker/store/result_store.ts";
import { sha256Hex } from "../../../system/files/digest.ts";
import { FakeClock } from "../../../system/fake_clock.ts";
import { MemoryLogger } from "../../../system/logger.ts";
import { DirectCooker } from "../../cooker/direct_cooker.ts";

/** A store and a working tree, with methods to damage the store. */
class Store implements Disposable {
  readonly base = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "simmer_store_" }));
  readonly folder = `${this.base}/store`;
  readonly tree = `${this.base}/tree`;
  readonly log = new MemoryLogger();
  readonly clock = new FakeClock();

  constructor() {
    Deno.mkdirSync(this.tree);
  }

  /** Opens the store with nothing in memory. */
  open(): ResultStore {
    return new ResultStore({ folder: this.folder, log: this.log, clock: this.clock });
  }

  async keep(name: string, text: string): Promise<StoredResult> {
    Deno.writeTextFileSync(`${this.tree}/${name}`, text);
    const store = this.open();
    const outputs = await store.capture(this.tree, [name]);
    const result = {
      fingerprint: sha256Hex(name),
      task: name,
      durationMs: 12.5,
      savedAt: 0,
      outputs,
      log: store.putBlob(new TextEncoder().encode(`log of ${name}`)),
    };
    store.save(result);
    return result;
  }

  record(name: string): string {
    const fingerprint = sha256Hex(name);
    return `${this.folder}/v1/results/${fingerprint.slice(0, 2)}/${fingerprint}.json`;
  }

  blob(text: string): string {
    const digest = sha256Hex(text);
    return `${this.folder}/v1/blobs/${digest.slice(0, 2)}/${digest}`;
  }

  edit(name: string, change: (record: Record<string, unknown>) => unknown): void {
    const record = JSON.parse(Deno.readTextFileSync(this.record(name)));
    Deno.writeTextFileSync(this.record(name), JSON.stringify(change(record)));
  }

  find(name: string): StoredResult | undefined {
    return this.open().find(sha256Hex(name));
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.base, { recursive: true });
  }
}

/** Creates an entry that is not a regular file. `victim` is a file that must not change. */
const REPLACEMENTS: Readonly<Record<string, (path: string, victim: string) => void>> = {
  "a link to a file": (path, victim) => Deno.symlinkSync(victim, path),
  "a dangling link": (path) => Deno.symlinkSync("/nowhere/at/all", path),
  "a link to an endless file": (path) => Deno.symlinkSync("/dev/zero", path),
  "a FIFO": (path) => {
    const { success } = new Deno.Command("mkfifo", { args: [path] }).outputSync();
    assert(success);
  },
  "a folder with files": (path) => {
    Deno.mkdirSync(`${path}/deep`, { recursive: true });
    Deno.writeTextFileSync(`${path}/deep/file`, "x");
  },
};

Deno.test("a record with one changed character is a miss, is logged, and is removed", async () => {
  using store = new Store();
  await store.keep("a", "content");
  const text = Deno.readTextFileSync(store.record("a"));
  for (let at = 0; at < text.length; at++) {
    const next = text[at] === "1" ? "2" : "1";
    Deno.writeTextFileSync(store.record("a"), text.slice(0, at) + next + text.slice(at + 1));
    assertEquals(store.find("a"), undefined, `character ${at}: ${text[at]} became ${next}`);
  }
  assertEquals(store.log.messages.length, text.length);
  assertMatch(store.log.messages.at(-1) ?? "", /record .* is damaged; it is removed/);
  Deno.writeTextFileSync(store.record("a"), text);
  assert(store.find("a") !== undefined, "the record as it was is found");
});

Deno.test("a record without a digest (from an older version) is a miss and is removed without a log message", async () => {
  using store = new Store();
  await store.keep("a", "content");
  const older = ({ digest: _, ...record }: Record<string, unknown>): unknown => record;
  store.edit("a", older);
  assertEquals(store.find("a"), undefined);
  assertEquals(Array.from(Deno.readDirSync(store.record("a").replace(/\/[^/]*$/, ""))), []);
  await store.keep("b", "content");
  store.edit("b", older);
  Deno.utimeSync(store.record("b"), 1000, 1000);
  store.clock.advance(Date.now() + 60 * 60 * 1000);
  const report = await store.open().collect({ maxBytes: Infinity });
  assertEquals([report.records, report.removedRecords], [1, 1]);
  assertEquals(store.log.messages, []);
});

Deno.test("a record under another fingerprint's name is a miss", async () => {
  using store = new Store();
  await store.keep("a", "content");
  await store.keep("b", "content");
  Deno.copyFileSync(store.record("a"), store.record("b"));
  assertEquals(store.find("b"), undefined);
});

Deno.test({
  name: "a record that belongs to another user is a miss" +
    (Deno.uid() === 0 ? "" : " (skipped: needs root)"),
  ignore: Deno.uid() !== 0,
  fn: async () => {
    using store = new Store();
    await store.keep("a", "content");
    Deno.chownSync(store.record("a"), 65534, 65534);
    assertEquals(store.find("a"), undefined);
  },
});

for (const [what, replace] of Object.entries(REPLACEMENTS)) {
  Deno.test(`${what} in place of a blob is neither followed nor read, and is replaced by the next result`, async () => {
    using store = new Store();
    const victim = `${store.base}/victim`;
    Deno.writeTextFileSync(victim, "content");
    Deno.utimeSync(victim, 1000, 1000);
    const { outputs, log } = await store.keep("a", "content");
    for (const text of ["content", "log of a"]) {
      Deno.removeSync(store.blob(text));
      replace(store.blob(text), victim);
    }
    Deno.writeTextFileSync(`${store.tree}/a`, "edited");
    assertEquals((await store.open().restore(outputs, store.tree)).kind, "damaged");
    assertEquals(store.open().readBlob(log ?? ""), undefined);
    for (const text of ["content", "log of a"]) {
      if (treeHas(store.blob(text))) Deno.removeSync(store.blob(text), { recursive: true });
      replace(store.blob(text), victim);
    }
    await store.keep("a", "content");
    Deno.removeSync(`${store.tree}/a`);
    assertEquals((await store.open().restore(outputs, store.tree)).kind, "restored");
    assertEquals(Deno.readTextFileSync(`${store.tree}/a`), "content");
    assert(Deno.lstatSync(store.blob("content")).isFile);
    assertEquals(store.open().readBlob(log ?? ""), new TextEncoder().encode("log of a"));
    assertEquals(Deno.statSync(victim).mtime?.getTime(), 1_000_000, "the link was followed");
  });

  Deno.test(`${what} in place of a record is a miss, does not stop a collection, and is replaced by the next result`, async () => {
    using store = new Store();
    const victim = `${store.base}/victim`;
    const result = await store.keep("a", "content");
    Deno.copyFileSync(store.record("a"), victim);
    const before = Deno.readTextFileSync(victim);
    Deno.removeSync(store.record("a"));
    replace(store.record("a"), victim);
    assertEquals(store.find("a"), undefined);
    if (!treeHas(store.record("a"))) replace(store.record("a"), victim);
    await store.open().collect({ maxBytes: Infinity, spareNothing: true });
    if (!treeHas(store.record("a"))) replace(store.record("a"), victim);
    await store.keep("a", "content");
    assertEquals(store.find("a"), result);
    assertEquals(Deno.readTextFileSync(victim), before);
  });

  Deno.test(`${what} in place of the store's other files prevents neither storing nor collecting results`, async () => {
    using store = new Store();
    const victim = `${store.base}/victim`;
    Deno.writeTextFileSync(victim, "precious");
    await store.keep("a", "content");
    const files = [
      "collect.lock",
      `tasks/${sha256Hex("b")}`,
      "staging/left",
      "results/zz",
      "blobs/zz",
    ];
    for (const file of files) replace(`${store.folder}/v1/${file}`, victim);
    await store.keep("b", "other");
    assertEquals(store.open().mightHit("b"), true);
    await store.open().collect({ maxBytes: Infinity });
    const report = await store.open().clear();
    assertEquals(report.removedRecords, 2);
    assertEquals(Deno.readTextFileSync(victim), "precious");
  });
}

Deno.test("a link in place of a blob folder is not followed: files behind it are neither written nor removed", async () => {
  using store = new Store();
  await store.keep("a", "content");
  const precious = `${store.base}/precious`;
  Deno.mkdirSync(precious);
  Deno.writeTextFileSync(`${precious}/file`, "x");
  Deno.symlinkSync(precious, `${store.folder}/v1/blobs/zz`);
  const part = store.blob("content").replace(/\/[^/]*$/, "");
  Deno.removeSync(part, { recursive: true });
  Deno.symlinkSync(precious, part);
  await store.keep("a", "content");
  await store.open().clear();
  assertEquals(Array.from(Deno.readDirSync(precious), ({ name }) => name), ["file"]);
});

Deno.test("mode bits beyond 0777 are neither stored nor restored", async () => {
  using store = new Store();
  Deno.writeTextFileSync(`${store.tree}/a`, "x");
  Deno.chmodSync(`${store.tree}/a`, 0o6755);
  const [output] = await store.open().capture(store.tree, ["a"]);
  assert(output?.kind === "file");
  assertEquals(output.mode, 0o755);
  Deno.removeSync(`${store.tree}/a`);
  await store.open().restore([{ ...output, mode: 0o6755 }], store.tree);
  assertEquals((Deno.statSync(`${store.tree}/a`).mode ?? 0) & 0o7777, 0o755);
});

Deno.test("a result with conflicting paths is rejected before a file is written", async () => {
  using store = new Store();
  const { outputs: [a] } = await store.keep("a", "content");
  assert(a?.kind === "file");
  const link: OutputEntry = { kind: "link", path: "out", target: "/tmp" };
  const cases: readonly (readonly OutputEntry[])[] = [
    [link, { ...a, path: "out/x" }],
    [{ ...a, path: "first" }, { ...a, path: "d" }, { ...a, path: "d/e/f" }],
    [{ ...a, path: "first" }, { ...a, path: "same" }, { ...a, path: "same" }],
  ];
  Deno.removeSync(`${store.tree}/a`);
  for (const outputs of cases) {
    assertEquals((await store.open().restore(outputs, store.tree)).kind, "damaged");
    assertEquals(Array.from(Deno.readDirSync(store.tree)), []);
  }
});

/** A project with a task `make`, and a cache that may have forged records. */
class Target implements AsyncDisposable {
  readonly base = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "simmer_target_" }));
  readonly root = `${this.base}/project`;
  readonly #cache = `${this.base}/cache`;

  /** @param output the patterns of the task's `output`, in addition to `made.txt` */
  constructor(output: readonly string[], command = "echo made > made.txt") {
    this.write("deno.json", {
      workspace: ["packages/*", "./tools/two"],
      tasks: {
        make: {
          command,
          files: ["in.txt"],
          output: ["made.txt", ...output],
        },
      },
    });
    this.write("packages/one/deno.json", {});
    this.write("tools/two/package.json", {});
    this.write(".git/hooks/sample", "sample");
    this.write("in.txt", "in");
  }

  write(path: string, content: unknown): void {
    const text = typeof content === "string" ? content : JSON.stringify(content);
    Deno.mkdirSync(`${this.root}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
    Deno.writeTextFileSync(`${this.root}/${path}`, text);
  }

  /** The text at a path; `undefined` if the path does not exist. */
  read(path: string): string | undefined {
    return treeHas(`${this.root}/${path}`)
      ? Deno.readTextFileSync(`${this.root}/${path}`)
      : undefined;
  }

  /** Runs the task with a new cooker. */
  async run(): Promise<{ readonly ran: readonly string[]; readonly log: string }> {
    const cooker = new DirectCooker(this.root, { cache: this.#cache });
    const { ran, exitCode } = await cooker.run(["make"]);
    assertEquals(exitCode, 0);
    // The cooker stores a task's first result when it is disposed.
    await cooker[Symbol.asyncDispose]();
    return { ran, log: cooker.log.messages.join("\n") };
  }

  /** Writes a record with a valid digest that has files at `paths` in addition to `made.txt`. */
  async forge(paths: readonly string[]): Promise<void> {
    await using cooker = new DirectCooker(this.root, { cache: this.#cache });
    const { tasks: [planned] } = await cooker.plan(["make"]);
    assert(planned?.fingerprint !== undefined);
    const store = new ResultStore({
      folder: this.#cache,
      log: new MemoryLogger(),
      clock: new FakeClock(),
    });
    const file = (path: string, text: string): OutputEntry => {
      const bytes = new TextEncoder().encode(text);
      const digest = store.putBlob(bytes);
      return { kind: "file", path, digest, bytes: bytes.length, mode: 0o755 };
    };
    store.save({
      fingerprint: planned.fingerprint,
      task: JSON.stringify(["", "deno.json", "make"]),
      durationMs: 1,
      savedAt: 0,
      outputs: [...paths.map((path) => file(path, "evil")), file("made.txt", "from the cache")],
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Deno.remove(this.base, { recursive: true });
  }
}

const FORBIDDEN: readonly string[] = [
  ".git",
  ".git/hooks/post-checkout",
  ".GIT/hooks/post-checkout",
  ".simmer/results.jsonl",
  ".simmer/evil",
  "deno.json",
  "deno.jsonc",
  "package.json",
  "packages/one/deno.json",
  "packages/one/package.json",
  "packages/one/.git/hooks/post-checkout",
  "packages/one/.simmer/evil",
  "packages/new/deno.json",
  "tools/two/package.json",
];

Deno.test("a forged record cannot write into .git or .simmer, or replace a config file of the workspace", async () => {
  for (const path of FORBIDDEN) {
    await using target = new Target([path]);
    await target.forge([path]);
    const before = path === ".git" ? undefined : target.read(path);
    const { ran, log } = await target.run();
    assertEquals(ran, ["make"], path);
    if (path === ".git") assertEquals(target.read(".git/hooks/sample"), "sample");
    else if (path !== ".simmer/results.jsonl") assertEquals(target.read(path), before, path);
    else assertEquals(target.read(path)?.includes("evil"), false);
    assertEquals(target.read("made.txt"), "made\n", path);
    assertMatch(log, /Cannot restore a result: .* (is never restored|is not a path)/, path);
  }
});

Deno.test("a forged record cannot write to a path that the task's output does not match", async () => {
  const cases: readonly (readonly [readonly string[], string])[] = [
    [[], "src/main.ts"],
    [["dist"], "dist2/main.js"],
    [["dist", "!dist/keep"], "dist/keep/main.js"],
    [["dist/*.js"], "dist/main.ts"],
  ];
  for (const [output, path] of cases) {
    await using target = new Target(output);
    await target.forge([path]);
    const { ran, log } = await target.run();
    assertEquals([ran, target.read(path)], [["make"], undefined], path);
    assertMatch(log, /is not included in the task's "output"/);
  }
});

Deno.test("files that the task's output matches are restored, even with names such as package.json", async () => {
  const paths = ["dist/package.json", "dist/deno.json", "dist/.gitignore", "dist/a.git/x"];
  await using target = new Target(["dist", "vendor/node_modules"]);
  await target.forge([...paths, "vendor/node_modules/a/package.json"]);
  assertEquals((await target.run()).ran, []);
  for (const path of paths) assertEquals(target.read(path), "evil", path);
  assertEquals(target.read("made.txt"), "from the cache");
});

Deno.test("a restored file does not follow a link in the working tree into .git or to a config file", async () => {
  for (const [link, to, path] of [["out", ".git/hooks", "out/x"], ["out", ".", "out/deno.jsonc"]]) {
    await using target = new Target(["out"]);
    await target.forge([path ?? ""]);
    Deno.symlinkSync(to ?? "", `${target.root}/${link}`);
    assertEquals((await target.run()).ran, ["make"], path);
    assertEquals(target.read(".git/hooks/x"), undefined);
    assertEquals(target.read("deno.jsonc"), undefined);
  }
});

Deno.test("a result with a config file among its outputs is not stored, and the log says why", async () => {
  const command = "echo made > made.txt && echo {} > deno.jsonc";
  await using target = new Target(["deno.jsonc"], command);
  for (let round = 0; round < 2; round++) {
    const { ran, log } = await target.run();
    assertEquals(ran, ["make"]);
    assertMatch(log, /Cannot cache results: deno.jsonc is never restored: .*config/);
  }
});

Deno.test("a config file that an earlier version recorded as an output is not removed before the task runs", async () => {
  await using target = new Target([]);
  await target.run();
  const journal = ".simmer/results.jsonl";
  const text = target.read(journal) ?? "";
  assert(text.includes('"path":"made.txt"'));
  target.write(journal, text.replace('"path":"made.txt"', '"path":"deno.json"'));
  target.write("in.txt", "changed");
  assertEquals((await target.run()).ran, ["make"]);
  assert(target.read("deno.json") !== undefined);
});

function treeHas(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
