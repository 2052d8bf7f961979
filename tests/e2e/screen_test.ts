/** The terminal emulator of the tests itself. */

import { assertEquals } from "@std/assert";
import { KEYS, Screen } from "./screen.ts";
import { Project } from "./support.ts";

Deno.test("a screen shows what a program draws, its size, its answers to queries, and its end", async () => {
  await using project = await Project.create({ "deno.json": {} });
  const script = 'stty size; printf "one\\rtwo\\n"; trap "stty size" WINCH; ' +
    'stty -icanon -echo; printf "\\033[6n"; IFS= read -r -d R at; printf "%s\\n" "${at#*[}"; ' +
    "while read -r x; do echo got $x; done; exit 7";
  await using screen = Screen.start(project, ["bash", "-c", script], { columns: 40, rows: 6 });
  assertEquals(await screen.until("3;1"), "6 40\ntwo\n3;1");
  await screen.resize(100, 30);
  await screen.type("x\n");
  assertEquals(await screen.until("30 100\ngot x"), "6 40\ntwo\n3;1\n30 100\ngot x");
  await screen.type(KEYS.interrupt);
  assertEquals(await screen.finished(), 130);
});
