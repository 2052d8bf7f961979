/** The project of the tests of many builds: tasks that wait until the test lets them go. */

import { assertEquals } from "@std/assert";
import { type Finished, Project, type Running, SIMMER } from "./support.ts";

const RUN = `${SIMMER.join(" ")} run`;

/**
 * Notes that it has begun, prints its input, and waits until the test lets it go. Exits with the code
 * in `code`, if there is one.
 */
const WAIT = `echo "$1" >> runs.txt
echo "$1 begun with $(cat in.txt)"
until [ -e "go-$1" ]; do sleep 0.02; done
seq 1 2000
echo "$1 ended" >&2
exit "$(cat code 2>/dev/null || echo 0)"
`;

/** Waits until the named task has begun, and then runs it. */
const MEET = `echo "$1" >> runs.txt
until grep -qx "$2" runs.txt; do sleep 0.02; done
${RUN} -q "$2"
`;

const CHILD = `const [program, ...args] = ${JSON.stringify([...SIMMER, "run", "-q", "part"])};
const { code } = await new Deno.Command(program, { args }).spawn().status;
Deno.exit(code);
`;

/** The project's files. */
export const FILES = {
  "deno.json": {
    tasks: {
      dev: "sh wait.sh dev",
      slow: { command: "sh wait.sh slow", files: ["in.txt"] },
      free: "sh wait.sh free",
      part: { command: "cat in.txt", files: ["in.txt"] },
      test: { command: "sh -c 'echo tested'", dependencies: ["part"] },
      watched: { command: "cat watched.txt", files: ["watched.txt"] },
      "by-sh": `sh -c '${RUN} -q part && echo after'`,
      "by-npm": "npm run --silent inner",
      "by-deno": `${Deno.execPath()} run -A child.ts`,
      twice: `sh -c '${RUN} -q by-sh && ${RUN} -q part'`,
      "self-files": { command: `sh -c '${RUN} -q self-files'`, files: ["in.txt"] },
      self: `sh -c '${RUN} -q self'`,
      one: { command: "sh meet.sh one other", files: ["in.txt"] },
      other: { command: "sh meet.sh other one", files: ["in.txt"] },
      late: `sh -c 'sh wait.sh late && ${RUN} -q part'`,
    },
  },
  "package.json": { scripts: { inner: `${RUN} -q part` } },
  "wait.sh": WAIT,
  "meet.sh": MEET,
  "child.ts": CHILD,
  "in.txt": "input\n",
  "watched.txt": "first\n",
};

/** Creates the project and starts its server, so that clients send their command lines to it. */
export async function create(): Promise<Project> {
  const project = await Project.create(FILES);
  assertEquals((await project.run(["run", "-q", "--eval", "echo begun"])).code, 0);
  return project;
}

/** Lets a task of {@linkcode FILES} end. */
export async function letGo(project: Project, task: string): Promise<void> {
  await project.write(`go-${task}`, "");
}

/** Waits for the end of several clients. */
export async function ends(clients: readonly Running[]): Promise<Finished[]> {
  return await Promise.all(clients.map((client) => client.finished()));
}

/** The state of the server's builds. */
export async function builds(project: Project): Promise<{ state: string; waitsFor: string[] }[]> {
  return JSON.parse((await project.run(["status", "--json"])).stdout).builds;
}
