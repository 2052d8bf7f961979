import { assertEquals } from "@std/assert";
import { type ProcessMark, ProcessMarks, shedMark } from "../../../system/process/process_mark.ts";

const ignore = Deno.build.os !== "linux";

/** Creates a mark. Sheds this process's own mark first, because a marked task may run the tests. */
function newMark(marks: ProcessMarks): ProcessMark {
  shedMark();
  const mark = marks.create();
  if (mark === undefined) throw new Error("the limit of file locks is limited here");
  return mark;
}

/** Starts a shell and waits for its first output. */
async function started(script: string, mark?: ProcessMark): Promise<Deno.ChildProcess> {
  const spawn = (): Deno.ChildProcess =>
    new Deno.Command("/bin/sh", { args: ["-c", script], stdin: "null", stdout: "piped" }).spawn();
  const child = mark === undefined ? spawn() : mark.around(spawn);
  const reader = child.stdout.getReader();
  await reader.read();
  await reader.cancel();
  return child;
}

async function end(child: Deno.ChildProcess): Promise<void> {
  child.kill("SIGKILL");
  await child.status;
}

Deno.test({
  name: "a mark is carried by a started process and its descendants, and by no other process",
  ignore,
  fn: async () => {
    using marks = new ProcessMarks();
    const [mark, other] = [newMark(marks), newMark(marks)];
    assertEquals(mark.carriers(), []);
    const plain = await started("echo; exec sleep 600");
    const marked = await started("setsid env -i sleep 600 & echo; exec sleep 600", mark);
    const others = await started("echo; exec sleep 600", other);
    const carriers = mark.carriers();
    assertEquals([carriers.length, carriers.includes(marked.pid)], [2, true]);
    assertEquals(other.carriers(), [others.pid]);
    for (const child of [plain, marked, others]) await end(child);
    for (const pid of carriers.filter((pid) => pid !== marked.pid)) Deno.kill(pid, "SIGKILL");
    while (mark.carriers().length > 0) await new Promise((resolve) => setTimeout(resolve, 1));
  },
});

Deno.test({
  name: "a failed start leaves no process marked",
  ignore,
  fn: async () => {
    using marks = new ProcessMarks();
    const mark = newMark(marks);
    try {
      mark.around(() => new Deno.Command("/nowhere").spawn());
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    const child = await started("echo; exec sleep 600");
    assertEquals(mark.carriers(), []);
    await end(child);
  },
});

Deno.test({
  name: "a marked process cannot create marks until it sheds its own mark",
  ignore,
  fn: async () => {
    using marks = new ProcessMarks();
    const mark = newMark(marks);
    const program = `
      import { ProcessMarks, shedMark } from "${new URL(
      "../../../system/process/process_mark.ts",
      import.meta.url,
    )}";
      using marks = new ProcessMarks();
      const before = marks.create() !== undefined;
      shedMark();
      console.log(before, marks.create() !== undefined);
    `;
    const child = mark.around(() =>
      new Deno.Command(Deno.execPath(), { args: ["eval", program], stdout: "piped" }).spawn()
    );
    const { stdout } = await child.output();
    assertEquals(new TextDecoder().decode(stdout), "false true\n");
  },
});
