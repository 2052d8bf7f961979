import { assert, assertEquals } from "@std/assert";
import { stackOf } from "../../server/stack.ts";

Deno.test("stackOf returns an error's stack, but only the message of EMFILE and ENFILE errors", () => {
  assert(stackOf(new Error("no")).includes("stack_test.ts"));
  for (const message of ["Too many open files (os error 24)", "Too many (os error 23): accept"]) {
    assertEquals(stackOf(new Error(message)), message);
  }
  assertEquals(stackOf("text"), "text");
});
