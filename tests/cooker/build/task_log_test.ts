import { assertEquals } from "@std/assert";
import { TaskLog } from "../../../cooker/build/task_log.ts";
import { FakeClock } from "../../../system/fake_clock.ts";
import { pathExists } from "../../../system/files/path_exists.ts";

const MAX_HELD = 64 * 1024;

/** Makes logs in a temporary folder. */
class Logs implements Disposable {
  readonly clock = new FakeClock();
  readonly failures: string[] = [];
  readonly folder: string = Deno.makeTempDirSync();
  isAllowed = true;

  log(name: string): TaskLog {
    return new TaskLog({
      path: `${this.folder}/logs/${name}`,
      clock: this.clock,
      prepare: () => {
        Deno.mkdirSync(`${this.folder}/logs`, { recursive: true });
        return this.isAllowed;
      },
      failed: (error) => this.failures.push(error.message),
    });
  }

  text(name: string): string | undefined {
    const path = `${this.folder}/logs/${name}`;
    return pathExists(path) ? Deno.readTextFileSync(path) : undefined;
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.folder, { recursive: true });
  }
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

Deno.test("a short log that is not requested leaves neither a file nor a folder", () => {
  using logs = new Logs();
  const log = logs.log("short");
  log.add(bytes("x".repeat(MAX_HELD)));
  assertEquals(log.isWritten, false);
  log.close();
  assertEquals([log.isWritten, pathExists(`${logs.folder}/logs`)], [false, false]);
});

Deno.test("a requested log is on disk at once with all output, even if there is none", () => {
  using logs = new Logs();
  const failed = logs.log("failed");
  const piece = bytes("why\n");
  failed.add(piece);
  piece.fill(0);
  assertEquals([failed.write(), failed.isWritten, logs.text("failed")], [true, true, "why\n"]);
  failed.close();
  const silent = logs.log("silent");
  assertEquals([silent.write(), logs.text("silent")], [true, ""]);
  silent.close();
});

Deno.test("the log of a slow or verbose task is on disk while the task runs", async () => {
  using logs = new Logs();
  const large = logs.log("large");
  large.add(bytes("x".repeat(MAX_HELD)));
  large.add(bytes("y"));
  assertEquals([large.isWritten, logs.text("large")?.length], [true, MAX_HELD + 1]);
  const slow = logs.log("slow");
  slow.add(bytes("begun\n"));
  await logs.clock.advance(999);
  assertEquals(slow.isWritten, false);
  await logs.clock.advance(1);
  assertEquals([slow.isWritten, logs.text("slow")], [true, "begun\n"]);
  slow.add(bytes("more\n"));
  slow.close();
  large.close();
  assertEquals(logs.text("slow"), "begun\nmore\n");
});

Deno.test("a log that cannot be written is reported, but one that must not be written is not", () => {
  using logs = new Logs();
  Deno.mkdirSync(`${logs.folder}/logs/taken`, { recursive: true });
  const taken = logs.log("taken");
  taken.add(bytes("text\n"));
  assertEquals([taken.write(), taken.isWritten, logs.failures.length], [false, false, 1]);
  taken.close();
  logs.isAllowed = false;
  const late = logs.log("late");
  late.add(bytes("text\n"));
  assertEquals([late.write(), logs.text("late"), logs.failures.length], [false, undefined, 1]);
  late.close();
});
