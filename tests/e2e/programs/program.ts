/**
 * A row of the table of programs that behave differently in terminals.
 *
 * @module
 */

/** Something that happens when all terminals show a text. */
export interface Step {
  /** Text or pattern that the screen has to show before. */
  readonly shows: string | RegExp;
  /** Keys that are pressed then. */
  readonly keys?: string;
  /** Columns and rows that the terminal gets then. */
  readonly size?: readonly [columns: number, rows: number];
}

/** A program, and what a person does with it. */
export interface Program {
  /** Command of the task. */
  readonly command: string;
  readonly steps?: readonly Step[];
  /** Programs that must be installed besides the first word of the command. */
  readonly needs?: readonly string[];
  /** True if the program is in the npm packages of the test. */
  readonly isPackage?: boolean;
  /** Folder that the task's command works in, relative to the project. */
  readonly folder?: string;
  /** Files of that folder. */
  readonly files?: Readonly<Record<string, string>>;
  /** File of that folder that the program writes and that must be the same at the end. */
  readonly writes?: string;
  /** Parts of the screen that differ from run to run, and text that stands for them. */
  readonly varying?: readonly (readonly [pattern: RegExp, text: string])[];
}

/** Returns a step that presses keys when the screen shows a text. */
export function after(shows: string | RegExp, keys: string): Step {
  return { shows, keys };
}

/** Returns a step that changes the terminal's size when the screen shows a text. */
export function resized(shows: string | RegExp, columns: number, rows: number): Step {
  return { shows, size: [columns, rows] };
}

/** Numbers differ from run to run. */
export const NUMBERS: readonly [RegExp, string] = [/\d+/g, "N"];
