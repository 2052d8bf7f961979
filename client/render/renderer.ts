/**
 * What shows a build to a person or a program: events in, output out.
 *
 * @module
 */

import type { SimmerEvent } from "../../wire/events.ts";

/** Shows events. It writes to its sink at once and keeps nothing back but unfinished lines. */
export interface Renderer {
  /** Shows an event. */
  event(event: SimmerEvent): void;
  /** Says something of simmer's own: one line or more, without the last newline. */
  say(text: string): void;
  /** As `say`, under `--quiet` too: for what a person must know. */
  warn(text: string): void;
  /** Whether something on the screen shows the time. */
  readonly isLive: boolean;
  /** Brings what is live on the screen up to date. */
  refresh(): void;
  /** Takes away what is live on the screen. */
  finish(): void;
}

/** Milliseconds as people read them: `87 ms`, `1.2 s`, `3 min 7 s`. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  return ms < 59_950 ? `${(ms / 1000).toFixed(1)} s` : wholeSeconds(ms + 500);
}

/** A time that goes on, in seconds that are over: `7 s`, `3 min 7 s`, `2 h 5 min`. */
export function wholeSeconds(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const minutes = Math.floor(seconds / 60);
  if (minutes === 0) return `${seconds} s`;
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
