/** A client in another language that implements `execute` as docs/protocol.md describes it. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { Project } from "./support.ts";

const PEER = new URL("../peers/execute.py", import.meta.url).pathname;

const CONFIG = {
  tasks: {
    a: "echo a",
    cat: "cat",
    fail: "sh -c 'echo out; echo err >&2; exit 7'",
    show: "sh -c 'echo $MINE'",
    words: "printf '[%s]'",
    slow: "bash -c 'echo up; exec sleep 600'",
  },
};

Deno.test({
  name:
    "a Python client runs tasks with 'execute' and passes arguments, variables, stdin and signals",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using project = await Project.create({ "deno.json": CONFIG });
    assertEquals((await project.run(["run", "-q", "a"])).code, 0);
    const peer = (...words: string[]): string[] => ["python3", PEER, project.root, ...words];
    const fail = await project.runProgram(peer("run", "-q", "fail"));
    assertEquals([fail.code, fail.stdout], [7, "out\n"]);
    assertStringIncludes(fail.stderr, "err\n");
    const stdin = "typed\n".repeat(20_000);
    const cat = await project.runProgram(peer("run", "-q", "cat"), { stdin });
    assertEquals([cat.code, cat.stdout], [0, stdin]);
    const show = await project.runProgram(peer("run", "-q", "show"), { env: { MINE: "a=b\nc" } });
    assertEquals(show.stdout, "a=b c\n");
    const words = await project.runProgram(peer("run", "-q", "words", "--", "", "ä '\""));
    assertEquals(words.stdout, `[][ä '"]`);
    const tasks = await project.runProgram(peer("tasks"));
    assertStringIncludes(tasks.stdout, "- slow");
    const slow = project.startProgram(peer("run", "-q", "slow"));
    await slow.stdout.until("up");
    slow.kill("SIGINT");
    assertEquals((await slow.finished()).code, 130);
    const refused = await project.runProgram(peer("nonsense"));
    assertEquals(refused.code, 75, refused.stderr);
    const descriptors = [...Deno.readDirSync(`/proc/${await project.serverPid()}/fd`)].length;
    for (let time = 0; time < 20; time++) await project.runProgram(peer("run", "-q", "cat"));
    const now = [...Deno.readDirSync(`/proc/${await project.serverPid()}/fd`)].length;
    assertEquals(now <= descriptors + 2, true, `${now} descriptors, and ${descriptors} before`);
  },
});
