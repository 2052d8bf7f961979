import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import fc from "fast-check";
import { StoreError } from "../../../cooker/store/errors.ts";
import { removeOutputs } from "../../../cooker/store/outputs.ts";
import type { OutputEntry } from "../../../cooker/store/result.ts";
import { ResultStore } from "../../../cooker/store/result_store.ts";
import { sha256Hex } from "../../../system/files/digest.ts";
import { FakeClock } from "../../../system/fake_clock.ts";
import { MemoryLogger } from "../../../system/logger.ts";

/** A store beside a working tree. */
class Pantry implements Disposable {
  readonly base = Deno.realPathSync(Deno.makeTempDirSync());
  readonly folder = `${this.base}/store`;
  readonly tree = `${this.base}/tree`;
  readonly log = new MemoryLogger();
  readonly clock = new FakeClock();
  readonly store = this.open();

  constructor() {
    Deno.mkdirSync(this.tree);
  }

  open(): ResultStore {
    return new ResultStore({ folder: this.folder, log: this.log, clock: this.clock });
  }

  write(path: string, text: string, mode = 0o644): void {
    Deno.mkdirSync(`${this.tree}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
    Deno.writeTextFileSync(`${this.tree}/${path}`, text);
    Deno.chmodSync(`${this.tree}/${path}`, mode);
  }

  async keep(name: string, ...paths: string[]): Promise<readonly OutputEntry[]> {
    const outputs = await this.store.capture(this.tree, paths);
    const fingerprint = sha256Hex(name);
    this.store.save({ fingerprint, task: name, durationMs: 1, savedAt: 0, outputs });
    return outputs;
  }

  blob(text: string): string {
    const digest = sha256Hex(text);
    return `${this.folder}/v1/blobs/${digest.slice(0, 2)}/${digest}`;
  }

  /** Lists the tree recursively: kinds, modes and contents. */
  look(folder = this.tree): Record<string, string> {
    const seen: Record<string, string> = {};
    for (const { name } of [...Deno.readDirSync(folder)].sort((a, b) => a.name < b.name ? -1 : 1)) {
      const path = `${folder}/${name}`;
      const info = Deno.lstatSync(path);
      const mode = ((info.mode ?? 0) & 0o777).toString(8);
      const key = path.slice(this.tree.length + 1);
      if (info.isSymlink) seen[key] = `link ${Deno.readLinkSync(path)}`;
      else if (info.isFile) seen[key] = `file ${mode} ${Deno.readTextFileSync(path)}`;
      else Object.assign(seen, { [key]: "folder" }, this.look(path));
    }
    return seen;
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.base, { recursive: true });
  }
}

Deno.test("restore recreates contents, modes, links, empty folders and odd names", async () => {
  using pantry = new Pantry();
  pantry.write("out/a.txt", "a");
  pantry.write("out/run.sh", "#!/bin/sh\n", 0o755);
  pantry.write("out/it's ünicode\n.txt", "odd", 0o400);
  Deno.mkdirSync(`${pantry.tree}/out/empty`);
  Deno.symlinkSync("a.txt", `${pantry.tree}/out/link`);
  Deno.symlinkSync("/nowhere at all", `${pantry.tree}/out/dangling`);
  const paths = ["a.txt", "run.sh", "it's ünicode\n.txt", "empty", "link", "dangling"];
  const outputs = await pantry.keep("one", ...paths.map((path) => `out/${path}`));
  const before = pantry.look();
  Deno.removeSync(`${pantry.tree}/out`, { recursive: true });
  assertEquals(await pantry.store.restore(outputs, pantry.tree), { kind: "restored", changed: 6 });
  assertEquals(pantry.look(), before);
  assertEquals(await pantry.store.restore(outputs, pantry.tree), { kind: "restored", changed: 0 });
});

Deno.test("restore does not touch a file that is already correct", async () => {
  using pantry = new Pantry();
  pantry.write("a.txt", "a");
  const outputs = await pantry.keep("one", "a.txt");
  Deno.utimeSync(`${pantry.tree}/a.txt`, 5, 5);
  await pantry.store.restore(outputs, pantry.tree);
  assertEquals(Deno.statSync(`${pantry.tree}/a.txt`).mtime?.getTime(), 5000);
});

Deno.test("another store on the same folder finds a result", async () => {
  using pantry = new Pantry();
  pantry.write("a.txt", "a");
  const outputs = await pantry.keep("one", "a.txt");
  assertEquals(pantry.open().find(sha256Hex("one"))?.outputs, outputs);
  assertEquals(pantry.open().find(sha256Hex("two")), undefined);
});

Deno.test("equal contents are stored once, even for different results", async () => {
  using pantry = new Pantry();
  for (const name of ["one", "two", "three"]) {
    pantry.write(`${name}.txt`, "the same");
    await pantry.keep(name, `${name}.txt`);
  }
  assertEquals((await pantry.store.collect({ maxBytes: Infinity })).blobs, 1);
});

Deno.test("restore logs a damaged or missing blob and changes no file", async () => {
  for (const damage of ["flip", "cut", "remove"]) {
    using pantry = new Pantry();
    pantry.write("a.txt", "first");
    pantry.write("b.txt", "second");
    const outputs = await pantry.keep("one", "a.txt", "b.txt");
    pantry.write("a.txt", "changed since");
    pantry.write("b.txt", "changed since");
    const blob = pantry.blob("second");
    if (damage === "flip") Deno.writeTextFileSync(blob, "secone");
    if (damage === "cut") Deno.truncateSync(blob, 3);
    if (damage === "remove") Deno.removeSync(blob);
    const before = pantry.look();
    const restored = await pantry.store.restore(outputs, pantry.tree);
    assertEquals(restored.kind, "damaged", damage);
    assertEquals(pantry.look(), before);
    assertStringIncludes(pantry.log.messages.join("\n"), "b.txt is missing or damaged");
    // Storing the content again repairs the blob.
    pantry.write("b.txt", "second");
    await pantry.keep("one", "b.txt");
    assertEquals((await pantry.store.restore(outputs, pantry.tree)).kind, "restored", damage);
  }
});

Deno.test("a damaged record is a miss", async () => {
  using pantry = new Pantry();
  pantry.write("a.txt", "a");
  await pantry.keep("one", "a.txt");
  const fingerprint = sha256Hex("one");
  const path = `${pantry.folder}/v1/results/${fingerprint.slice(0, 2)}/${fingerprint}.json`;
  for (
    const text of ["", "{", "[]", '{"format":1}', Deno.readTextFileSync(path).replace("1", "7")]
  ) {
    Deno.writeTextFileSync(path, text);
    assertEquals(pantry.open().find(fingerprint), undefined, text);
  }
});

Deno.test("restore and removeOutputs refuse invalid paths and paths outside of the task's folder", async () => {
  using pantry = new Pantry();
  pantry.write("a.txt", "evil");
  const [output] = await pantry.keep("one", "a.txt");
  assert(output !== undefined);
  Deno.mkdirSync(`${pantry.base}/outside`);
  Deno.symlinkSync(`${pantry.base}/outside`, `${pantry.tree}/link`);
  const paths = ["../x", "/etc/x", "a/../../x", "", ".", "a//b", "link/x", "link/deep/x", "a\0b"];
  for (const path of paths) {
    const restored = await pantry.store.restore([{ ...output, path }], pantry.tree);
    assertEquals(restored.kind, "damaged", path);
    assertThrows(() => removeOutputs(pantry.tree, [{ ...output, path }]), StoreError);
  }
  assertEquals([...Deno.readDirSync(`${pantry.base}/outside`)], []);
  assertEquals([...Deno.readDirSync(pantry.base)].map(({ name }) => name).sort(), [
    "outside",
    "store",
    "tree",
  ]);
});

Deno.test("restore does not replace a folder that contains files with an output", async () => {
  using pantry = new Pantry();
  pantry.write("out", "a file");
  const outputs = await pantry.keep("one", "out");
  Deno.removeSync(`${pantry.tree}/out`);
  pantry.write("out/precious.txt", "mine");
  assertEquals((await pantry.store.restore(outputs, pantry.tree)).kind, "damaged");
  assertEquals(pantry.look(), { out: "folder", "out/precious.txt": "file 644 mine" });
});

Deno.test("removeOutputs removes files, and folders that become empty", async () => {
  using pantry = new Pantry();
  for (const path of ["out/keep.txt", "out/old.txt", "out/deep/old.txt", "out/edited.txt"]) {
    pantry.write(path, path);
  }
  const earlier = await pantry.keep(
    "one",
    "out/keep.txt",
    "out/old.txt",
    "out/deep/old.txt",
    "out/deep",
    "out/edited.txt",
  );
  const extra = earlier.filter(({ path }) => !/keep|edited/.test(path));
  assertEquals(removeOutputs(pantry.tree, extra), 3);
  assertEquals(pantry.look(), {
    out: "folder",
    "out/edited.txt": "file 644 out/edited.txt",
    "out/keep.txt": "file 644 out/keep.txt",
  });
});

Deno.test("collect removes the least recently used results first", async () => {
  using pantry = new Pantry();
  const hour = 60 * 60 * 1000;
  for (const name of ["one", "two", "three"]) {
    pantry.write(`${name}.txt`, name.repeat(1000));
    await pantry.keep(name, `${name}.txt`);
    age(pantry.folder, name);
  }
  // New files have the system's time. `find` uses the store's clock, which is far ahead of it.
  pantry.clock.advance(Date.now() + 2 * hour);
  assert(pantry.open().find(sha256Hex("one")) !== undefined, "used now");
  const dry = await pantry.store.collect({ maxBytes: 4000, dryRun: true });
  const report = await pantry.store.collect({ maxBytes: 4000 });
  assertEquals(report, dry);
  assertEquals([report.records, report.removedRecords, report.removedBlobs], [3, 2, 2]);
  const after = pantry.open();
  assertEquals(
    ["one", "two", "three"].map((name) => after.find(sha256Hex(name)) !== undefined),
    [true, false, false],
  );
  assertEquals((await pantry.store.clear()).removedRecords, 1);
});

Deno.test("collect removes temporary files of killed writers after a day", async () => {
  using pantry = new Pantry();
  pantry.write("a.txt", "a");
  await pantry.keep("task", "a.txt");
  const staging = `${pantry.folder}/v1/staging`;
  const hour = 60 * 60 * 1000;
  for (const [name, age] of [["young", hour], ["old", 25 * hour]] as const) {
    await Deno.writeTextFile(`${staging}/${name}`, "half");
    const time = new Date(pantry.clock.now() - age);
    await Deno.utime(`${staging}/${name}`, time, time);
  }
  await pantry.store.collect({ maxBytes: Infinity });
  assertEquals([...Deno.readDirSync(staging)].map(({ name }) => name), ["young"]);
});

Deno.test("restore writes outputs in a given temporary folder, and renames them when complete", async () => {
  using pantry = new Pantry();
  pantry.write("out/a.txt", "a", 0o640);
  Deno.symlinkSync("a.txt", `${pantry.tree}/out/link`);
  const outputs = await pantry.keep("task", "out/a.txt", "out/link");
  const before = pantry.look();
  const staging = `${pantry.base}/state/staging`;
  for (const name of ["a.txt", "link"]) Deno.removeSync(`${pantry.tree}/out/${name}`);
  using watcher = Deno.watchFs(`${pantry.tree}/out`);
  assertEquals(await pantry.store.restore(outputs, pantry.tree, { staging }), {
    kind: "restored",
    changed: 2,
  });
  assertEquals(pantry.look(), before);
  Deno.writeTextFileSync(`${pantry.tree}/out/end`, "");
  const seen = new Set<string>();
  for await (const { paths } of watcher) {
    for (const path of paths) seen.add(path.slice(pantry.tree.length + 1));
    if (seen.has("out/end")) break;
  }
  assertEquals([...seen].sort(), ["out/a.txt", "out/end", "out/link"]);
  assertEquals([...Deno.readDirSync(staging)], []);
});

Deno.test("times in the future do not protect a result or delay a collection", async () => {
  using pantry = new Pantry();
  pantry.write("one.txt", "one".repeat(1000));
  await pantry.keep("one", "one.txt");
  const year = 365 * 24 * 60 * 60 * 1000;
  pantry.clock.advance(Date.now() + year);
  await pantry.store.collect({ maxBytes: Infinity });
  pantry.clock.advance(-2 * year);
  await pantry.store.collectIfDue(0);
  assertEquals(pantry.open().find(sha256Hex("one")), undefined);
});

/** Sets the times of a result's files to long ago. */
function age(folder: string, name: string): void {
  const fingerprint = sha256Hex(name);
  const digest = sha256Hex(name.repeat(1000));
  for (
    const path of [
      `results/${fingerprint.slice(0, 2)}/${fingerprint}.json`,
      `blobs/${digest.slice(0, 2)}/${digest}`,
    ]
  ) Deno.utimeSync(`${folder}/v1/${path}`, 1000, 1000);
}

Deno.test("capture fails with a StoreError if a file is missing", async () => {
  using pantry = new Pantry();
  const error = await pantry.store.capture(pantry.tree, ["nothing.txt"]).catch((each) => each);
  assertEquals(error.name, "StoreError");
});

Deno.test("restore recreates random trees after random damage", async () => {
  const path = fc.constantFrom("a", "b", "d/a", "d/b", "d/e/c", "f/x");
  const files = fc.dictionary(path, fc.record({ text: fc.string(), runs: fc.boolean() }));
  const damage = fc.array(fc.tuple(fc.constantFrom("remove", "write", "folder", "chmod"), path));
  await fc.assert(
    fc.asyncProperty(files, damage, async (made, steps) => {
      using pantry = new Pantry();
      for (const [name, { text, runs }] of Object.entries(made)) {
        pantry.write(name, text, runs ? 0o755 : 0o644);
      }
      const before = pantry.look();
      const outputs = await pantry.keep("one", ...Object.keys(made));
      for (const [kind, name] of steps) spoil(`${pantry.tree}/${name}`, kind);
      const restored = await pantry.store.restore(outputs, pantry.tree);
      assertEquals(restored.kind, "restored");
      const after = pantry.look();
      for (const name of Object.keys(made)) assertEquals(after[name], before[name]);
    }),
    { numRuns: 100 },
  );
});

function spoil(path: string, kind: string): void {
  try {
    if (kind === "remove") Deno.removeSync(path, { recursive: true });
    if (kind === "write") Deno.writeTextFileSync(path, "spoilt");
    if (kind === "chmod") Deno.chmodSync(path, 0o600);
    if (kind === "folder") {
      Deno.removeSync(path);
      Deno.mkdirSync(path);
    }
  } catch (error) {
    // A random step may be impossible. Only the restored tree matters.
    if (!(error instanceof Error)) throw error;
  }
}
