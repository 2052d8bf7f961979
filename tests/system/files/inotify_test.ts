import { assert, assertEquals } from "@std/assert";
import { Inotify } from "../../../system/files/inotify.ts";

Deno.test({
  name: "a guard of an inode does not narrow a folder's watch of the same inode",
  ignore: Deno.build.os !== "linux",
  fn: () => {
    const folder = Deno.realPathSync(Deno.makeTempDirSync());
    try {
      const opened = Inotify.open();
      assert(opened instanceof Inotify);
      using queue = opened;
      const watch = queue.add(folder);
      assertEquals(queue.guard(folder), watch);
      queue.read();
      Deno.mkdirSync(`${folder}/new`);
      assertEquals(queue.read().events.map(({ name, kind }) => [name, kind]), [["new", "entries"]]);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  },
});
