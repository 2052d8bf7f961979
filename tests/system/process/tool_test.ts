import { assertEquals } from "@std/assert";
import { runTool } from "../../../system/process/tool.ts";

Deno.test("a tool's words are those of both its streams, whatever its exit code", async () => {
  assertEquals(await runTool("sh", ["-c", "echo out; echo err >&2; exit 1"]), "out\n\nerr");
});

Deno.test("a tool that is not there, or not to be run, says nothing", async () => {
  assertEquals(await runTool("no-such-tool", []), undefined);
  const file = await Deno.makeTempFile();
  assertEquals(await runTool(file, []), undefined);
  await Deno.remove(file);
});

Deno.test("a tool that is stuck is ended, and what it said until then counts", async () => {
  const text = await runTool("sh", ["-c", "echo begun; exec sleep 600"], 300);
  assertEquals(text, "begun");
});
