/**
 * Chooses the renderer of a build: JSON for programs, a live terminal, or plain text.
 *
 * @module
 */

import { ProcessTags } from "../../system/process/process_tag.ts";
import { isInForeground } from "../../system/process/foreign_descriptors.ts";
import type { Invocation } from "../invocation.ts";
import type { ValuesFor } from "../args/arguments.ts";
import type { CommonValues } from "../args/options.ts";
import { withAdvice } from "./advice.ts";
import { PlainRenderer } from "./plain.ts";
import type { Renderer } from "./renderer.ts";
import { isSet, styleFor } from "./style.ts";
import { OUTPUT_MODES } from "./tasks/held_tasks.ts";

/** Options for the output of tasks, for each command that shows builds. */
export const OUTPUT_OPTIONS = [
  { name: "no-prefix", kind: "flag", summary: "print output unchanged, without task names" },
  {
    name: "output",
    kind: "choice",
    choices: OUTPUT_MODES,
    summary: "output of tasks: as it comes, a block for each task, of failed tasks only, or none",
  },
  { name: "timestamps", kind: "flag", summary: "print the time (UTC) before each line of output" },
] as const;

/** The options that decide on the renderer. */
type RenderValues =
  & Pick<CommonValues, "quiet" | "color" | "json" | "log-level">
  & ValuesFor<typeof OUTPUT_OPTIONS>;

/** Creates the renderer that suits the client's output. */
export async function rendererFor(
  invocation: Invocation,
  values: RenderValues,
): Promise<Renderer> {
  const renderer = await basicRenderer(invocation, values);
  if (values.json) return renderer;
  const { env, terminal } = invocation;
  return withAdvice(renderer, terminal.stderr && !isSet(env.CI));
}

async function basicRenderer(invocation: Invocation, values: RenderValues): Promise<Renderer> {
  const { env, terminal, output: sink, clock, pid } = invocation;
  const { quiet, color, timestamps } = values;
  if (values.json) {
    const { JsonRenderer } = await import("./json.ts");
    return new JsonRenderer(sink, quiet);
  }
  const isOneScreen = terminal.stdout && terminal.stderr;
  const options = {
    sink,
    styles: {
      stdout: styleFor({ color, env, isTerminal: terminal.stdout }),
      stderr: styleFor({ color, env, isTerminal: terminal.stderr }),
    },
    isOneScreen,
    quiet,
    prefix: !values["no-prefix"],
    output: values.output ?? "stream",
    timestamps,
    settled: () => sink.settled,
    logLevel: values["log-level"] ?? "warn",
    bitbakeLevel: values["log-level"] ?? (quiet ? "warn" : "info"),
  };
  if (env.GITHUB_ACTIONS === "true" && !isNested(invocation)) {
    const { GithubRenderer } = await import("./github/github.ts");
    const output = values.output ?? (quiet || values["no-prefix"] ? "stream" : "grouped");
    const { GITHUB_STEP_SUMMARY } = env;
    return new GithubRenderer({
      ...options,
      output,
      hasGroups: output !== "stream" && !quiet,
      summaryPath: isSet(GITHUB_STEP_SUMMARY) ? GITHUB_STEP_SUMMARY : undefined,
    });
  }
  if (!isOneScreen || quiet || isSet(env.CI) || !isSet(env.TERM) || env.TERM === "dumb") {
    return new PlainRenderer(options);
  }
  const { TerminalRenderer } = await import("./terminal.ts");
  const { movesCursor, showsLinks, showsProgress } = await import("./terminal_features.ts");
  return new TerminalRenderer({
    ...options,
    clock,
    size: () => ({ columns: terminal.columns(), rows: terminal.rows() }),
    isInForeground: () => isInForeground(pid),
    hasLinks: showsLinks(env),
    movesCursor: movesCursor(env),
    hasMark: showsProgress(env),
    restoreBy: (text) => terminal.restoreBy(text),
  });
}

/**
 * Returns true if the client runs in a task of another run, whose output is part of that run's.
 */
function isNested({ env, pid }: Invocation): boolean {
  using tags = new ProcessTags();
  return isSet(env.SIMMER_EXECUTION) || tags.of(pid) !== undefined;
}
