/**
 * A choice from a list with a filter, as a state machine without a terminal.
 *
 * @module
 */

import type { Input } from "../keys.ts";

/** An item of the list. */
export interface Item {
  /** Unique in the list. */
  readonly name: string;
  /** Explanation; empty: none. */
  readonly note: string;
}

/** State of a choice. */
export interface Choice {
  readonly items: readonly Item[];
  readonly filter: string;
  /** The items that match the filter, best first. */
  readonly shown: readonly Item[];
  /** Index of the current item in `shown`. */
  readonly current: number;
  /** Names of the items that were marked, in the order of marking. */
  readonly marked: readonly string[];
  /** Number of items that a page key moves. */
  readonly page: number;
}

/** Result of a key. */
type Chosen =
  | { readonly kind: "open"; readonly choice: Choice }
  | { readonly kind: "done"; readonly names: readonly string[] }
  | { readonly kind: "left" }
  | { readonly kind: "suspend" };

/** Begins a choice. */
export function choiceOf(items: readonly Item[], page: number): Choice {
  return { items, filter: "", shown: items, current: 0, marked: [], page };
}

/** Handles an input. One that means nothing changes nothing. */
export function typed(choice: Choice, input: Input): Chosen {
  if (input.kind === "mouse") return { kind: "open", choice };
  const { filter, shown, current, marked, page } = choice;
  const text = textOf(input);
  if (text !== undefined) return filtered(choice, filter + text);
  const item = shown[current];
  switch (input.kind === "key" ? input.key : undefined) {
    case "up":
    case "ctrl-p":
      return moved(choice, -1);
    case "down":
    case "ctrl-n":
      return moved(choice, 1);
    case "pageup":
      return moved(choice, -Math.min(page, current));
    case "pagedown":
      return moved(choice, Math.min(page, Math.max(0, shown.length - 1 - current)));
    case "tab":
      return moved(marking(choice, item), 1);
    case "shift-tab":
      return moved(marking(choice, item), -1);
    case "backspace":
      return filtered(choice, [...filter].slice(0, -1).join(""));
    case "ctrl-w":
      return filtered(choice, filter.replace(/\S+\s*$/u, ""));
    case "ctrl-u":
      return filtered(choice, "");
    case "enter":
      if (marked.length > 0) return { kind: "done", names: marked };
      return item === undefined ? { kind: "open", choice } : { kind: "done", names: [item.name] };
    case "ctrl-d":
      return filter === "" ? { kind: "left" } : { kind: "open", choice };
    case "esc":
    case "ctrl-c":
      return { kind: "left" };
    case "ctrl-z":
      return { kind: "suspend" };
    default:
      return { kind: "open", choice };
  }
}

/** Returns the text that an input types, without control characters; `undefined` if it is a key. */
function textOf(input: Exclude<Input, { readonly kind: "mouse" }>): string | undefined {
  // deno-lint-ignore no-control-regex
  if (input.kind === "paste") return input.text.replace(/[\x00-\x1f\x7f]+/g, " ");
  if (input.key === "space") return " ";
  return [...input.key].length === 1 ? input.key : undefined;
}

/** Moves the current item. Beyond an end, the other end follows. */
function moved(choice: Choice, by: number): Chosen {
  const { length } = choice.shown;
  const current = length === 0 ? 0 : (choice.current + by + length) % length;
  return { kind: "open", choice: { ...choice, current } };
}

function marking(choice: Choice, item: Item | undefined): Choice {
  if (item === undefined) return choice;
  const { marked } = choice;
  const others = marked.filter((name) => name !== item.name);
  return { ...choice, marked: others.length < marked.length ? others : [...marked, item.name] };
}

/** Keeps the items that contain each word of the filter in their names or notes. */
function filtered(choice: Choice, filter: string): Chosen {
  const words = filter.toLowerCase().split(/\s+/).filter((word) => word !== "");
  const ranked = choice.items
    .map((item) => ({ item, rank: rankOf(item, words) }))
    .filter(({ rank }) => rank < Infinity)
    .sort((a, b) => a.rank - b.rank);
  const shown = ranked.map(({ item }) => item);
  return { kind: "open", choice: { ...choice, filter, shown, current: 0 } };
}

/** Rank of an item, best first: names that begin with a word, that contain it, then notes. */
function rankOf(item: Item, words: readonly string[]): number {
  const name = item.name.toLowerCase();
  const note = item.note.toLowerCase();
  return words.reduce((worst, word) => {
    const rank = name === word
      ? 0
      : name.startsWith(word)
      ? 1
      : name.includes(word)
      ? 2
      : note.includes(word)
      ? 3
      : Infinity;
    return Math.max(worst, rank);
  }, 0);
}
