/**
 * Memory of answers to command lines. If every task of a build was a cache hit, its output is
 * recorded. While nothing has changed, the same request gets the recorded output again, without a
 * plan or a build.
 *
 * @module
 */

import { concat } from "@std/bytes/concat";
import { LruMap } from "../system/lru_map.ts";
import { withDuration } from "../client/render/summary.ts";
import type { SettledBuild } from "../cooker/settled.ts";

/** A piece of a command's output. */
export interface WrittenPiece {
  /** Frame type of the stream, as on the wire. */
  readonly kind: number;
  readonly bytes: Uint8Array;
}

/** Recorded output of a command line. */
interface Memo {
  readonly pieces: readonly WrittenPiece[];
  readonly build: SettledBuild;
}

/** Limits: number of recorded command lines, and bytes of output of each. */
const MAX_MEMOS = 8;
export const MAX_BYTES: number = 2 * 1024 * 1024;

/**
 * Options of command lines that are not recorded: the result depends on a file or on the time, or
 * the line must always run.
 */
const NEVER = /^--(env-file|json|detach|force)\b/;

/** Records the output of the last command lines. */
export class Memos {
  readonly #memos = new LruMap<string, Memo>(MAX_MEMOS);

  /** Records a command line's output. It becomes the newest record. */
  set(key: string, memo: Memo): void {
    this.#memos.set(key, memo);
  }

  /** Returns true if there is a record of a command line, even a stale one. */
  has(key: string): boolean {
    return this.#memos.has(key);
  }

  /** Returns the recorded output if the same command line would give it now. */
  get(key: string): readonly WrittenPiece[] | undefined {
    const memo = this.#memos.get(key);
    if (memo === undefined) return undefined;
    if (memo.build.isCurrent()) return memo.pieces;
    this.#memos.delete(key);
    return undefined;
  }
}

/** Joins adjacent pieces of the same stream. */
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

/** Returns true if the output of a command line may be recorded. */
export function isMemorable([name, ...args]: readonly string[]): boolean {
  return name === "run" && !args.some((arg) => NEVER.test(arg));
}

/** Returns recorded output with the duration of the present run in its summary. */
export function renewed(pieces: readonly WrittenPiece[], ms: number): readonly WrittenPiece[] {
  const last = pieces.at(-1);
  if (last === undefined) return pieces;
  // The summary is the end of the output, and plain text.
  let at = Math.max(0, last.bytes.length - SUMMARY_BYTES);
  // Cut before a character, not within it.
  while (at > 0 && isContinuation(last.bytes[at])) at--;
  const summary = withDuration(new TextDecoder().decode(last.bytes.subarray(at)), ms);
  return [
    ...pieces.slice(0, -1),
    { kind: last.kind, bytes: last.bytes.subarray(0, at) },
    { kind: last.kind, bytes: new TextEncoder().encode(summary) },
  ];
}

/** Upper limit of a summary's length, in bytes. */
const SUMMARY_BYTES = 80;

/** True for a byte that continues a character of UTF-8. */
function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}
