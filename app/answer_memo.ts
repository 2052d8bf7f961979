/**
 * Recorded output of command lines. If every task of a build was a cache hit, its output is kept.
 * While nothing has changed, the same request gets the same output again, without a plan or a
 * build.
 *
 * @module
 */

import { concat } from "@std/bytes/concat";
import { withDuration } from "../client/render/summary.ts";
import { KeptAnswers } from "../cooker/validity.ts";

/** A piece of a command's output. */
export interface WrittenPiece {
  /** Frame type of the stream, as on the wire. */
  readonly kind: number;
  readonly bytes: Uint8Array;
}

/** Limits: number of recorded command lines, and bytes of output of each. */
const MAX_RECORDS = 8;
export const MAX_BYTES: number = 2 * 1024 * 1024;

/**
 * Options of command lines that are not recorded: the result depends on a file or on the time, or
 * the line must always run.
 */
const NEVER = /^--(env-file|json|detach|force)\b/;

/** The output of the last command lines. The questions are the keys of requests. */
export type KeptOutputs = KeptAnswers<readonly WrittenPiece[]>;

/** Creates an empty memory of outputs. */
export function keptOutputs(): KeptOutputs {
  return new KeptAnswers(MAX_RECORDS);
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
