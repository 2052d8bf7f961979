/**
 * Interface of the renderers, which show a build to a person or a program: they receive events and
 * write output. Also formats durations.
 *
 * @module
 */

import type { SimmerEvent } from "../../wire/events.ts";

/** Shows events. It writes to its sink at once and holds back only unfinished lines. */
export interface Renderer {
  /** Shows an event. */
  event(event: SimmerEvent): void;
  /** Prints a message of simmer's own: one line or more, without the last newline. */
  say(text: string): void;
  /** Prints a message as `say` does, but under `--quiet` too: for messages that must be visible. */
  warn(text: string): void;
  /** True if the renderer shows a running time on the screen. */
  readonly isLive: boolean;
  /** Updates the live part of the screen. */
  refresh(): void;
  /** Removes the live part of the screen. */
  finish(): void;
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
