/**
 * Progress of a build in the terminal's tab or in the task bar (OSC 9;4).
 *
 * @module
 */

import type { Sink } from "../../output.ts";
import type { BuildState } from "./build_state.ts";

/** Removes the mark. */
export const REMOVE_MARK = "\x1b]9;4;0;0\x1b\\";
/** States of the mark. */
const NORMAL = 1;
const FAILED = 2;

/** The mark of one terminal. */
export class ProgressMark {
  readonly #sink: Sink;
  #shown = "";

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  /** Shows a build's progress. Writes only if the mark changes. */
  show({ ended, total, failed }: BuildState): void {
    const percent = total === 0 ? 0 : Math.floor(100 * ended / total);
    const mark = `\x1b]9;4;${failed > 0 ? FAILED : NORMAL};${percent}\x1b\\`;
    if (mark === this.#shown) return;
    this.#shown = mark;
    this.#sink.write("stderr", mark);
  }

  /** Removes the mark. */
  clear(): void {
    if (this.#shown !== "") this.#sink.write("stderr", REMOVE_MARK);
    this.#shown = "";
  }

  /** Notes that another program has removed the mark. */
  forget(): void {
    this.#shown = "";
  }
}
