/**
 * The line at the bottom of the full view: a prompt, a message, or the most useful keys.
 *
 * @module
 */

import type { Palette } from "./palette.ts";
import { type Span, widthOf } from "./text.ts";

/** Meaning of the keys at present. */
export type Mode =
  | { readonly kind: "browse" }
  | { readonly kind: "search"; readonly text: string }
  | { readonly kind: "select" }
  | { readonly kind: "type"; readonly build: string; readonly task: string; readonly title: string }
  | { readonly kind: "confirm"; readonly question: string; readonly yes: () => void }
  | { readonly kind: "help"; readonly offset: number };

/** The line, and the cursor in it if text is typed there. */
export interface Footer {
  readonly spans: Span[];
  readonly cursor?: number;
}

type Hint = readonly [keys: string, what: string];

const BROWSE: readonly Hint[] = [
  ["?", "help"],
  ["q", "leave"],
  ["/", "search"],
  ["f", "follow"],
  ["r", "run again"],
  ["i", "type"],
  ["y", "copy"],
  ["z", "zoom"],
];

const SELECT: readonly Hint[] = [
  ["↑ ↓", "extend"],
  ["y", "copy"],
  ["Esc", "end"],
];

const HELP_HINTS: readonly Hint[] = [["↑ ↓", "scroll"], ["any other key", "closes the help"]];

/**
 * Returns the line.
 *
 * @param message shown instead of keys; empty: none
 */
export function footerOf(mode: Mode, message: string, palette: Palette): Footer {
  switch (mode.kind) {
    case "search": {
      const text = `/${mode.text}`;
      const note = message === "" ? [] : [{ text: `  ${message}`, sgr: palette.warning }];
      return { spans: [{ text }, ...note], cursor: widthOf(text) };
    }
    case "confirm":
      return { spans: [{ text: `${mode.question} [y/n]`, sgr: palette.strong }] };
  }
  if (message !== "") return { spans: [{ text: message, sgr: palette.strong }] };
  switch (mode.kind) {
    case "select":
      return { spans: hints(SELECT, palette) };
    case "type":
      return { spans: [{ text: `Typing into ${mode.title}; Ctrl-] ends`, sgr: palette.strong }] };
    case "help":
      return { spans: hints(HELP_HINTS, palette) };
    case "browse":
      return { spans: hints(BROWSE, palette) };
  }
}

function hints(list: readonly Hint[], palette: Palette): Span[] {
  return list.flatMap(([keys, what], index) => [
    { text: `${index === 0 ? "" : "  "}${keys}`, sgr: palette.strong },
    { text: ` ${what}`, sgr: palette.faint },
  ]);
}
