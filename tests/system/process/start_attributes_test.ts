import { assert, assertEquals, assertThrows } from "@std/assert";
import { ClientAttributes, withUmask } from "../../../system/process/start_attributes.ts";

const ignore = Deno.build.os !== "linux";

/** Starts a process that waits after some commands of bash, and returns its attributes. */
async function attributesAfter(setup: string): Promise<ReturnType<ClientAttributes["of"]>> {
  await using child = new Deno.Command("bash", {
    args: ["-c", `${setup}; echo; read`],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  const attributes = new ClientAttributes().of(child.pid);
  await reader.cancel();
  await child.stdin.close();
  await child.status;
  return attributes;
}

Deno.test({
  name: "a process with equal attributes needs no change, nor does one that has ended",
  ignore,
  fn: async () => {
    assertEquals(new ClientAttributes().of(Deno.pid), undefined);
    assertEquals(await attributesAfter("true"), undefined);
    assertEquals(await attributesAfter("ulimit -Sn 64"), undefined, "Deno raises this limit");
    const { pid, status } = new Deno.Command("true").spawn();
    await status;
    assertEquals(new ClientAttributes().of(pid), undefined);
  },
});

Deno.test({
  name: "only the attributes that differ are changed",
  ignore,
  fn: async () => {
    assertEquals(await attributesAfter("umask 0123"), {
      umask: 0o123,
      prefix: [],
      limitsFileSize: false,
    });
    assertEquals(await attributesAfter("ulimit -f 8; renice -n 3 $$"), {
      prefix: ["/usr/bin/nice", "-n", "3", "/usr/bin/prlimit", "--fsize=8192:8192"],
      limitsFileSize: true,
    });
  },
});

Deno.test("withUmask puts the umask back, also after an exception", () => {
  const before = Deno.umask();
  assertEquals(withUmask(0o741, () => Deno.umask()), 0o741);
  assertThrows(() =>
    withUmask(0o741, () => {
      throw new RangeError();
    }), RangeError);
  assertEquals(Deno.umask(), before);
  assert(withUmask(undefined, () => Deno.umask()) === before);
});
