/**
 * What command lines came to whose builds were settled: the same line, in the same shell, says the
 * same again, without anything being planned, asked or shown anew.
 *
 * @module
 */

import { concat } from "@std/bytes/concat";
import { LruMap } from "../system/lru_map.ts";
import { withDuration } from "../client/render/summary.ts";
import type { SettledBuild } from "../cooker/settled.ts";

/** Something that was written. */
export interface WrittenPiece {
  /** Which stream, as the wire has it. */
  readonly kind: number;
  readonly bytes: Uint8Array;
}

/** What is kept of a command line. */
interface Memo {
  readonly pieces: readonly WrittenPiece[];
  readonly build: SettledBuild;
}

/** Command lines that are remembered, and bytes of output of each. */
const MAX_MEMOS = 8;
export const MAX_BYTES: number = 2 * 1024 * 1024;

/** Options whose outcome is not that of the same line before: their files, or events with times. */
const NEVER = /^--(env-file|json|detach|force)\b/;

/** Remembers the last command lines. */
export class Memos {
  readonly #memos = new LruMap<string, Memo>(MAX_MEMOS);

  /** Remembers what a line came to, the latest last. */
  set(key: string, memo: Memo): void {
    this.#memos.set(key, memo);
  }

  /** Whether it is remembered what a line came to, which may not be current any more. */
  has(key: string): boolean {
    return this.#memos.has(key);
  }

  /** What a line came to, where it would come to the same now. */
  get(key: string): readonly WrittenPiece[] | undefined {
    const memo = this.#memos.get(key);
    if (memo === undefined) return undefined;
    if (memo.build.isCurrent()) return memo.pieces;
    this.#memos.delete(key);
    return undefined;
  }
}

/** The same in as few pieces as its order allows. */
export function joined(pieces: readonly WrittenPiece[]): readonly WrittenPiece[] {
  const groups: WrittenPiece[][] = [];
  for (const piece of pieces) {
    const last = groups.at(-1);
    if (last?.[0]?.kind === piece.kind) last.push(piece);
    else groups.push([piece]);
  }
  return groups.flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    return [{ kind: first.kind, bytes: concat(group.map(({ bytes }) => bytes)) }];
  });
}

/** Whether what a line comes to can be remembered. */
export function isMemorable([name, ...args]: readonly string[]): boolean {
  return name === "run" && !args.some((arg) => NEVER.test(arg));
}

/** What is written again, with the time that it took now. */
export function renewed(pieces: readonly WrittenPiece[], ms: number): readonly WrittenPiece[] {
  const last = pieces.at(-1);
  if (last === undefined) return pieces;
  // The summary is the end of what was written, and plain text.
  const at = Math.max(0, last.bytes.length - SUMMARY_BYTES);
  const summary = withDuration(new TextDecoder().decode(last.bytes.subarray(at)), ms);
  return [
    ...pieces.slice(0, -1),
    { kind: last.kind, bytes: last.bytes.subarray(0, at) },
    { kind: last.kind, bytes: new TextEncoder().encode(summary) },
  ];
}

/** More than a summary has; cut inside a character only where that is not ASCII. */
const SUMMARY_BYTES = 80;
