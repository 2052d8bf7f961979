/**
 * The size of a terminal: each task sees it, whatever it is, and its changes.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { Screen } from "./screen.ts";
import { Project, SIMMER } from "./support.ts";

const SIZES = [[1, 1], [5, 3], [80, 24], [500, 200]] as const;

/** Writes the size of the terminal of stderr, and again after each change. */
const SIZE = "sh ../size.sh";

const FILES = {
  "deno.json": { workspace: ["./a", "./b"] },
  "size.sh": "stty size <&2 > size\n",
  "follow.sh": 'trap "stty size <&2 > size" WINCH\n: > up\n' +
    "until [ -e ../over ]; do sleep 0.02; done\n",
  "a/deno.json": { name: "a", tasks: { size: SIZE, follow: "sh ../follow.sh" } },
  "b/deno.json": { name: "b", tasks: { size: SIZE, follow: "sh ../follow.sh" } },
};

/** Words that run a task, and the packages that have it. */
const RUNS = {
  "a task with the keyboard": { words: ["--filter=a"], packages: ["a"] },
  "tasks that run at once": { words: ["-r"], packages: ["a", "b"] },
} as const;

for (const [who, { words, packages }] of Object.entries(RUNS)) {
  Deno.test({
    name: `${who}: the terminal has the size of the client's (Linux)`,
    ignore: Deno.build.os !== "linux",
    fn: async () => {
      await using project = await Project.create(FILES);
      for (const [columns, rows] of SIZES) {
        const run = [...SIMMER, "run", "-q", ...words, "size"];
        await using screen = Screen.start(project, run, { columns, rows });
        assertEquals(await screen.finished(), 0, screen.history);
        for (const each of packages) {
          assertEquals(await project.read(`${each}/size`), `${rows} ${columns}\n`);
        }
      }
    },
  });

  Deno.test({
    name: `${who}: each change of the size arrives with SIGWINCH (Linux)`,
    ignore: Deno.build.os !== "linux",
    fn: async () => {
      await using project = await Project.create(FILES);
      await using screen = Screen.start(project, [...SIMMER, "run", "-q", ...words, "follow"]);
      for (const each of packages) await untilRead(project, `${each}/up`, "");
      for (const [columns, rows] of SIZES) {
        await screen.resize(columns, rows);
        for (const each of packages) {
          await untilRead(project, `${each}/size`, `${rows} ${columns}\n`);
        }
      }
      await project.write("over", "");
      assertEquals(await screen.finished(), 0, screen.history);
    },
  });
}

/** Resolves when a file has this content. Fails after a while. */
async function untilRead(project: Project, path: string, content: string): Promise<void> {
  const deadline = performance.now() + 30_000;
  let read: string | undefined;
  while (read !== content) {
    if (performance.now() > deadline) assertEquals(read, content, path);
    await new Promise((resolve) => setTimeout(resolve, 10));
    try {
      read = await project.read(path);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}
