import { assert, assertEquals, assertNotEquals, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { InputTracker } from "../../../cooker/inputs/tracker.ts";
import { trackerOf } from "./trackers.ts";
import { Inotify } from "../../../system/files/inotify.ts";

/** A project's folder with a tracker. */
class Project implements Disposable {
  readonly notes: string[] = [];
  readonly root = Deno.realPathSync(Deno.makeTempDirSync());
  readonly tracker = new InputTracker({
    root: this.root,
    cookies: `${this.root}/.simmer/cookies`,
    note: (text) => this.notes.push(text),
  });

  write(path: string, text: string): void {
    Deno.mkdirSync(`${this.root}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
    Deno.writeTextFileSync(`${this.root}/${path}`, text);
  }

  /** Returns the paths that entries match now. */
  names(...entries: string[]): string[] {
    this.tracker.sync();
    return [...this.tracker.set(this.root, entries)?.snapshot().files.keys() ?? []];
  }

  digest(...entries: string[]): string | undefined {
    this.tracker.sync();
    return this.tracker.set(this.root, entries)?.snapshot().digest;
  }

  /** Returns the digest of a new tracker that scans all files and watches none. */
  digestAnew(...entries: string[]): string | undefined {
    const tracker = trackerOf(this.root, false);
    const digest = tracker.set(this.root, entries)?.snapshot().digest;
    tracker.stop();
    return digest;
  }

  [Symbol.dispose](): void {
    this.tracker.stop();
    Deno.removeSync(this.root, { recursive: true });
  }
}

Deno.test("a set follows every change: edits, and new and renamed files and folders", () => {
  using project = new Project();
  assertEquals(project.names("src/**/*.ts"), []);
  project.write("src/deep/a.ts", "1");
  assertEquals(project.names("src/**/*.ts"), ["src/deep/a.ts"]);
  const before = project.digest("src/**/*.ts");
  project.write("src/deep/a.ts", "2");
  assertNotEquals(project.digest("src/**/*.ts"), before);
  project.write("src/deep/a.ts", "1");
  assertEquals(project.digest("src/**/*.ts"), before);
  Deno.renameSync(`${project.root}/src`, `${project.root}/lib`);
  assertEquals(project.names("src/**/*.ts"), []);
  Deno.renameSync(`${project.root}/lib`, `${project.root}/src`);
  assertEquals(project.digest("src/**/*.ts"), before);
});

Deno.test("an edit of the same size is noticed, even if the old times are restored", () => {
  using project = new Project();
  project.write("a.txt", "old");
  const path = `${project.root}/a.txt`;
  const { atime, mtime } = Deno.statSync(path);
  const before = project.digest("a.txt");
  Deno.writeTextFileSync(path, "new");
  Deno.utimeSync(path, atime ?? new Date(), mtime ?? new Date());
  assertNotEquals(project.digest("a.txt"), before);
});

Deno.test("a set whose files have not changed stays settled", () => {
  using project = new Project();
  for (let index = 0; index < 20; index++) project.write(`src/${index}.txt`, String(index));
  const set = project.tracker.set(project.root, ["src/*.txt"]);
  project.tracker.sync();
  const first = set?.snapshot();
  project.tracker.sync();
  assert(set?.isSettled);
  assertEquals(set.snapshot(), first);
  project.write("elsewhere/x.txt", "x");
  project.tracker.sync();
  assert(set.isSettled, "a change elsewhere does not affect it");
});

Deno.test("a link's target is the input, and its change is noticed even outside of the set", () => {
  using project = new Project();
  project.write("other/real.txt", "1");
  Deno.mkdirSync(`${project.root}/src`);
  Deno.symlinkSync("../other/real.txt", `${project.root}/src/link.txt`);
  const before = project.digest("src/*.txt");
  project.write("other/real.txt", "2");
  assertNotEquals(project.digest("src/*.txt"), before);
});

Deno.test("a file outside of the project can be an input, and its change is noticed", () => {
  using project = new Project();
  using outside = new Project();
  outside.write("a.txt", "1");
  const entry = `${outside.root}/a.txt`;
  const before = project.digest(entry);
  outside.write("a.txt", "2");
  assertNotEquals(project.digest(entry), before);
});

Deno.test("a root that was replaced by another folder is scanned again, with a note", () => {
  using project = new Project();
  project.write("a.txt", "1");
  project.digest("a.txt");
  const moved = `${project.root}.moved`;
  Deno.renameSync(project.root, moved);
  project.write("a.txt", "2");
  assertEquals(project.digest("a.txt"), project.digestAnew("a.txt"));
  project.write("a.txt", "3");
  assertEquals(project.digest("a.txt"), project.digestAnew("a.txt"));
  assertEquals(project.notes, ["Inputs were checked again: the project's folder was replaced"]);
  Deno.removeSync(moved, { recursive: true });
});

Deno.test("events of the cookies of a moved root do not count as those of its copy", async () => {
  using project = new Project();
  const moved = `${project.root}.moved`;
  project.write("a.txt", "1");
  for (const text of ["2", "3"]) {
    const before = project.digest("*.txt");
    Deno.renameSync(project.root, moved);
    await new Deno.Command("cp", { args: ["-a", moved, project.root] }).output();
    project.write("a.txt", text);
    Deno.removeSync(moved, { recursive: true });
    assertNotEquals(project.digest("*.txt"), before);
    assertEquals(project.digest("*.txt"), project.digestAnew("*.txt"));
  }
});

Deno.test("cookies that other processes have renamed before the root was moved do not count", () => {
  for (const [from, to] of [["cookie-0", "cookie-1"], ["cookie-1", "cookie-0"]]) {
    using project = new Project();
    project.write("a.txt", "1");
    const before = project.digest("*.txt");
    const cookies = `${project.root}/.simmer/cookies`;
    Deno.writeTextFileSync(`${cookies}/${from}`, "");
    Deno.renameSync(`${cookies}/${from}`, `${cookies}/${to}`);
    const moved = `${project.root}.moved`;
    Deno.renameSync(project.root, moved);
    project.write("a.txt", "2");
    assertNotEquals(project.digest("*.txt"), before);
    Deno.removeSync(moved, { recursive: true });
  }
});

Deno.test("trackers that share a folder of cookies see every change, and remove their cookies", () => {
  using project = new Project();
  const other = trackerOf(project.root, true);
  const cookies = `${project.root}/.simmer/cookies`;
  const digest = (): string | undefined => {
    other.sync();
    return other.set(project.root, ["*.txt"])?.snapshot().digest;
  };
  for (let count = 0; count < 6; count++) {
    project.write("a.txt", `${count}`);
    // One of the two syncs twice in a row, and sometimes the cookies are gone.
    if (count % 2 === 0) other.sync();
    if (count === 3) {
      for (const { name } of Deno.readDirSync(cookies)) Deno.removeSync(`${cookies}/${name}`);
    }
    assertEquals(project.digest("*.txt"), project.digestAnew("*.txt"));
    assertEquals(digest(), project.digest("*.txt"));
  }
  assertEquals([project.notes, other.notes], [[], []]);
  other.stop();
  project.tracker.stop();
  assertEquals([...Deno.readDirSync(cookies)], []);
});

Deno.test("no change is lost when the kernel's event queue overflows", () => {
  using project = new Project();
  project.write("a.txt", "1");
  project.digest("*.txt");
  const queued = Number(Deno.readTextFileSync("/proc/sys/fs/inotify/max_queued_events"));
  for (let index = 0; index <= queued / 2; index++) {
    Deno.writeTextFileSync(`${project.root}/b.txt`, "x");
    Deno.writeTextFileSync(`${project.root}/c.txt`, "x");
  }
  Deno.writeTextFileSync(`${project.root}/a.txt`, "2");
  assertEquals(project.digest("*.txt"), project.digestAnew("*.txt"));
  assertEquals(project.notes.length, 1);
});

Deno.test("a folder that was moved away is no longer watched, nor are the folders below it", () => {
  using project = new Project();
  using outside = new Project();
  project.write("src/deep/a.txt", "1");
  const entries = ["src/**/*.txt"];
  project.digest(...entries);
  const watches = kernelWatches();
  Deno.renameSync(`${project.root}/src`, `${outside.root}/src`);
  project.tracker.sync();
  assertEquals(kernelWatches(), watches - 3, "src, src/deep and the file");
  // A new folder of the same name gets watches of its own.
  project.write("src/deep/a.txt", "1");
  const before = project.digest(...entries);
  assertEquals(kernelWatches(), watches);
  project.write("src/deep/a.txt", "2");
  assertNotEquals(project.digest(...entries), before);
  assertEquals(project.digest(...entries), project.digestAnew(...entries));
});

/** Returns the number of inotify watches of this process. */
function kernelWatches(): number {
  const queues = [...Deno.readDirSync("/proc/self/fd")].filter(({ name }) =>
    linkOf(`/proc/self/fd/${name}`) === "anon_inode:inotify"
  );
  return queues.reduce((count, { name }) => {
    const lines = Deno.readTextFileSync(`/proc/self/fdinfo/${name}`).split("\n");
    return count + lines.filter((line) => line.startsWith("inotify wd:")).length;
  }, 0);
}

function linkOf(path: string): string | undefined {
  try {
    return Deno.readLinkSync(path);
  } catch (error) {
    // The descriptor that listed the folder is already closed.
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

Deno.test("a new folder is watched at the path of a moved one, even if the move was reported late", () => {
  using project = new Project();
  project.write("a/b/c/0.txt", "0");
  const before = project.digest("a");
  Deno.renameSync(`${project.root}/a/b`, `${project.root}/x`);
  project.tracker.set(project.root, ["x/0.txt"])?.snapshot();
  project.write("a/b/c/0.txt", "0");
  assertEquals(project.digest("a"), before);
  project.write("a/b/c/0.txt", "1");
  assertNotEquals(project.digest("a"), before);
});

Deno.test("files behind a link are not in a set's snapshot after the link was removed", async () => {
  using project = new Project();
  project.write("elsewhere/0.txt", "0");
  Deno.symlinkSync("elsewhere", `${project.root}/a`);
  assertEquals(project.names("a"), ["a/0.txt"]);
  Deno.removeSync(`${project.root}/a`);
  project.tracker.sync();
  await project.tracker.set(project.root, ["a"])?.find();
  assertEquals(project.names("a"), []);
});

Deno.test("a note says why folders cannot be watched, and disappears when they can", () => {
  using project = new Project();
  const notes: string[] = [];
  let failure: "instances" | "descriptors" | undefined = "instances";
  const tracker = new InputTracker({
    root: project.root,
    cookies: `${project.root}/.simmer/cookies`,
    note: (text) => notes.push(text),
    openQueue: () => failure ?? Inotify.open(),
  });
  tracker.sync();
  assertEquals(tracker.notes.length, 1);
  assertStringIncludes(tracker.notes[0] ?? "", "sysctl fs.inotify.max_user_instances");
  failure = "descriptors";
  tracker.sync();
  assertStringIncludes(notes.at(-1) ?? "", "ulimit -n");
  failure = undefined;
  tracker.sync();
  assertEquals([tracker.notes, notes.length], [[], 2]);
  tracker.stop();
});

Deno.test("files are scanned if they cannot be watched, and one note says so", () => {
  using project = new Project();
  const notes: string[] = [];
  const tracker = new InputTracker({
    root: project.root,
    cookies: `${project.root}/.simmer/cookies`,
    note: (text) => notes.push(text),
    openQueue: () => undefined,
  });
  const digest = (): string | undefined => {
    tracker.sync();
    return tracker.set(project.root, ["*.txt"])?.snapshot().digest;
  };
  project.write("a.txt", "1");
  const before = digest();
  project.write("a.txt", "2");
  assertNotEquals(digest(), before);
  project.write("b.txt", "2");
  assertEquals(digest(), project.digestAnew("*.txt"));
  assertEquals(notes.length, 1);
  tracker.stop();
});

Deno.test("only folders that the entries can reach are watched", () => {
  using project = new Project();
  for (const folder of ["src/a", "node_modules/x", ".git/objects", "docs/b", ".simmer/logs"]) {
    project.write(`${folder}/file.ts`, "");
  }
  project.names("src/**/*.ts");
  assertEquals(project.tracker.watchedFolders, 3, "the root, src and src/a");
  project.names("**/*.ts");
  assertEquals(project.tracker.watchedFolders, 5, "docs and docs/b, too");
});

type Step = { readonly act: string; readonly a: string; readonly b: string; readonly text: string };

const names = fc.constantFrom("a.txt", "b.txt", "d", "d/a.txt", "d/e", "d/e/c.txt", "f", "f/b.txt");
const steps = fc.array(
  fc.record({
    act: fc.constantFrom("write", "write", "write", "mkdir", "remove", "rename", "link", "chmod"),
    a: names,
    b: names,
    text: fc.constantFrom("1", "2", "33"),
  }),
  { maxLength: 12 },
);

Deno.test("a watched set has the same digest as a new scan, after any changes", () => {
  const lists = [["**/*.txt"], ["d", "f/*.txt"], ["**/*", "!d/e"], ["d/e/c.txt", "a.txt"]];
  let rounds = 0;
  fc.assert(
    fc.property(fc.array(steps, { minLength: 1, maxLength: 6 }), (bursts) => {
      using project = new Project();
      for (const burst of bursts) {
        for (const step of burst) attempt(project.root, step);
        for (const entries of lists) {
          rounds++;
          assertEquals(project.digest(...entries), project.digestAnew(...entries));
        }
      }
      assertEquals(project.notes, []);
    }),
    { numRuns: 150 },
  );
  assert(rounds > 300);
});

function attempt(root: string, { act, a, b, text }: Step): void {
  const [from, to] = [`${root}/${a}`, `${root}/${b}`];
  try {
    if (act === "write") Deno.writeTextFileSync(from, text);
    if (act === "mkdir") Deno.mkdirSync(from);
    if (act === "remove") Deno.removeSync(from, { recursive: true });
    if (act === "rename") Deno.renameSync(from, to);
    if (act === "link") Deno.symlinkSync(to, from);
    if (act === "chmod") Deno.chmodSync(from, text === "1" ? 0o644 : 0o744);
  } catch (error) {
    // A random step may be impossible. Only the resulting state is compared.
    if (!(error instanceof Error)) throw error;
  }
}

/** Changes of inputs. The test withholds their inotify events. */
const UNREPORTED: Readonly<Record<string, (root: string) => void>> = {
  "is truncated": (root) => Deno.truncateSync(`${root}/src/a.txt`, 0),
  "is written to": (root) => Deno.writeTextFileSync(`${root}/src/a.txt`, "2"),
  "is replaced": (root) => {
    Deno.writeTextFileSync(`${root}/a.new`, "1");
    Deno.renameSync(`${root}/a.new`, `${root}/src/a.txt`);
  },
  "is removed": (root) => Deno.removeSync(`${root}/src/a.txt`),
  "is created beside another": (root) => Deno.writeTextFileSync(`${root}/src/b.txt`, "1"),
  "is created in a new folder": (root) => {
    Deno.mkdirSync(`${root}/src/new`);
    Deno.writeTextFileSync(`${root}/src/new/c.txt`, "1");
  },
};

for (const [name, change] of Object.entries(UNREPORTED)) {
  Deno.test({
    name: `an input that ${name} counts as changed before the kernel reports it`,
    ignore: Deno.build.os !== "linux",
    fn: async () => {
      const held = { isHeld: false };
      const root = Deno.realPathSync(Deno.makeTempDirSync());
      Deno.mkdirSync(`${root}/src`);
      Deno.writeTextFileSync(`${root}/src/a.txt`, "1");
      const tracker = new InputTracker({
        root,
        cookies: `${root}/.simmer/cookies`,
        note: () => {},
        openQueue: () => {
          const queue = Inotify.open();
          assert(queue instanceof Inotify);
          const read = queue.read.bind(queue);
          queue.read = () => held.isHeld ? { events: [], isOverflown: false } : read();
          return queue;
        },
      });
      tracker.sync();
      const set = tracker.set(root, ["src"]);
      assert(set !== undefined);
      const before = await set.look();
      assertEquals(before.isWatched, true);
      assertEquals(await set.isUnchangedSince(before), true);
      held.isHeld = true;
      change(root);
      assertEquals(await set.isUnchangedSince(before), false);
      tracker.stop();
      Deno.removeSync(root, { recursive: true });
    },
  });
}

Deno.test("an input that was replaced and restored counts as changed, whether watched or not", async () => {
  for (const openQueue of [Inotify.open, () => undefined]) {
    const root = Deno.realPathSync(Deno.makeTempDirSync());
    Deno.mkdirSync(`${root}/src`);
    Deno.writeTextFileSync(`${root}/src/a.txt`, "1");
    const cookies = `${root}/.simmer/cookies`;
    const tracker = new InputTracker({ root, cookies, note: () => {}, openQueue });
    tracker.sync();
    const set = tracker.set(root, ["src"]);
    assert(set !== undefined);
    const before = await set.look();
    for (const text of ["2", "1"]) {
      Deno.writeTextFileSync(`${root}/new`, text);
      Deno.renameSync(`${root}/new`, `${root}/src/a.txt`);
    }
    assertEquals(await set.isUnchangedSince(before), false);
    tracker.stop();
    Deno.removeSync(root, { recursive: true });
  }
});

/** Ways to give a watched file a second name. Each returns that name. */
const OTHER_NAMES: Readonly<Record<string, (root: string) => Promise<string>>> = {
  "a hard link beside the folder": async (root) => {
    await Deno.link(`${root}/src/a.txt`, `${root}/other`);
    return `${root}/other`;
  },
  "a copy of the tree made of hard links (cp -al)": async (root) => {
    await new Deno.Command("cp", { args: ["-al", `${root}/src`, `${root}/copy`] }).output();
    return `${root}/copy/a.txt`;
  },
  "a hard link that replaces the file": async (root) => {
    await Deno.writeTextFile(`${root}/other`, "1");
    await Deno.link(`${root}/other`, `${root}/new`);
    await Deno.rename(`${root}/new`, `${root}/src/a.txt`);
    return `${root}/other`;
  },
};

for (const [name, make] of Object.entries(OTHER_NAMES)) {
  Deno.test({
    name: `a write through a second name is noticed: ${name}`,
    ignore: Deno.build.os !== "linux",
    fn: async () => {
      using project = new Project();
      project.write("src/a.txt", "1");
      project.write("src/b.txt", "1");
      const digest = async (): Promise<string | undefined> => {
        project.tracker.sync();
        return (await project.tracker.set(project.root, ["src"])?.look())?.digest;
      };
      const before = await digest();
      assertEquals(await digest(), before);
      const other = await make(project.root);
      assertEquals(await digest(), before);
      for (const text of ["2", "3"]) {
        Deno.writeTextFileSync(other, text);
        const after = await digest();
        assertNotEquals(after, before);
        assertEquals(after, project.digestAnew("src"));
      }
      Deno.writeTextFileSync(other, "1");
      assertEquals(await digest(), before);
      Deno.removeSync(other);
      assertEquals(await digest(), before);
      project.write("src/a.txt", "4");
      assertNotEquals(await digest(), before);
    },
  });
}
