import { assert } from "@std/assert";
import fc from "fast-check";
import { type ModelStory, stories } from "./model.ts";
import { emptyTally, type Tally, tell } from "./world.ts";

/** The total number of projects. Set `SIMMER_DIFFERENTIAL` for a longer test. */
const PROJECTS = Number(Deno.env.get("SIMMER_DIFFERENTIAL") ?? "300");
/** The number of stories that run in parallel. */
const LANES = 3;

/** Number of builds that do one run at once. */
const BUILDS = 3;

/** Returns a story whose tasks all declare `files`: others may overlap, and write the same outputs. */
function withFiles({ project, runs }: ModelStory): ModelStory {
  const tasks = project.tasks.map((task) =>
    task.files === "none" ? { ...task, files: "own" as const } : task
  );
  return { project: { tasks }, runs };
}

async function tellAll(
  projects: number,
  tellOne: (story: ModelStory, tally: Tally) => Promise<void>,
): Promise<void> {
  const tally = emptyTally();
  const lanes = Array.from({ length: LANES }, () =>
    fc.assert(
      fc.asyncProperty(stories, (story) => tellOne(story, tally)),
      { numRuns: Math.ceil(projects / LANES), interruptAfterTimeLimit: 60 * 60 * 1000 },
    ));
  await Promise.all(lanes);
  assert(tally.runs >= projects, JSON.stringify(tally));
  // Most runs must not differ at all.
  assert(tally.equal > tally.runs / 2, JSON.stringify(tally));
  if (Deno.env.has("SIMMER_DIFFERENTIAL")) {
    await Deno.stderr.write(new TextEncoder().encode(`${JSON.stringify(tally)}\n`));
  }
}

Deno.test("random projects run like with deno task: the same tasks, outputs and exit codes, in a valid order", async () => {
  await tellAll(PROJECTS, tell);
});

Deno.test("several builds at once of random projects each end like one with deno task", async () => {
  await tellAll(Math.ceil(PROJECTS / 5), (story, tally) => tell(withFiles(story), tally, BUILDS));
});
