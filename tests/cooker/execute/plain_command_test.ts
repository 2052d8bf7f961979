import { assert, assertEquals } from "@std/assert";
import type { TaskCommand } from "../../../cooker/execute/executor.ts";
import { pipelineLength, plainCommand } from "../../../cooker/execute/plain_command.ts";
import { Programs } from "../../../system/process/programs.ts";

const DENO = Deno.execPath();

function command(line: string, more: Partial<TaskCommand> = {}): TaskCommand {
  return {
    name: "t",
    command: line,
    args: [],
    cwd: "/",
    env: {},
    isScript: false,
    npmBins: "none",
    ...more,
  };
}

Deno.test("a program path or deno, followed by plain words, is started without a shell", () => {
  const plain = plainCommand(
    command(" /bin/ls  -l --a=b x,y @z:1+2%3 ", { args: ["$x 'y"] }),
    DENO,
  );
  assertEquals(plain?.program, "/bin/ls");
  assertEquals(plain?.args, ["-l", "--a=b", "x,y", "@z:1+2%3", "$x 'y"]);
  assertEquals(plainCommand(command("bin/ls", { cwd: "/usr" }), DENO)?.program, "/usr/bin/ls");
  assertEquals(plainCommand(command("deno run -A x.ts"), DENO)?.program, DENO);
});

Deno.test("a line with shell syntax, or that does not begin with a program's path, is left to the shell", () => {
  const lines = [
    "ls",
    "echo /bin/ls",
    "A=/b /bin/ls",
    "A=/bin/ls",
    "/bin/ls *",
    "/bin/ls a?",
    "/bin/ls [a]",
    "/bin/ls {a,b}",
    "/bin/ls ~",
    "/bin/ls $HOME",
    "/bin/ls 'a b'",
    '/bin/ls "a"',
    "/bin/ls a\\b",
    "/bin/ls > out",
    "/bin/ls | cat",
    "/bin/ls && true",
    "/bin/ls; true",
    "/bin/ls &",
    "! /bin/ls",
    "(/bin/ls)",
    "/bin/ls\n/bin/ls",
    "/bin/ls # x",
    "/bin/nothing-of-that-name",
    "/etc/passwd",
    "",
  ];
  for (const line of lines) assertEquals(plainCommand(command(line), DENO), undefined, line);
  assertEquals(plainCommand(command("/bin/ls", { isScript: true }), DENO), undefined);
});

Deno.test({
  name: "a program whose path means another file in each process is left to the shell (Linux)",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const folder = await Deno.makeTempDir();
    await Deno.symlink("/proc/self/exe", `${folder}/exe`);
    await Deno.symlink("exe", `${folder}/again`);
    for (const line of ["/proc/self/exe", "./exe --version", "./again", "/proc/self/root/bin/ls"]) {
      assertEquals(plainCommand(command(line, { cwd: folder }), DENO), undefined, line);
    }
    await Deno.remove(folder, { recursive: true });
  },
});

Deno.test("node_modules/.bin folders come first on PATH, and a deno in them is left to the shell", async () => {
  const folder = await Deno.realPath(await Deno.makeTempDir());
  await Deno.mkdir(`${folder}/deep`);
  const env = { PATH: "/bin" };
  const plain = (line: string, more: Partial<TaskCommand>) =>
    plainCommand(command(line, { cwd: `${folder}/deep`, env, ...more }), DENO);
  const { npmBins: _, ...unknown } = command("/bin/ls");
  assertEquals(plainCommand(unknown, DENO), undefined);
  assertEquals(plain("/bin/ls", { npmBins: "none" })?.env.PATH, "/bin");
  const path = plain("/bin/ls", { npmBins: "above" })?.env.PATH ?? "";
  const above = [`${folder}/deep`, folder].map((each) => `${each}/node_modules/.bin`);
  assertEquals(path.split(":").slice(0, 2), above);
  assertEquals(path.split(":").slice(-2), ["/node_modules/.bin", "/bin"]);
  for (const PATH of [{}, { PATH: "" }]) {
    assert(plain("/bin/ls", { npmBins: "above", env: PATH })?.env.PATH?.endsWith("/.bin"));
  }
  assertEquals(plain("deno run x.ts", { npmBins: "above" })?.program, DENO);
  await Deno.mkdir(`${folder}/node_modules/.bin`, { recursive: true });
  await Deno.writeTextFile(`${folder}/node_modules/.bin/deno`, "#!/bin/sh\n", { mode: 0o755 });
  assertEquals(plain("deno run x.ts", { npmBins: "above" }), undefined);
  assertEquals(plain("deno run x.ts", { npmBins: "none" })?.program, DENO);
  assertEquals(plain("/bin/ls", { npmBins: "above" })?.program, "/bin/ls");
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a program has the same environment, output and exit code with the shell and without", async () => {
  const folder = await Deno.realPath(await Deno.makeTempDir());
  await Deno.writeTextFile(`${folder}/deno.json`, "{}");
  const env = { PATH: Deno.env.get("PATH") ?? "", INIT_CWD: "/x", HOME: folder, PWD: "/other" };
  const run = async (words: readonly string[], given: Readonly<Record<string, string>>) => {
    const [program = "", ...args] = words;
    const { code, stdout } = await new Deno.Command(program, {
      args,
      cwd: folder,
      env: given,
      clearEnv: true,
      stdin: "null",
      stderr: "null",
    }).output();
    const lines = new TextDecoder().decode(stdout).split("\n").sort();
    return [code, ...lines.filter((line) => !line.startsWith("_="))];
  };
  for (const line of ["/usr/bin/env", "/bin/pwd", "/bin/false", "/usr/bin/test -e /"]) {
    const plain = plainCommand(command(line, { cwd: folder, env }), DENO);
    const direct = await run([plain?.program ?? "", ...plain?.args ?? []], plain?.env ?? {});
    assertEquals(direct, await run([DENO, "task", "--quiet", "--eval", ` ${line}`], env), line);
  }
  await Deno.remove(folder, { recursive: true });
});

Deno.test("Programs rejects files that the kernel would refuse to start", async () => {
  const folder = await Deno.makeTempDir();
  const elf = (await Deno.readFile(DENO)).slice(0, 4096);
  const changed = (at: number, byte: number): Uint8Array => {
    const bytes = elf.slice();
    bytes[at] = byte;
    return bytes;
  };
  const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
  const files: readonly (readonly [Uint8Array, boolean])[] = [
    [encode("#!/bin/sh\n"), true],
    [encode("#! /bin/sh -e\n"), true],
    [encode("#!/no/such/interpreter"), true],
    [encode("#!"), false],
    [encode("#!\n/bin/sh\n"), false],
    [encode("#! \t\n"), false],
    [encode(""), false],
    [encode("echo a\n"), false],
    [encode("\x7fELF"), false],
    [encode(`\x7fELF${"junk ".repeat(50)}`), false],
    ...(Deno.build.os !== "linux" ? [] : [
      [elf, true],
      [elf.slice(0, 70), false],
      [changed(4, 1), false],
      [changed(16, 1), false],
      [changed(18, 3), false],
    ] as const),
  ];
  for (const [index, [bytes, isProgram]] of files.entries()) {
    await Deno.writeFile(`${folder}/${index}`, bytes, { mode: 0o755 });
    assertEquals(new Programs().has(`${folder}/${index}`), isProgram, `file ${index}`);
  }
  await Deno.remove(folder, { recursive: true });
});

Deno.test("Programs notices that a program's file was replaced or removed", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/program`;
  const programs = new Programs();
  const has = async (content: string, mode: number): Promise<boolean> => {
    await Deno.writeTextFile(`${path}.new`, content, { mode });
    await Deno.rename(`${path}.new`, path);
    return programs.has(path);
  };
  assertEquals(programs.has(path), false);
  assertEquals(await has("#!/bin/sh\n", 0o755), true);
  assertEquals(programs.has(path), true);
  assertEquals(await has("#!/bin/sh\n", 0o644), false);
  assertEquals(await has("no program", 0o755), false);
  assertEquals(await has("#!/bin/sh\n# another\n", 0o755), true);
  await Deno.remove(path);
  assertEquals(programs.has(path), false);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("pipelineLength counts the commands of a pipeline, and knows when a shell may go on after it", () => {
  assertEquals(pipelineLength("vite --port 80"), 1);
  assertEquals(pipelineLength("A=1 b 'c d' > e"), 1);
  assertEquals(pipelineLength("a | b |c\n"), 3);
  for (const line of ["a && b", "a || b", "a; b", "a\nb", "a &", "(a)", "a $(b)", "a `b`"]) {
    assertEquals(pipelineLength(line), undefined, line);
  }
});
