import { assertEquals } from "@std/assert";
import { DescriptorPassing } from "../../../system/net/descriptor_passing.ts";
import { Poller } from "../../../system/process/poller.ts";

const ignore = Deno.build.os !== "linux";

/** Opens a poller. Throws if no descriptors are left. */
function openPoller(): Poller {
  const poller = Poller.open();
  if (poller === undefined) throw new Error("no descriptors are left");
  return poller;
}

function say(descriptor: number): void {
  Deno.writeFileSync(`/proc/self/fd/${descriptor}`, new Uint8Array([1]));
}

Deno.test({
  name: "a wait ends when data arrives, when the pipe ends, and when the descriptor is forgotten",
  ignore,
  fn: async () => {
    await using poller = openPoller();
    using passing = DescriptorPassing.open();
    const [said, ended, forgotten] = [passing.pipe(), passing.pipe(), passing.pipe()];
    const waits = [said, ended, forgotten].map(({ read }) => poller.readable(read));
    say(said.write);
    passing.closeAll([ended.write]);
    poller.forget(forgotten.read);
    assertEquals(await Promise.all(waits), [true, true, false]);
    assertEquals(await poller.readable(said.read), true, "what was not read is still there");
    for (const { read } of [said, ended, forgotten]) poller.forget(read);
    assertEquals(await poller.readable(2 ** 20), false, "there is no such descriptor");
    passing.closeAll([said.read, said.write, ended.read, forgotten.read, forgotten.write]);
  },
});

Deno.test({
  name: "a wait that starts at any moment after the end of the last one is served",
  ignore,
  fn: async () => {
    await using poller = openPoller();
    using passing = DescriptorPassing.open();
    const { read, write } = passing.pipe();
    say(write);
    for (let pauses = 0; pauses < 20; pauses++) {
      assertEquals(await poller.readable(read), true);
      // The poller ends its loop within these microtasks.
      for (let pause = 0; pause < pauses; pause++) await undefined;
    }
    poller.forget(read);
    passing.closeAll([read, write]);
  },
});

Deno.test({
  name: "an old event of a descriptor does not wake a new descriptor with the same number",
  ignore,
  fn: async () => {
    await using poller = openPoller();
    using passing = DescriptorPassing.open();
    const first = passing.pipe();
    const wait = poller.readable(first.read);
    say(first.write);
    // The kernel has reported the event by now, but this process has not read it.
    poller.forget(first.read);
    passing.closeAll([first.read, first.write]);
    const second = passing.pipe();
    assertEquals(second, first, "the lowest numbers that are free");
    let isReady = false;
    const again = poller.readable(second.read).then((value) => isReady = value);
    assertEquals(await wait, false);
    for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve));
    assertEquals(isReady, false);
    say(second.write);
    assertEquals(await again, true);
    poller.forget(second.read);
    passing.closeAll([second.read, second.write]);
  },
});
