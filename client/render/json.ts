/**
 * The renderer for programs: one event a line on stdout.
 *
 * @module
 */

import type { SimmerEvent } from "../../wire/events.ts";
import type { Sink } from "../output.ts";
import type { Renderer } from "./renderer.ts";

/** Writes events as JSON lines. What simmer itself has to say goes to stderr. */
export class JsonRenderer implements Renderer {
  readonly isLive: boolean = false;
  readonly #sink: Sink;
  readonly #quiet: boolean;

  /** @param quiet whether notices are left out */
  constructor(sink: Sink, quiet: boolean) {
    this.#sink = sink;
    this.#quiet = quiet;
  }

  event(event: SimmerEvent): void {
    this.#sink.write("stdout", `${JSON.stringify(event)}\n`);
  }

  say(text: string): void {
    if (!this.#quiet) this.warn(text);
  }

  warn(text: string): void {
    this.#sink.write("stderr", `simmer: ${text}\n`);
  }

  refresh(): void {}

  finish(): void {}
}
