import { assertEquals } from "@std/assert";
import { runTool } from "../../../system/process/tool.ts";

Deno.test("runTool returns the output of both streams, whatever the exit code", async () => {
  assertEquals(await runTool("sh", ["-c", "echo out; echo err >&2; exit 1"]), "out\n\nerr");
});

Deno.test("runTool returns undefined for a tool that is missing or not executable", async () => {
  assertEquals(await runTool("no-such-tool", []), undefined);
  const file = await Deno.makeTempFile();
  assertEquals(await runTool(file, []), undefined);
  await Deno.remove(file);
});

Deno.test("runTool ends a tool that hangs, and returns its output so far", async () => {
  const text = await runTool("sh", ["-c", "echo begun; exec sleep 600"], 300);
  assertEquals(text, "begun");
});
