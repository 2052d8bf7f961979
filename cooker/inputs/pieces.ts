/**
 * Matches names against patterns with stars. A regular expression would take exponential time for
 * some names.
 *
 * @module
 */

/** A part of a pattern: a star, or a test of one character. */
export type Piece = "star" | ((character: string) => boolean);

/**
 * Matches a name, given by its characters. The time grows at most with the product of both lengths.
 */
export function matchPieces(pieces: readonly Piece[], name: readonly string[]): boolean {
  let at = 0;
  /** The last star, and the index at which the name continues after the part that it matches. */
  let [star, from] = [-1, 0];
  for (let index = 0; index < name.length;) {
    const piece = pieces[at];
    if (piece === "star") {
      star = at++;
      from = index;
    } else if (piece?.(name[index] ?? "") === true) {
      at++;
      index++;
    } else if (star >= 0) {
      // Let the last star match one character more. The earlier stars no longer matter.
      at = star + 1;
      index = ++from;
    } else {
      return false;
    }
  }
  while (pieces[at] === "star") at++;
  return at === pieces.length;
}
