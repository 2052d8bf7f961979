/**
 * Renderer for programs: prints one JSON event a line on stdout.
 *
 * @module
 */

import type { SimmerEvent } from "../../wire/events.ts";
import type { Sink } from "../output.ts";
import type { Renderer } from "./renderer.ts";

/** Writes events as JSON lines. Simmer's own messages go to stderr. */
export class JsonRenderer implements Renderer {
  readonly #sink: Sink;
  readonly #quiet: boolean;

  /** @param quiet true if notices are omitted */
  constructor(sink: Sink, quiet: boolean) {
    this.#sink = sink;
    this.#quiet = quiet;
  }

  event(event: SimmerEvent): undefined {
    this.#sink.write("stdout", `${JSON.stringify(event)}\n`);
  }

  say(text: string): void {
    if (!this.#quiet) this.warn(text);
  }

  warn(text: string): void {
    this.#sink.write("stderr", `simmer: ${text}\n`);
  }

  finish(): void {}
}
