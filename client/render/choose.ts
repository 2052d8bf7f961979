/**
 * Chooses the renderer of a build: JSON for programs, a live terminal, or plain text.
 *
 * @module
 */

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
