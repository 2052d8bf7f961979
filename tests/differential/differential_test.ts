import { assert } from "@std/assert";
import fc from "fast-check";
import { stories } from "./model.ts";
import { emptyTally, tell } from "./world.ts";

/** The total number of projects. Set `SIMMER_DIFFERENTIAL` for a longer test. */
const PROJECTS = Number(Deno.env.get("SIMMER_DIFFERENTIAL") ?? "300");
/** The number of stories that run in parallel. */
const LANES = 3;

Deno.test("random projects run like with deno task: the same tasks, outputs and exit codes, in a valid order", async () => {
  const tally = emptyTally();
  const lanes = Array.from({ length: LANES }, () =>
    fc.assert(
      fc.asyncProperty(stories, (story) => tell(story, tally)),
      { numRuns: Math.ceil(PROJECTS / LANES), interruptAfterTimeLimit: 60 * 60 * 1000 },
    ));
  await Promise.all(lanes);
  assert(tally.runs >= PROJECTS, JSON.stringify(tally));
  // Most runs must not differ at all.
  assert(tally.equal > tally.runs / 2, JSON.stringify(tally));
  if (Deno.env.has("SIMMER_DIFFERENTIAL")) {
    await Deno.stderr.write(new TextEncoder().encode(`${JSON.stringify(tally)}\n`));
  }
});
