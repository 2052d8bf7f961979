import { assert, assertEquals } from "@std/assert";
import { stackOf } from "../../server/stack.ts";

Deno.test("an error is told with its stack, but for those that say that there are no descriptors", () => {
  assert(stackOf(new Error("no")).includes("stack_test.ts"));
  for (const message of ["Too many open files (os error 24)", "Too many (os error 23): accept"]) {
    assertEquals(stackOf(new Error(message)), message);
  }
  assertEquals(stackOf("text"), "text");
});
