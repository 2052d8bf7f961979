import { assertEquals } from "@std/assert";
import { CancellationController } from "../../../cooker/execute/cancellation.ts";
import { macrotask } from "../../../system/macrotask.ts";

/** Returns whether work may start now. */
async function mayStart(work: CancellationController): Promise<boolean> {
  let may = false;
  void work.mayStart().then(() => may = true);
  await macrotask();
  return may;
}

Deno.test("suspended work starts no process until it continues", async () => {
  const work = new CancellationController();
  assertEquals(await mayStart(work), true);
  work.pass("SIGTSTP");
  work.pass("SIGTSTP");
  assertEquals(await mayStart(work), false);
  work.pass("SIGWINCH");
  assertEquals(await mayStart(work), false);
  work.pass("SIGCONT");
  assertEquals(await mayStart(work), true);
  assertEquals(work.isDisturbed, false);
});

Deno.test("suspended work that is asked to end waits no longer", async () => {
  for (const kind of ["end", "kill"] as const) {
    const work = new CancellationController();
    work.pass("SIGTSTP");
    const waiting = work.mayStart();
    work.cancel({ kind });
    await waiting;
    assertEquals(await mayStart(work), true);
  }
});
