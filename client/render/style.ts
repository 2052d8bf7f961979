/**
 * Colours of the output, with the same escape sequences as `deno task`.
 *
 * @module
 */

/** Colours a text, or returns it unchanged. */
export type Paint = (text: string) => string;

/** The colours of the output. */
export interface Style {
  /** True if it has no colours. */
  readonly isPlain: boolean;
  readonly green: Paint;
  readonly cyan: Paint;
  readonly red: Paint;
  readonly yellow: Paint;
  readonly gray: Paint;
  /** The colour of a task's prefix. It differs between tasks that run in parallel. */
  readonly label: (index: number) => Paint;
}

const paint = (code: string): Paint => (text) => `\x1b[0m\x1b[${code}m${text}\x1b[0m`;

const LABELS = ["36", "35", "33", "32", "94", "31"].map(paint);

/** The style with colours. */
export const COLORFUL: Style = {
  isPlain: false,
  green: paint("32"),
  cyan: paint("36"),
  red: paint("31"),
  yellow: paint("33"),
  gray: paint("38;5;245"),
  label: (index) => LABELS[index % LABELS.length] ?? plain,
};

const plain: Paint = (text) => text;

/** The style without colours. */
export const PLAIN: Style = {
  isPlain: true,
  green: plain,
  cyan: plain,
  red: plain,
  yellow: plain,
  gray: plain,
  label: () => plain,
};

/** The inputs of the decision about colours. */
export interface ColorChoice {
  readonly color: "auto" | "always" | "never" | undefined;
  readonly env: Readonly<Record<string, string>>;
  readonly isTerminal: boolean;
}

/**
 * Returns the style for a stream. Decides by `--color`, then `NO_COLOR` and `FORCE_COLOR`, then the
 * terminal.
 */
export function styleFor({ color, env, isTerminal }: ColorChoice): Style {
  if (color === "always") return COLORFUL;
  if (color === "never" || isSet(env.NO_COLOR)) return PLAIN;
  return isSet(env.FORCE_COLOR) && env.FORCE_COLOR !== "0" || isTerminal ? COLORFUL : PLAIN;
}

/** Returns true if a variable is set and not empty. */
export function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== "";
}
