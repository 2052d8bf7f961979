/**
 * Interface of the renderers, which show a build to a person or a program: they receive events and
 * write output. Also formats durations.
 *
 * @module
 */

import type { SimmerEvent } from "../../wire/events.ts";

/** Shows events. */
export interface Renderer {
  /**
   * Shows an event.
   *
   * @returns a promise if there is more to write than the sink should hold. No further event may be
   *   shown until it has resolved.
   */
  event(event: SimmerEvent): Promise<void> | undefined;
  /** Prints a message of simmer's own: one line or more, without the last newline. */
  say(text: string): void;
  /** Prints a message as `say` does, but under `--quiet` too: for messages that must be visible. */
  warn(text: string): void;
  /** The live part of the screen, if there is one. */
  readonly live?: LiveView;
  /** Removes the live part of the screen. */
  finish(): void;
}

/** The part of the screen that shows a build in progress. */
export interface LiveView {
  /** Loads what the view needs. Until then, nothing is shown. */
  prepare(): Promise<void>;
  /** Updates the view. */
  refresh(): void;
  /** Lays the view out again, because the terminal has another size. */
  resized(): void;
  /** The client is being suspended, and has restored the screen itself. Shows nothing more. */
  suspend(): void;
  /** The client goes on. */
  resume(): void;
}

/** Formats a duration: `87 ms`, `1.2 s`, `3 min 7 s`. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  return ms < 59_950 ? `${(ms / 1000).toFixed(1)} s` : wholeSeconds(ms + 500);
}

/** Formats a running time in completed seconds: `7 s`, `3 min 7 s`, `2 h 5 min`. */
export function wholeSeconds(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const minutes = Math.floor(seconds / 60);
  if (minutes === 0) return `${seconds} s`;
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
