/**
 * `simmer status`: whether a server runs, what it is, and what it is doing.
 *
 * @module
 */

import type { ServerStatus } from "../../wire/commands.ts";
import { defineCommand } from "../command.ts";
import { processName } from "../process_name.ts";
import { EXIT } from "../exit_code.ts";
import { serverPlace } from "../launcher.ts";
import { withServer } from "../operator.ts";
import { wholeSeconds } from "../render/renderer.ts";

/** The command. */
export const command = defineCommand({
  name: "status",
  usage: "",
  summary: "Say whether a server runs, and what it is doing",
  about: ["The exit code is 0 where one runs and 3 where none does."],
  options: [],
  words: { min: 0, max: 0 },
}, async (invocation, { values }) => {
  const { output } = invocation;
  const place = serverPlace(invocation, values);
  const code = await withServer(invocation, place, async ({ session }) => {
    const status = await session.call("status") as ServerStatus;
    const text = values.json
      ? `${JSON.stringify({ isRunning: true, ...status })}\n`
      : statusText(status);
    output.write("stdout", text);
    return EXIT.ok;
  });
  if (code !== undefined) return code;
  const { root } = place.project;
  if (values.json) output.write("stdout", `${JSON.stringify({ isRunning: false, root })}\n`);
  else if (!values.quiet) output.write("stdout", `No server runs for ${root}\n`);
  return EXIT.noServer;
});

/** A status as people read it. */
export function statusText(status: ServerStatus): string {
  const { timeout, busyWith, build, clients } = status;
  const busy = busyWith === null ? "" : `, busy with ${busyWith}`;
  const rows: [string, string][] = [
    ["server", `simmer ${status.version}, ${processName(status.pid)}`],
    ["root", status.root],
    ...(status.config === undefined ? [] : [["config", status.config] as [string, string]]),
    ["socket", status.socket],
    ...(status.doors ?? []).map(({ name, address }): [string, string] => [name, address]),
    ["uptime", wholeSeconds(status.uptimeMs)],
    ["memory", `${mebibytes(status.rssBytes)} (heap ${mebibytes(status.heapBytes)})`],
    ["timeout", timeoutText(timeout)],
    ["state", `${status.state}${busy}`],
    ...(build === null ? [] : [["build", build] as [string, string]]),
    ...clients.map((client): [string, string] => [
      "client",
      `${client.role}, pid ${client.pid}: ${client.command}`,
    ]),
    ...status.notes.map((note): [string, string] => ["note", note]),
  ];
  return rows.map(([name, value]) => `${name.padEnd(8)} ${value}\n`).join("");
}

function timeoutText(seconds: number): string {
  if (seconds < 0) return "none: it stays";
  return seconds === 0 ? "ends with the last UI" : `${wholeSeconds(seconds * 1000)} without a UI`;
}

function mebibytes(bytes: number): string {
  return `${(bytes / (1024 * 1024)).toFixed(1)} MiB`;
}
