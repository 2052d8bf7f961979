/** Warm-up of a new server: when it runs, and that it leaves no files. */

import { assertEquals } from "@std/assert";
import { warmUp } from "../../app/warm_up.ts";
import { main } from "../../cli.ts";
import { FakeClock } from "../../system/fake_clock.ts";
import { Project } from "../e2e/support.ts";

/** Runs a warm-up. Returns the command lines that it ran. */
async function runsOf(
  { isUnused = () => true, aborts = false }: {
    readonly isUnused?: () => boolean;
    readonly aborts?: boolean;
  },
): Promise<string[]> {
  const clock = new FakeClock();
  const over = new AbortController();
  const runs: string[] = [];
  const warming = warmUp({
    run: (args, hosted) => {
      runs.push(args.join(" "));
      return main(args, hosted);
    },
    clock,
    isUnused,
    signal: over.signal,
  });
  await clock.advance(99);
  assertEquals(runs, [], "whoever has started a server comes at once");
  if (aborts) over.abort();
  await clock.advance(1);
  await warming;
  return runs;
}

Deno.test("a server warms up with synthetic builds, unless a client connects or the server ends", async () => {
  assertEquals(await runsOf({}), ["run all", "run all", "run all"]);
  assertEquals(await runsOf({ isUnused: () => false }), []);
  assertEquals(await runsOf({ aborts: true }), []);
  let asked = 0;
  assertEquals(await runsOf({ isUnused: () => ++asked < 4 }), ["run all", "run all"]);
});

Deno.test("a warm-up leaves no builds, no warnings in the log, and no temporary files", async () => {
  await using project = await Project.create({ "deno.json": { tasks: { a: "echo a" } } });
  const temporary = `${project.root}/tmp`;
  await Deno.mkdir(temporary);
  const env = { TMPDIR: temporary };
  assertEquals((await project.run(["serve", "--detach"], { env })).code, 0);
  const watch = Deno.watchFs(temporary);
  for await (const { kind, paths } of watch) {
    if (kind === "remove" && paths.some((path) => /\/simmer-[^/]+$/.test(path))) break;
  }
  watch.close();
  assertEquals([...Deno.readDirSync(temporary)], []);
  assertEquals([...Deno.readDirSync(`${project.root}/.simmer/builds`)], []);
  const log = await project.read(".simmer/server.log");
  assertEquals(log.match(/ (WARN|ERROR) /g), null);
  assertEquals((await project.run(["run", "-q", "a"])).stdout, "a\n");
});
