/**
 * How a build is shown: for programs, for a terminal, or as plain text.
 *
 * @module
 */

import type { Invocation } from "../invocation.ts";
import type { CommonValues } from "../args/options.ts";
import { PlainRenderer } from "./plain.ts";
import type { Renderer } from "./renderer.ts";
import { isSet, styleFor } from "./style.ts";

/** What decides how a build is shown. */
type RenderValues =
  & Pick<CommonValues, "quiet" | "color" | "json" | "log-level">
  & { readonly "no-prefix": boolean };

/** The renderer for where a client's output goes. */
export async function rendererFor(
  invocation: Invocation,
  values: RenderValues,
): Promise<Renderer> {
  const { env, terminal, output: sink, clock } = invocation;
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
  const isLive = terminal.stdout && terminal.stderr && !quiet && !isSet(env.CI);
  if (!isLive || env.TERM === "dumb") {
    const isOneScreen = terminal.stdout && terminal.stderr;
    return new PlainRenderer({ ...options, isOneScreen });
  }
  const { TerminalRenderer } = await import("./terminal.ts");
  return new TerminalRenderer({ ...options, clock, columns: () => terminal.columns() });
}
