import { assertEquals } from "@std/assert";
import { closingLine, countsOf, failedTests, runningTest } from "./all.ts";

Deno.test("the closing line shows the counts of deno test", () => {
  const line = (text: string): string | undefined => {
    const counts = countsOf(text);
    return counts && closingLine(counts);
  };
  assertEquals(
    line("a ... ok (1ms)\n\nok | 48 passed | 0 failed (916ms)\n"),
    "48 passed, 0 failed",
  );
  assertEquals(
    line("\nFAILED | 3 passed (2 steps) | 1 failed | 2 ignored (5s)\n"),
    "3 passed, 1 failed, 2 skipped",
  );
  assertEquals(line("error: Module not found.\n"), undefined);
});

Deno.test("failedTests lists failed tests by name and position", () => {
  const text = " ERRORS \n\nb => ./t_test.ts:2:6\nerror: no\n\n FAILURES \n\n" +
    "b => ./t_test.ts:2:6\nc d => ./t_test.ts:3:6\n\nFAILED | 1 passed | 2 failed (5ms)\n";
  assertEquals(failedTests(text), ["b => ./t_test.ts:2:6", "c d => ./t_test.ts:3:6"]);
  assertEquals(failedTests("ok | 48 passed | 0 failed (916ms)\n"), []);
});

Deno.test("runningTest names the test that ran at the end of the output", () => {
  const begun = "a ... ok (1ms)\nb ...\n------- output -------\nx\n----- output end -----\n";
  assertEquals(runningTest(begun), "b");
  assertEquals(runningTest(`${begun}b ... ok (2ms)\n`), undefined);
  assertEquals(runningTest(`${begun}  inner ...\n`), "b");
  assertEquals(runningTest("error: Module not found.\n"), undefined);
});
