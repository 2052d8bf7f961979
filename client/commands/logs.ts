/**
 * `simmer logs`: prints the server's log, and follows it with `--follow`.
 *
 * @module
 */

import { FolderWatch } from "../../system/files/folder_watch.ts";
import { baseName, fileKind, parentFolder } from "../../system/files/files.ts";
import { GrowingFile } from "../../system/files/growing_file.ts";
import { lastLines } from "../../system/files/tail.ts";
import { defineCommand } from "../command.ts";
import { checkState } from "../../project/state.ts";
import { ClientError, EXIT } from "../errors.ts";
import type { Invocation } from "../invocation.ts";
import { serverPlace } from "../connect/find_server.ts";
import { brokenExit } from "../output.ts";

/** Milliseconds between two polls if the system cannot watch the folder. */
const POLL_MS = 500;

/** The `simmer logs` command. */
export const command = defineCommand({
  name: "logs",
  usage: "",
  summary: "Print the server's log",
  about: ["The log remains available after the server has exited."],
  options: [
    {
      name: "follow",
      letter: "f",
      kind: "flag",
      summary: "keep printing lines as the server writes them",
    },
    {
      name: "lines",
      letter: "n",
      kind: "number",
      value: "lines",
      min: 0,
      summary: "print only the last lines, at most this many",
    },
  ],
  words: { min: 0, max: 0 },
}, async (invocation, { values }) => {
  const { output } = invocation;
  const { paths, project } = serverPlace(invocation, values);
  const { log } = paths;
  checkState(paths);
  if (fileKind(log) === undefined) {
    throw new ClientError(
      EXIT.noServer,
      `no server has run for ${project.root}: ${log} does not exist`,
    );
  }
  // Starts watching before the first read, so that no change between the two is missed.
  using watch = values.follow ? FolderWatch.open([parentFolder(log)]) : undefined;
  using file = new GrowingFile(log);
  if (values.lines === undefined) {
    await show(invocation, file);
  } else {
    for (const _ of file.added()) { /* Skips the old content: its last lines are printed below. */ }
    const lines = lastLines(log, values.lines);
    output.write("stdout", lines.map((line) => `${line}\n`).join(""));
  }
  if (!values.follow) return EXIT.ok;
  const broken = output.broken.then(brokenExit);
  return await Promise.race([follow(invocation, log, file, watch), broken]);
});

async function show({ output }: Invocation, file: GrowingFile): Promise<void> {
  for (const bytes of file.added()) {
    output.write("stdout", bytes);
    await output.settled;
  }
}

async function follow(
  invocation: Invocation,
  log: string,
  file: GrowingFile,
  watch: FolderWatch | undefined,
): Promise<number> {
  const names = [baseName(log), ""];
  if (watch !== undefined) {
    for await (const name of watch) if (names.includes(name)) await show(invocation, file);
    return EXIT.ok;
  }
  while (true) {
    await invocation.clock.sleep(POLL_MS);
    await show(invocation, file);
  }
}
