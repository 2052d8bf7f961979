/**
 * Compiles globs as Turborepo, Wireit and git write them: `*`, `?`, `**`, `[a-z]`, `{a,b}` and
 * backslashes. Unlike in a task's own `files`, wildcards match leading dots and respect case.
 *
 * @module
 */

import { matchPieces, type Piece } from "./pieces.ts";

/** A component of a glob; `undefined` stands for `**`. */
export type GlobSegment = ((name: string) => boolean) | undefined;

/** The most globs that braces are expanded to. More are taken literally. */
const MOST_EXPANDED = 1000;

/** Returns true if a text contains a wildcard. */
export function hasWildcard(text: string): boolean {
  return /(?:^|[^\\])[*?[]/.test(text);
}

/**
 * Expands the braces of a glob, as in `{a,b/{c,d}}`. Braces without a comma are literal, as in a
 * shell.
 */
export function expandBraces(glob: string): string[] {
  const done: string[] = [];
  const open = [glob];
  for (let text = open.pop(); text !== undefined; text = open.pop()) {
    const braces = firstBraces(text);
    if (braces === undefined) done.push(text);
    else {
      const { start, end, choices } = braces;
      for (const choice of choices.reverse()) {
        open.push(text.slice(0, start) + choice + text.slice(end));
      }
    }
    if (open.length + done.length > MOST_EXPANDED) return [glob];
  }
  return done;
}

function firstBraces(
  text: string,
): { readonly start: number; readonly end: number; readonly choices: string[] } | undefined {
  for (let start = text.indexOf("{"); start >= 0; start = text.indexOf("{", start + 1)) {
    if (text[start - 1] === "\\") continue;
    const choices: string[] = [];
    let [depth, from] = [0, start + 1];
    for (let at = start; at < text.length; at++) {
      const character = text[at];
      if (character === "\\") at++;
      else if (character === "{") depth++;
      else if (character === "," && depth === 1) {
        choices.push(text.slice(from, at));
        from = at + 1;
      } else if (character === "}" && --depth === 0) {
        choices.push(text.slice(from, at));
        if (choices.length > 1) return { start, end: at + 1, choices };
        break;
      }
    }
  }
  return undefined;
}

/** Compiles the components of a glob without braces. Several `**` in a row count as one. */
export function compileGlob(parts: readonly string[]): GlobSegment[] {
  const segments: GlobSegment[] = [];
  for (const part of parts) {
    if (part !== "**") segments.push(compilePart(part));
    else if (segments.length === 0 || segments.at(-1) !== undefined) segments.push(undefined);
  }
  return segments;
}

function compilePart(part: string): (name: string) => boolean {
  const pieces: Piece[] = [];
  let literal: string | undefined = "";
  const characters = [...part];
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at] ?? "";
    if (character === "*") {
      literal = undefined;
      if (pieces.at(-1) !== "star") pieces.push("star");
      continue;
    }
    if (character === "?") {
      literal = undefined;
      pieces.push(() => true);
      continue;
    }
    const list = character === "[" ? characterClass(characters, at) : undefined;
    if (list !== undefined) {
      literal = undefined;
      pieces.push(list.test);
      at = list.end;
      continue;
    }
    const own = character === "\\" ? characters[++at] ?? "\\" : character;
    if (literal !== undefined) literal += own;
    pieces.push((other) => other === own);
  }
  const text = literal;
  return text === undefined ? (name) => matchPieces(pieces, [...name]) : (name) => name === text;
}

/** Parses `[a-z]`, `[!a-z]` or `[^a-z]`. Returns `undefined` if the bracket is not closed. */
function characterClass(
  characters: readonly string[],
  start: number,
): { readonly test: (character: string) => boolean; readonly end: number } | undefined {
  let at = start + 1;
  const isNegated = characters[at] === "!" || characters[at] === "^";
  if (isNegated) at++;
  const ranges: (readonly [string, string])[] = [];
  for (let isFirst = true; at < characters.length; at++, isFirst = false) {
    let low = characters[at] ?? "";
    if (low === "]" && !isFirst) {
      const test = (character: string): boolean =>
        ranges.some(([from, to]) => from <= character && character <= to) !== isNegated;
      return { test, end: at };
    }
    if (low === "\\") low = characters[++at] ?? "";
    const high = characters[at + 2];
    if (characters[at + 1] === "-" && high !== undefined && high !== "]") {
      ranges.push([low, high]);
      at += 2;
    } else {
      ranges.push([low, low]);
    }
  }
  return undefined;
}

/** Part of a path that a glob has to match: all of it, or so that a longer path could match. */
type Extent = "whole" | "start";

/**
 * Matches the components of a path. A `**` at the end needs at least one component.
 *
 * The states are the positions in the glob that the components so far can lead to, so that several
 * `**` do not multiply.
 */
export function matchGlob(
  segments: readonly GlobSegment[],
  parts: readonly string[],
  extent: Extent = "whole",
): boolean {
  let states = reachable(segments, new Set([0]));
  for (const part of parts) {
    const next = new Set<number>();
    for (const state of states) {
      if (state >= segments.length) continue;
      const segment = segments[state];
      if (segment === undefined) {
        next.add(state);
        // The last `**` has matched something.
        if (state === segments.length - 1) next.add(state + 1);
      } else if (segment(part)) next.add(state + 1);
    }
    if (next.size === 0) return false;
    states = reachable(segments, next);
  }
  if (extent === "start") return [...states].some((state) => state < segments.length);
  return states.has(segments.length);
}

/** Adds the positions that are reached because a `**` also matches nothing. */
function reachable(segments: readonly GlobSegment[], states: Set<number>): Set<number> {
  for (const state of states) {
    if (state < segments.length - 1 && segments[state] === undefined) states.add(state + 1);
  }
  return states;
}
