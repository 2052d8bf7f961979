import { assertEquals } from "@std/assert";
import { closingLine } from "./all.ts";

Deno.test("the closing line counts what deno test counted", () => {
  assertEquals(
    closingLine("a ... ok (1ms)\n\nok | 48 passed | 0 failed (916ms)\n"),
    "48 passed, 0 failed",
  );
  assertEquals(
    closingLine("\nFAILED | 3 passed (2 steps) | 1 failed | 2 ignored (5s)\n"),
    "3 passed, 1 failed, 2 skipped",
  );
  assertEquals(closingLine("error: Type checking failed.\n"), undefined);
});
