/**
 * `simmer status`: reports whether a server runs, its properties, and its current work.
 *
 * @module
 */

import type { BuildStatus, ServerStatus } from "../../wire/commands.ts";
import { defineCommand } from "../command.ts";
import { processName } from "../process_name.ts";
import { ALL_OPTION, allOrServer, forEveryServer } from "../connect/every_server.ts";
import { EXIT } from "../errors.ts";
import type { Invocation } from "../invocation.ts";
import { type ServerPlace, serverPlace } from "../connect/find_server.ts";
import { withServer } from "../connect/with_server.ts";
import type { CommonValues } from "../args/options.ts";
import { printable } from "../render/printable.ts";
import { wholeSeconds } from "../render/renderer.ts";
import { ANSWER_MS, SilentServerError, sinceText } from "../connect/silent_server.ts";

/** The `simmer status` command. */
export const command = defineCommand({
  name: "status",
  usage: "",
  summary: "Show whether a server is running, and what it is doing",
  about: ["The exit code is 0 if a server is running and answers within 5 s, and 3 otherwise."],
  options: [ALL_OPTION],
  words: { min: 0, max: 0 },
  examples: [["simmer status --all", "show all your servers on this machine"]],
}, async (invocation, { values }) => {
  if (values.all) return await statusOfAll(invocation, values);
  const { output } = invocation;
  const place = serverPlace(invocation, values);
  const status = await statusOrSilence(invocation, place);
  if (status instanceof SilentServerError) {
    if (values.json) output.write("stdout", jsonLine(silent(place, status)));
    else output.write("stdout", silenceText(place, status, invocation.clock.now()));
    return EXIT.noServer;
  }
  if (status !== undefined) {
    output.write("stdout", values.json ? jsonLine(running(status)) : statusText(status));
    return EXIT.ok;
  }
  const { root } = place.project;
  if (values.json) output.write("stdout", jsonLine({ isRunning: false, root }));
  else if (!values.quiet) output.write("stdout", `No server runs for ${printable(root)}\n`);
  return EXIT.noServer;
});

async function statusOfAll(
  invocation: Invocation,
  { json, quiet, server }: CommonValues,
): Promise<number> {
  if (server !== undefined) throw allOrServer();
  const { output } = invocation;
  const { results: all, failure } = await forEveryServer(
    invocation,
    (place) => statusOf(invocation, place),
  );
  if (json) output.write("stdout", jsonLine(all.map(running)));
  else if (all.length > 0) output.write("stdout", all.map(statusText).join("\n"));
  else if (!quiet) output.write("stdout", "No server runs\n");
  return failure ?? (all.length > 0 ? EXIT.ok : EXIT.noServer);
}

async function statusOrSilence(
  invocation: Invocation,
  place: ServerPlace,
): Promise<ServerStatus | SilentServerError | undefined> {
  try {
    return await statusOf(invocation, place);
  } catch (error) {
    if (error instanceof SilentServerError) return error;
    throw error;
  }
}

async function statusOf(
  invocation: Invocation,
  place: ServerPlace,
): Promise<ServerStatus | undefined> {
  return await withServer(
    invocation,
    place,
    async ({ session }) => await session.call("status") as ServerStatus,
    { answerMs: ANSWER_MS },
  );
}

function silent({ project }: ServerPlace, { silence }: SilentServerError): unknown {
  const { pid, since } = silence;
  const lastSign = since === undefined ? {} : { lastSign: new Date(since).toISOString() };
  return { isRunning: true, isAnswering: false, pid, root: project.root, ...lastSign };
}

/** Formats the known facts about a server that does not answer. */
function silenceText(
  { project, paths }: ServerPlace,
  { silence }: SilentServerError,
  now: number,
): string {
  const rows: [string, string][] = [
    ["server", `${processName(silence.pid)}, does not answer${sinceText(silence, now)}`],
    ["root", project.root],
    ["log", paths.log],
    ["note", "its tasks may still run: wait, or stop it and its tasks with 'simmer stop --force'"],
  ];
  return rowsText(rows);
}

function running(status: ServerStatus): ServerStatus & { readonly isRunning: true } {
  return { isRunning: true, ...status };
}

function jsonLine(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}

/** Formats a status. Omits the values that the server does not report. */
export function statusText(status: ServerStatus): string {
  const { timeout, clients } = status;
  const rows: (readonly [string, string])[] = [
    ["server", `${programName(status.version)}, ${processName(status.pid)}`],
    ["root", status.root],
    ...row("config", status.config),
    ["socket", status.socket],
    ...(status.doors ?? []).map(({ name, address }) => [name, address] as const),
    ...row("uptime", status.uptimeMs, wholeSeconds),
    ...row("memory", memoryText(status)),
    ...row("timeout", timeout, timeoutText),
    ...workRows(status),
    ...clients.map((client) =>
      ["client", `${client.role}, pid ${client.pid}: ${client.command}`] as const
    ),
    ...status.notes.map((note) => ["note", note] as const),
  ];
  return rowsText(rows);
}

/** Returns the rows about the server's work: its state, its policy, and each build. */
function workRows(status: ServerStatus): readonly (readonly [string, string])[] {
  const { state, busyWith, build, policy } = status;
  // Servers before 0.3.0 run one build at a time, and report no list.
  const builds = status.builds as readonly BuildStatus[] | undefined;
  if (builds === undefined) {
    const busy = busyWith === null ? "" : `, busy with ${busyWith}`;
    return [["state", `${state}${busy}`], ...row("build", build)];
  }
  return [
    ["state", state],
    ...row("policy", policy === "single" ? "one build at a time" : undefined),
    ...builds.map((each) => ["build", buildText(each)] as const),
  ];
}

function buildText({ build, command, client, detached, state, waitsFor }: BuildStatus): string {
  const who = `'${client.command}' (pid ${client.pid}${detached ? ", detached" : ""})`;
  const waits = waitsFor.length === 0 ? [] : [`waits for ${waitsFor.join(", ")}`];
  // A build that says what it waits for need not say that it waits.
  const states = state === "waiting" && waits.length > 0 ? waits : [state, ...waits];
  return `${build ?? command}: ${who}, ${states.join(", ")}`;
}

function rowsText(rows: readonly (readonly [string, string])[]): string {
  return rows.map(([name, value]) => `${name.padEnd(8)} ${printable(value)}\n`).join("");
}

/** Returns one row, or none if there is no value. */
function row<T>(
  name: string,
  value: T | undefined | null,
  text: (value: T) => string = String,
): readonly (readonly [string, string])[] {
  return value === undefined || value === null ? [] : [[name, text(value)]];
}

/**
 * Returns the program's name and version. The version of BitBake's own server includes the
 * program's name, and simmer's does not.
 */
function programName(version: string): string {
  return version.startsWith("BitBake") ? version : `simmer ${version}`;
}

function memoryText({ rssBytes, heapBytes }: ServerStatus): string | undefined {
  if (rssBytes === undefined) return undefined;
  const heap = heapBytes === undefined ? "" : ` (heap ${mebibytes(heapBytes)})`;
  return `${mebibytes(rssBytes)}${heap}`;
}

function timeoutText(seconds: number): string {
  if (seconds < 0) return "none: runs until it is stopped";
  return seconds === 0
    ? "exits when the last UI disconnects"
    : `${wholeSeconds(seconds * 1000)} without a UI`;
}

function mebibytes(bytes: number): string {
  return `${(bytes / (1024 * 1024)).toFixed(1)} MiB`;
}
