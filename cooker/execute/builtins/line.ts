/**
 * Parses command lines that are simple enough to be understood without a shell.
 *
 * @module
 */

/** A word. `isPattern` is true if the shell would replace it by the files that it matches. */
export interface Word {
  readonly text: string;
  readonly isPattern: boolean;
}

/** The file to which a command's stdout is redirected. */
interface Redirect {
  readonly target: Word;
  readonly append: boolean;
}

/** One command of a line. It runs only if the command before it has succeeded. */
export interface Step {
  /** At least one word. */
  readonly words: readonly Word[];
  readonly redirect?: Redirect;
  /** Index in the line at which the command begins. */
  readonly start: number;
}

/**
 * Matches blanks, `&&` and `;`, `>` and `>>` between blanks, quoted words, and unquoted words of
 * characters without a special meaning for a shell.
 */
const TOKEN =
  /([ \t]+)|(&&|;)|(>>?)(?=[ \t])|'([^'\n]*)'(?![^\s;&])|"([^"$`\\\n]*)"(?![^\s;&])|([A-Za-z0-9_.\/@%+:,*?-][A-Za-z0-9_.\/@%+=:,*?-]*)(?![^\s;&])/y;

/**
 * Parses a line into its commands, in order.
 *
 * @returns `undefined` if the line may contain syntax that this module does not know. A shell then
 *   has to read the whole line, even if it only reports what is wrong with it.
 */
export function parseLine(line: string): Step[] | undefined {
  const steps: Step[] = [];
  let words: Word[] = [];
  let redirect: { append: boolean; target?: Word } | undefined;
  let start = 0;
  let isAfterBlank = true;

  const end = (): boolean => {
    if (words.length === 0 || (redirect !== undefined && redirect.target === undefined)) {
      return false;
    }
    const { append = false, target } = redirect ?? {};
    steps.push({ words, start, ...(target === undefined ? {} : { redirect: { append, target } }) });
    words = [];
    redirect = undefined;
    return true;
  };

  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < line.length) {
    const at = TOKEN.lastIndex;
    const token = TOKEN.exec(line);
    if (token === null) return undefined;
    const [, blank, operator, arrow, single, double, plain] = token;
    if (blank !== undefined) {
      isAfterBlank = true;
      continue;
    }
    if (operator !== undefined) {
      const isLast = line.slice(TOKEN.lastIndex).trim() === "";
      if (!end() || (operator === "&&" && isLast)) return undefined;
      isAfterBlank = true;
      continue;
    }
    if (!isAfterBlank) return undefined;
    isAfterBlank = false;
    if (arrow !== undefined) {
      if (redirect !== undefined || words.length === 0) return undefined;
      redirect = { append: arrow === ">>" };
      continue;
    }
    const text = plain ?? single ?? double ?? "";
    const word = { text, isPattern: plain !== undefined && /[*?]/.test(plain) };
    if (redirect === undefined) {
      if (words.length === 0) start = at;
      words.push(word);
    } else if (redirect.target === undefined) redirect.target = word;
    // A word after a redirect is one more argument. That is rare and left to the shell.
    else return undefined;
  }
  return words.length === 0 && redirect === undefined || end() ? steps : undefined;
}
