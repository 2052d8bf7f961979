import { assertEquals } from "@std/assert";
import { ClientError, reportOf, ServerEndedError } from "../../client/errors.ts";
import { type ErrorCodeName, projectError, WireError } from "../../wire/errors.ts";

const CODES: readonly (readonly [ErrorCodeName, number])[] = [
  ["busy", 4],
  ["readOnly", 4],
  ["versionMismatch", 4],
  ["wrongProject", 4],
  ["notPermitted", 4],
  ["methodNotFound", 2],
  ["invalidParams", 2],
  ["shuttingDown", 3],
  ["cancelled", 130],
  ["internalError", 70],
  ["parseError", 70],
];

for (const [name, exitCode] of CODES) {
  Deno.test(`a server's error ${name} gives exit code ${exitCode}`, () => {
    const report = reportOf(new WireError(name, "No"));
    assertEquals(report?.exitCode, exitCode);
    assertEquals(report?.lines[0]?.startsWith("No"), true);
  });
}

Deno.test("a project error is reported with its position, suggestion and details", () => {
  const unknown = projectError("Task not found: helo", {
    kind: "unknown-task",
    nearest: "hello",
    details: ["Available tasks:", "- hello"],
  });
  assertEquals(reportOf(unknown), {
    exitCode: 5,
    lines: ["Task not found: helo; did you mean 'hello'?", "Available tasks:", "- hello"],
  });
  const none = projectError("No matching task found.", { kind: "no-match", nearest: "hello" });
  assertEquals(reportOf(none)?.lines, ["No matching task found; did you mean 'hello'?"]);
  const place = { kind: "invalid-config", file: "/p/deno.json", line: 3, column: 14 } as const;
  assertEquals(reportOf(projectError("Not JSON", place))?.lines, ["/p/deno.json:3:14: Not JSON"]);
  const told = projectError("Cannot read /p/deno.json:3:14: not JSON", place);
  assertEquals(reportOf(told)?.lines, ["Cannot read /p/deno.json:3:14: not JSON"]);
});

Deno.test("reportOf returns the text of a client error, and undefined for an unexpected error", () => {
  assertEquals(reportOf(new ClientError(3, "cannot", ["a", "b"])), {
    exitCode: 3,
    lines: ["cannot", "a", "b"],
  });
  assertEquals(reportOf(new ServerEndedError())?.lines, ["the server ended, perhaps killed"]);
  assertEquals(reportOf(new TypeError("x is not a function")), undefined);
});
