import { assert } from "@std/assert";
import fc from "fast-check";
import { stories } from "./model.ts";
import { emptyTally, tell } from "./world.ts";

/** Projects, all in all; more where somebody has the time. */
const PROJECTS = Number(Deno.env.get("SIMMER_DIFFERENTIAL") ?? "300");
/** How many stories are told side by side. */
const LANES = 3;

Deno.test("random projects run as with deno task: what runs, its order, outputs, exit codes", async () => {
  const tally = emptyTally();
  const lanes = Array.from({ length: LANES }, () =>
    fc.assert(
      fc.asyncProperty(stories, (story) => tell(story, tally)),
      { numRuns: Math.ceil(PROJECTS / LANES), interruptAfterTimeLimit: 60 * 60 * 1000 },
    ));
  await Promise.all(lanes);
  assert(tally.runs >= PROJECTS, JSON.stringify(tally));
  // Most runs are the same to the last detail.
  assert(tally.equal > tally.runs / 2, JSON.stringify(tally));
  if (Deno.env.has("SIMMER_DIFFERENTIAL")) {
    await Deno.stderr.write(new TextEncoder().encode(`${JSON.stringify(tally)}\n`));
  }
});
