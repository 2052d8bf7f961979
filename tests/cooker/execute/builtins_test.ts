import { assertEquals, equal } from "@std/assert";
import { runDirectly } from "../../../cooker/execute/builtins/run.ts";
import { CancellationController } from "../../../cooker/execute/cancellation.ts";
import type { OutputSink, TaskCommand } from "../../../cooker/execute/executor.ts";

const encoder = new TextEncoder();

/** Creates a folder with files, folders, a program, links and a non-ASCII name. */
async function makeFolder(): Promise<string> {
  const folder = await Deno.realPath(await Deno.makeTempDir());
  await Deno.writeTextFile(`${folder}/deno.json`, "{}");
  await Deno.mkdir(`${folder}/d/e/f`, { recursive: true });
  for (const [name, text] of [["b.txt", "B"], ["A.txt", "A\n"], [".c.txt", "C"], ["a.TXT", "a"]]) {
    await Deno.writeTextFile(`${folder}/d/${name}`, text ?? "");
  }
  await Deno.writeTextFile(`${folder}/d/e/run.sh`, "#!/bin/sh\n", { mode: 0o755 });
  await Deno.writeTextFile(`${folder}/same.txt`, "same\n");
  await Deno.mkdir(`${folder}/links`);
  await Deno.symlink("../d", `${folder}/links/folder`);
  await Deno.symlink("../same.txt", `${folder}/links/file`);
  await Deno.symlink("nowhere", `${folder}/links/broken`);
  await Deno.mkdir(`${folder}/nonascii`);
  await Deno.writeTextFile(`${folder}/nonascii/ä.txt`, "ä");
  return folder;
}

/** Lists a folder recursively: modes, link targets and contents. */
function describe(folder: string, prefix = ""): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort().flatMap((name) => {
    const path = `${folder}/${name}`;
    const { isSymlink, isDirectory, mode } = Deno.lstatSync(path);
    const shown = `${prefix}${name} ${((mode ?? 0) & 0o777).toString(8)}`;
    if (isSymlink) return [`${shown} -> ${Deno.readLinkSync(path)}`];
    if (isDirectory) return [`${shown}/`, ...describe(path, `${prefix}${name}/`)];
    return [`${shown} ${JSON.stringify(Deno.readTextFileSync(path))}`];
  });
}

interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly tree: readonly string[];
}

async function shell(line: string, args: readonly string[], cwd: string): Promise<Result> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", "--eval", ` ${line}`, ...args],
    cwd,
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes).replaceAll(cwd, "~");
  return { code, stdout: text(stdout), stderr: text(stderr), tree: describe(cwd) };
}

function commandOf(line: string, args: readonly string[], cwd: string): TaskCommand {
  return { name: "t", command: line, args, cwd, env: {}, isScript: false };
}

/** Runs a line with the built-in commands, then the rest of it with the shell. */
async function direct(
  line: string,
  args: readonly string[],
  cwd: string,
): Promise<{ readonly result: Result; readonly rest: string }> {
  const written: Uint8Array[] = [];
  const sink: OutputSink = {
    write: (_stream, bytes) => Promise.resolve(void written.push(bytes.slice())),
    warn: () => {},
  };
  const rest = await runDirectly(commandOf(line, args, cwd), sink, new CancellationController());
  const stdout = written.map((bytes) => new TextDecoder().decode(bytes)).join("");
  if (rest === "") {
    return { rest, result: { code: 0, stdout, stderr: "", tree: describe(cwd) } };
  }
  const after = await shell(rest, args, cwd);
  return { rest, result: { ...after, stdout: stdout + after.stdout } };
}

/** Lines, each with the rest that must be left to the shell, and arguments. */
const LINES: readonly (readonly [line: string, rest: string, ...args: string[]])[] = [
  ["echo", ""],
  ["echo a  b", ""],
  ["echo -n a", ""],
  ["echo -e 'a\\tb'", ""],
  [`echo "a  b" 'c"d'   e`, ""],
  ["echo '' x", ""],
  ["echo a;echo b", ""],
  ["echo a&&echo b ;", ""],
  ["echo a", "", "b c", "$HOME", "it's"],
  ["echo a > out.txt", "echo a > out.txt", "b"],
  ["echo a ;", "echo a ;", "b"],
  ["echo d/*.txt", ""],
  ["echo d/?.t?t links *", ""],
  ["echo 'd/*.txt' \"d/*\"", ""],
  ["echo d/x*", "echo d/x*"],
  ["echo links/*", "echo links/*"],
  ["echo ./d/*.txt", "echo ./d/*.txt"],
  ["echo */b.txt **", "echo */b.txt **"],
  ["echo nonascii/*", "echo nonascii/*"],
  ["echo nothing/*", "echo nothing/*"],
  ["echo 2 > out.txt", ""],
  ["echo a 2> out.txt", "echo a 2> out.txt"],
  ["echo a>out.txt", "echo a>out.txt"],
  ["echo a >out.txt", "echo a >out.txt"],
  ["echo a > out.txt b", "echo a > out.txt b"],
  ["echo a > out.txt && echo b >> out.txt && cat out.txt", ""],
  ["echo a > d/new/out.txt", "echo a > d/new/out.txt"],
  ["echo a > d", "echo a > d"],
  ["echo a > links/file && cat same.txt", ""],
  ["echo a > links/broken", ""],
  ["echo a > 'out 1.txt'", ""],
  ["echo a > *.txt", "echo a > *.txt"],
  ["echo $HOME", "echo $HOME"],
  ["echo ~ {a,b} [x] a=b", "echo ~ {a,b} [x] a=b"],
  ["echo a=b c:d @x %y +z", ""],
  ["echo a # b", "echo a # b"],
  ["echo a | cat", "echo a | cat"],
  ["echo a || echo b", "echo a || echo b"],
  ["echo a &", "echo a &"],
  ["echo a &&", "echo a &&"],
  ["&& echo a", "&& echo a"],
  ["echo a ; ; echo b", "echo a ; ; echo b"],
  ["! echo a", "! echo a"],
  ["(echo a)", "(echo a)"],
  ["echo 'a'b", "echo 'a'b"],
  ["echo a\necho b", "echo a\necho b"],
  ["A=1 echo a", "A=1 echo a"],
  ["echo a && true", "true"],
  ["mkdir new", "mkdir new"],
  ["mv same.txt new.txt", "mv same.txt new.txt"],
  ["false && echo a", "false && echo a"],
  ["false ; echo a", "false ; echo a"],
  ["cat d/*.txt", ""],
  ["cat d/*.txt > out.txt", ""],
  ["cat d/b.txt d/nothing", "cat d/b.txt d/nothing"],
  ["cat d", "cat d"],
  ["cat", "cat"],
  ["cat -", "cat -"],
  ["cat same.txt > same.txt", "cat same.txt > same.txt"],
  ["cat links/file > same.txt", "cat links/file > same.txt"],
  ["cat d/b.txt >> same.txt && cat same.txt", ""],
  ["rm same.txt", ""],
  ["rm d", "rm d"],
  ["rm nothing", "rm nothing"],
  ["rm same.txt d/b.txt", "rm same.txt d/b.txt"],
  ["rm -r d", ""],
  ["rm -r same.txt", ""],
  ["rm -f nothing same.txt", ""],
  ["rm -f d", "rm -f d"],
  ["rm -rf d nothing links/file", ""],
  ["rm -rf links/folder links/broken", ""],
  ["rm -rf d/*", ""],
  ["rm -rf links", ""],
  ["rm -rf d/.", "rm -rf d/."],
  ["rm -rf", "rm -rf"],
  ["rm -v same.txt", "rm -v same.txt"],
  ["cp same.txt new.txt", ""],
  ["cp same.txt d", ""],
  ["cp same.txt d/", ""],
  ["cp d/e/run.sh d/b.txt", ""],
  ["cp links/file new.txt", ""],
  ["cp same.txt new/", "cp same.txt new/"],
  ["cp same.txt x/new.txt", "cp same.txt x/new.txt"],
  ["cp same.txt links/file", "cp same.txt links/file"],
  ["cp d x", "cp d x"],
  ["cp -r d x", "cp -r d x"],
  ["cp d/*.txt links", "cp d/*.txt links"],
  ["rm -rf d && echo a > y && sh -c 'cat y'", "sh -c 'cat y'"],
  ["rm -rf d && cat d/b.txt", "cat d/b.txt"],
  ["rm -rf d && )(", "rm -rf d && )("],
];

Deno.test("built-in commands have the same output, exit code and files as the shell", async () => {
  const todo = [...LINES];
  const differences: unknown[] = [];
  const work = async (): Promise<void> => {
    for (let next = todo.shift(); next !== undefined; next = todo.shift()) {
      const [line, rest, ...args] = next;
      const folders = [await makeFolder(), await makeFolder()] as const;
      const done = await direct(line, args, folders[0]);
      const [ours, theirs] = [done.result, await shell(line, args, folders[1])];
      if (done.rest !== rest || !equal(ours, theirs)) {
        differences.push({ line, rest: done.rest, ours, theirs });
      }
      await Promise.all(folders.map((path) => Deno.remove(path, { recursive: true })));
    }
  };
  await Promise.all([work(), work(), work()]);
  assertEquals(differences, []);
});

/** Lines with paths that mean something else in each process, such as `/proc/self`. */
const OF_PROCESS: readonly string[] = [
  "echo a > /dev/stdout",
  "echo a > /dev/stderr",
  "echo a >> /dev/fd/1",
  "echo a > /proc/self/fd/1",
  "echo a > /proc/self/cwd/d/here.txt",
  "echo a > /proc/thread-self/cwd/here.txt",
  "echo a > ../../../../../../../../dev/stdout",
  "echo a > links/cwd/here.txt",
  "echo a > links/here",
  "cat /proc/self/cwd/same.txt",
  "cat links/cwd/same.txt > out.txt",
  "cat links/same",
  "cat same.txt links/same",
  "rm /proc/self/cwd/same.txt",
  "rm -rf nothing links/cwd/d",
  "rm -rf d/../links/cwd/d",
  "cp same.txt links/cwd/new.txt",
  "cp links/same new.txt",
  "cp same.txt links/cwd",
  "cp same.txt into",
  "cp same.txt /dev/stdout",
];

/** Creates a folder with links into `/proc/self`. */
async function makeLinkedFolder(): Promise<string> {
  const folder = await makeFolder();
  await Deno.symlink("/proc/self", `${folder}/links/self`);
  await Deno.symlink("/proc/self/cwd", `${folder}/links/cwd`);
  await Deno.symlink("cwd/d/here.txt", `${folder}/links/here`);
  await Deno.symlink("/proc/self/cwd/same.txt", `${folder}/links/same`);
  await Deno.mkdir(`${folder}/into`);
  await Deno.symlink("/proc/self/cwd/d/b.txt", `${folder}/into/same.txt`);
  return folder;
}

Deno.test({
  name: "paths that mean something else in each process are left to the shell (Linux)",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const todo = [...OF_PROCESS];
    const differences: unknown[] = [];
    const work = async (): Promise<void> => {
      for (let line = todo.shift(); line !== undefined; line = todo.shift()) {
        const folders = [await makeLinkedFolder(), await makeLinkedFolder()] as const;
        const done = await direct(`echo a && ${line}`, [], folders[0]);
        const theirs = await shell(`echo a && ${line}`, [], folders[1]);
        if (done.rest !== line || !equal(done.result, theirs)) {
          differences.push({ line, rest: done.rest, ours: done.result, theirs });
        }
        await Promise.all(folders.map((path) => Deno.remove(path, { recursive: true })));
      }
    };
    await Promise.all([work(), work(), work()]);
    assertEquals(differences, []);
  },
});

Deno.test({
  name: "a glob, argument or working directory in /proc leaves the line to the shell (Linux)",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const folder = await makeLinkedFolder();
    const left = async (line: string, args: readonly string[], cwd: string): Promise<string> =>
      await runDirectly(
        commandOf(line, args, cwd),
        { write: () => Promise.resolve(), warn: () => {} },
        new CancellationController(),
      );
    assertEquals(await left("echo links/self/task/*", [], folder), "echo links/self/task/*");
    assertEquals(await left("cat", ["/proc/self/environ"], folder), "cat");
    assertEquals(await left("rm -rf", ["links/cwd/d"], folder), "rm -rf");
    for (const cwd of ["/proc/self", `/proc/${Deno.pid}`, `${folder}/links/cwd`, "/dev/fd"]) {
      assertEquals(await left("cat environ", [], cwd), "cat environ");
      assertEquals(await left("echo a > x", [], cwd), "echo a > x");
    }
    await Deno.remove(folder, { recursive: true });
  },
});

Deno.test("a program of an npm package takes precedence over a built-in command of the same name", async () => {
  const folder = await makeFolder();
  await Deno.mkdir(`${folder}/node_modules/.bin`, { recursive: true });
  await Deno.writeTextFile(`${folder}/node_modules/.bin/echo`, "#!/bin/sh\n", { mode: 0o755 });
  assertEquals((await direct("cat b.txt && echo a", [], `${folder}/d`)).rest, "echo a");
  await Deno.remove(folder, { recursive: true });
});

Deno.test("large files and folders are left to the shell, which can be cancelled", async () => {
  const folder = await makeFolder();
  const left = async (line: string) =>
    await runDirectly(
      commandOf(line, [], folder),
      { write: () => Promise.resolve(), warn: () => {} },
      new CancellationController(),
    );
  await Deno.writeFile(`${folder}/big`, new Uint8Array(1024 * 1024 + 1));
  await Deno.writeFile(`${folder}/middle`, new Uint8Array(65 * 1024));
  for (const line of ["cat big > x", "cp big x", "cat middle"]) {
    assertEquals(await left(line), line);
  }
  assertEquals(await left("cat middle > x"), "");
  for (let index = 0; index < 300; index++) Deno.writeTextFileSync(`${folder}/d/${index}`, "");
  assertEquals(await left("rm -rf d"), "rm -rf d");
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a built-in command never opens a named pipe, because that could block", async () => {
  const folder = await makeFolder();
  await new Deno.Command("mkfifo", { args: [`${folder}/pipe`] }).output();
  for (const line of ["cat pipe", "echo a > pipe", "cp pipe x", "cp same.txt pipe"]) {
    const left = await runDirectly(
      commandOf(line, [], folder),
      { write: () => Promise.resolve(), warn: () => {} },
      new CancellationController(),
    );
    assertEquals(left, line);
  }
  await Deno.remove(folder, { recursive: true });
});

Deno.test("no built-in command starts after a cancellation or in a missing folder", async () => {
  const folder = await makeFolder();
  const sink: OutputSink = { write: () => Promise.resolve(), warn: () => {} };
  const cancelled = new CancellationController();
  cancelled.cancel({ kind: "end" });
  assertEquals(
    await runDirectly(commandOf("echo a", [], folder), sink, cancelled),
    "echo a",
  );
  const cancelling = new CancellationController();
  const stopping: OutputSink = {
    write: (_stream, bytes) => {
      assertEquals(bytes, encoder.encode("a\n"));
      cancelling.cancel({ kind: "end" });
      return Promise.resolve();
    },
    warn: () => {},
  };
  const line = "echo a && rm -rf d";
  assertEquals(
    await runDirectly(commandOf(line, [], folder), stopping, cancelling),
    "rm -rf d",
  );
  const away = `${folder}/nothing`;
  const ending = new CancellationController();
  assertEquals(await runDirectly(commandOf("echo a", [], away), sink, ending), "echo a");
  await Deno.remove(folder, { recursive: true });
});
