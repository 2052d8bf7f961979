/**
 * Chooses the renderer of a build: JSON for programs, a live terminal, or plain text.
 *
 * @module
 */

import { isInForeground } from "../../system/process/foreign_descriptors.ts";
import type { Invocation } from "../invocation.ts";
import type { CommonValues } from "../args/options.ts";
import { PlainRenderer } from "./plain.ts";
import type { Renderer } from "./renderer.ts";
import { isSet, styleFor } from "./style.ts";

/** The options that decide on the renderer. */
type RenderValues =
  & Pick<CommonValues, "quiet" | "color" | "json" | "log-level">
  & { readonly "no-prefix": boolean };

/** Creates the renderer that suits the client's output. */
export async function rendererFor(
  invocation: Invocation,
  values: RenderValues,
): Promise<Renderer> {
  const { env, terminal, output: sink, clock, pid } = invocation;
  const { quiet, color } = values;
  if (values.json) {
    const { JsonRenderer } = await import("./json.ts");
    return new JsonRenderer(sink, quiet);
  }
  const options = {
    sink,
    styles: {
      stdout: styleFor({ color, env, isTerminal: terminal.stdout }),
      stderr: styleFor({ color, env, isTerminal: terminal.stderr }),
    },
    quiet,
    prefix: !values["no-prefix"],
    logLevel: values["log-level"] ?? "warn",
    bitbakeLevel: values["log-level"] ?? (quiet ? "warn" : "info"),
  };
  const isOneScreen = terminal.stdout && terminal.stderr;
  if (!isOneScreen || quiet || isSet(env.CI) || !isSet(env.TERM) || env.TERM === "dumb") {
    return new PlainRenderer({ ...options, isOneScreen });
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
