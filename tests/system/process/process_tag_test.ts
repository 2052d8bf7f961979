import { assertEquals } from "@std/assert";
import { type ProcessTag, ProcessTags, shedTag } from "../../../system/process/process_tag.ts";

const ignore = Deno.build.os !== "linux";

/** Creates a tag. Sheds this process's own tag first, because a tagged task may run the tests. */
function newTag(tags: ProcessTags): ProcessTag {
  shedTag();
  const tag = tags.create();
  if (tag === undefined) throw new Error("the limit of file locks is limited here");
  return tag;
}

/** Starts a shell and waits for its first output. */
async function started(script: string, tag?: ProcessTag): Promise<Deno.ChildProcess> {
  const spawn = (): Deno.ChildProcess =>
    new Deno.Command("/bin/sh", { args: ["-c", script], stdin: "null", stdout: "piped" }).spawn();
  const child = tag === undefined ? spawn() : tag.around(spawn);
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
  name: "a tag is carried by a started process and its descendants, and by no other process",
  ignore,
  fn: async () => {
    using tags = new ProcessTags();
    const [tag, other] = [newTag(tags), newTag(tags)];
    assertEquals(tag.carriers(), []);
    const plain = await started("echo; exec sleep 600");
    const tagged = await started("setsid env -i sleep 600 & echo; exec sleep 600", tag);
    const others = await started("echo; exec sleep 600", other);
    const carriers = tag.carriers();
    assertEquals([carriers.length, carriers.includes(tagged.pid)], [2, true]);
    assertEquals(other.carriers(), [others.pid]);
    for (const child of [plain, tagged, others]) await end(child);
    for (const pid of carriers.filter((pid) => pid !== tagged.pid)) Deno.kill(pid, "SIGKILL");
    while (tag.carriers().length > 0) await new Promise((resolve) => setTimeout(resolve, 1));
  },
});

Deno.test({
  name: "a failed start leaves no process tagged",
  ignore,
  fn: async () => {
    using tags = new ProcessTags();
    const tag = newTag(tags);
    try {
      tag.around(() => new Deno.Command("/nowhere").spawn());
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    const child = await started("echo; exec sleep 600");
    assertEquals(tag.carriers(), []);
    await end(child);
  },
});

Deno.test({
  name: "a tagged process cannot create tags until it sheds its own tag",
  ignore,
  fn: async () => {
    using tags = new ProcessTags();
    const tag = newTag(tags);
    const program = `
      import { ProcessTags, shedTag } from "${new URL(
      "../../../system/process/process_tag.ts",
      import.meta.url,
    )}";
      using tags = new ProcessTags();
      const before = tags.create() !== undefined;
      shedTag();
      console.log(before, tags.create() !== undefined);
    `;
    const child = tag.around(() =>
      new Deno.Command(Deno.execPath(), { args: ["eval", program], stdout: "piped" }).spawn()
    );
    const { stdout } = await child.output();
    assertEquals(new TextDecoder().decode(stdout), "false true\n");
  },
});
