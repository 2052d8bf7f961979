import { assertEquals } from "@std/assert";
import { BuildFollower } from "../../client/build/follower.ts";
import type { Renderer } from "../../client/render/renderer.ts";
import type { EventBody } from "../../wire/events.ts";
import { Recorder, stamped } from "./support.ts";

const build = "b1";

function wrote(text: string): EventBody {
  return { type: "TaskOutput", build, task: "a", stream: "stdout", text };
}

Deno.test("no event is shown before the renderer is done with the one before, also of early events", async () => {
  const shown: string[] = [];
  const slow = Promise.withResolvers<void>();
  const renderer: Renderer = {
    event: (event) => {
      shown.push(event.type === "TaskOutput" ? event.text ?? "" : event.type);
      return event.type === "TaskOutput" && event.text === "slow" ? slow.promise : undefined;
    },
    say: () => {},
    warn: () => {},
    finish: () => shown.push("finish"),
  };
  const { output } = new Recorder();
  const follower = new BuildFollower({ renderer, output });
  const [first, second, third, end] = stamped([
    wrote("1"),
    wrote("slow"),
    wrote("3"),
    { type: "CommandCompleted", command: "runTasks", build },
  ]);
  for (const event of [first, second, third]) if (event !== undefined) follower.take(event);
  follower.follow(build);
  const taken = end === undefined ? undefined : follower.take(end);
  assertEquals(shown, ["1", "slow"]);
  slow.resolve();
  await taken;
  assertEquals(shown, ["1", "slow", "3", "CommandCompleted", "finish"]);
  assertEquals(await follower.end, { exitCode: 0 });
});
