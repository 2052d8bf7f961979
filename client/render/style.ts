/**
 * Colours, as `deno task` writes them.
 *
 * @module
 */

/** Gives a text a colour, or not. */
export type Paint = (text: string) => string;

/** The colours that are used. */
export interface Style {
  readonly green: Paint;
  readonly cyan: Paint;
  readonly red: Paint;
  readonly yellow: Paint;
  readonly gray: Paint;
  /** The colour of a task's prefix: tasks that run side by side differ. */
  readonly label: (index: number) => Paint;
}

const paint = (code: string): Paint => (text) => `\x1b[0m\x1b[${code}m${text}\x1b[0m`;

const LABELS = ["36", "35", "33", "32", "94", "31"].map(paint);

/** With colours. */
export const COLORFUL: Style = {
  green: paint("32"),
  cyan: paint("36"),
  red: paint("31"),
  yellow: paint("33"),
  gray: paint("38;5;245"),
  label: (index) => LABELS[index % LABELS.length] ?? plain,
};

const plain: Paint = (text) => text;

/** Without. */
export const PLAIN: Style = {
  green: plain,
  cyan: plain,
  red: plain,
  yellow: plain,
  gray: plain,
  label: () => plain,
};

/** What decides about colours. */
export interface ColorChoice {
  readonly color: "auto" | "always" | "never" | undefined;
  readonly env: Readonly<Record<string, string>>;
  readonly isTerminal: boolean;
}

/** The style for a stream: `--color`, then `NO_COLOR` and `FORCE_COLOR`, then the terminal. */
export function styleFor({ color, env, isTerminal }: ColorChoice): Style {
  if (color === "always") return COLORFUL;
  if (color === "never" || isSet(env.NO_COLOR)) return PLAIN;
  return isSet(env.FORCE_COLOR) && env.FORCE_COLOR !== "0" || isTerminal ? COLORFUL : PLAIN;
}

/** Whether a variable is there and not empty. */
export function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== "";
}
