/**
 * Command lines of which every word can be seen without a shell.
 *
 * @module
 */

/** A word: its text, and whether the shell would look for files that it fits. */
export interface Word {
  readonly text: string;
  readonly isPattern: boolean;
}

/** Where a command's stdout goes, instead of to whoever reads it. */
interface Redirect {
  readonly target: Word;
  readonly append: boolean;
}

/** One command of a line. Each of them runs where the one before it went well. */
export interface Step {
  /** At least one. */
  readonly words: readonly Word[];
  readonly redirect?: Redirect;
  /** Where it begins in the line. */
  readonly start: number;
}

/**
 * Blanks; `&&` and `;`; `>` and `>>` between blanks; words in quotes, and words without, made of
 * characters in which a shell sees nothing else.
 */
const TOKEN =
  /([ \t]+)|(&&|;)|(>>?)(?=[ \t])|'([^'\n]*)'(?![^\s;&])|"([^"$`\\\n]*)"(?![^\s;&])|([A-Za-z0-9_.\/@%+:,*?-][A-Za-z0-9_.\/@%+=:,*?-]*)(?![^\s;&])/y;

/**
 * The commands of a line, in order.
 *
 * @returns `undefined` where there may be more in the line than this module knows: a shell has to
 *   read all of it then, were it only to say what is wrong with it
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
    // A word behind a redirect is one more argument: rare, and left to the shell.
    else return undefined;
  }
  return words.length === 0 && redirect === undefined || end() ? steps : undefined;
}
