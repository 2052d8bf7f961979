/**
 * Parser of the bytes that a terminal sends for keys, pasted text and the mouse.
 *
 * @module
 */

/** A parsed input. Keys have names such as `j`, `G`, `ctrl-c`, `up`, `pageup`, `enter`, `esc`. */
export type Input =
  | { readonly kind: "key"; readonly key: string }
  | { readonly kind: "paste"; readonly text: string }
  /** `wheel`: -1 up, 1 down, 0 none. Column and row are counted from 0. */
  | {
    readonly kind: "mouse";
    readonly column: number;
    readonly row: number;
    readonly wheel: number;
  };

const NAMED: Readonly<Record<string, string>> = {
  "\r": "enter",
  "\n": "enter",
  "\t": "tab",
  "\x7f": "backspace",
  "\b": "backspace",
  " ": "space",
  "\0": "ctrl-space",
};

/** Final characters of sequences `ESC [ … X` and `ESC O X`. */
const FINALS: Readonly<Record<string, string>> = {
  A: "up",
  B: "down",
  C: "right",
  D: "left",
  H: "home",
  F: "end",
  Z: "shift-tab",
  P: "f1",
  Q: "f2",
  R: "f3",
  S: "f4",
};

/** Numbers of sequences `ESC [ N ~`. */
const NUMBERS: Readonly<Record<string, string>> = {
  "1": "home",
  "2": "insert",
  "3": "delete",
  "4": "end",
  "5": "pageup",
  "6": "pagedown",
  "7": "home",
  "8": "end",
};

const PASTE_BEGIN = "\x1b[200~";
const PASTE_END = "\x1b[201~";

// deno-lint-ignore no-control-regex
const CONTROL_SEQUENCE = /^\x1b\[([<=>?]?)([\d;:]*)([ -/]*)([@-~])/;
// deno-lint-ignore no-control-regex
const UNFINISHED = /^\x1b(\[[<=>?]?[\d;:]*[ -/]*|O)?$/;
/** Largest text of a sequence or a paste that is waited for, in characters. */
const MAX_PENDING = 1024 * 1024;

const encoder = new TextEncoder();

/** Turns bytes into inputs. Keeps the beginning of a sequence until the rest has come. */
export class KeyParser {
  readonly #decoder = new TextDecoder();
  #pending = "";

  /** True if bytes were kept: an `ESC` key, or the beginning of a sequence. */
  get isPending(): boolean {
    return this.#pending !== "";
  }

  /** Adds bytes, which are copied. */
  push(bytes: Uint8Array): void {
    this.#pending += this.#decoder.decode(bytes, { stream: true });
  }

  /** Returns the next input; `undefined` if there is no complete one. */
  next(): Input | undefined {
    while (this.#pending !== "") {
      const next = nextIn(this.#pending);
      if (next === undefined) {
        if (this.#pending.length > MAX_PENDING) this.#pending = "";
        break;
      }
      this.#pending = this.#pending.slice(next.length);
      if (next.input !== undefined) return next.input;
    }
    return undefined;
  }

  /** Removes and returns what was not parsed yet. */
  rest(): Uint8Array {
    const rest = encoder.encode(this.#pending);
    this.#pending = "";
    return rest;
  }

  /** Parses what was kept, because no more bytes have come for a while: it was an `ESC` key. */
  flush(): Input[] {
    if (this.#pending.startsWith(PASTE_BEGIN)) return [];
    const [first, ...rest] = this.#pending;
    this.#pending = "";
    if (first === undefined) return [];
    return [key("esc"), ...rest.map((each) => key(nameOf(each)))];
  }
}

/** Returns the first input of a text, `undefined` if the text is incomplete. */
function nextIn(text: string): { readonly input?: Input; readonly length: number } | undefined {
  if (!text.startsWith("\x1b")) {
    const character = String.fromCodePoint(text.codePointAt(0) ?? 0);
    return { input: key(nameOf(character)), length: character.length };
  }
  if (text.startsWith(PASTE_BEGIN)) {
    const end = text.indexOf(PASTE_END);
    if (end < 0) return undefined;
    const pasted = text.slice(PASTE_BEGIN.length, end);
    return { input: { kind: "paste", text: pasted }, length: end + PASTE_END.length };
  }
  if (UNFINISHED.test(text)) return undefined;
  const [sequence, mark, parameters = "", , final = ""] = CONTROL_SEQUENCE.exec(text) ?? [];
  if (sequence !== undefined) {
    const { length } = sequence;
    if (mark === "<") return { ...mouse(parameters, final), length };
    const name = final === "~" ? NUMBERS[parameters.split(";")[0] ?? ""] : FINALS[final];
    return name === undefined ? { length } : { input: key(name), length };
  }
  if (text[1] === "O") {
    const name = FINALS[text[2] ?? ""];
    return name === undefined ? { length: 3 } : { input: key(name), length: 3 };
  }
  if (text[1] === "[") return { length: 2 };
  if (text[1] === "\x1b") return { input: key("esc"), length: 1 };
  const character = String.fromCodePoint(text.codePointAt(1) ?? 0);
  return { input: key(`alt-${nameOf(character)}`), length: 1 + character.length };
}

function key(name: string): Input {
  return { kind: "key", key: name };
}

function nameOf(character: string): string {
  const named = NAMED[character];
  if (named !== undefined) return named;
  const code = character.charCodeAt(0);
  return code < 0x20 ? `ctrl-${String.fromCharCode(code + 0x60)}` : character;
}

/** Parses a report of the mouse (SGR mode). Only presses and the wheel count. */
function mouse(parameters: string, final: string): { readonly input?: Input } {
  const [button = 0, column = 1, row = 1] = parameters.split(";").map(Number);
  const isWheel = (button & 64) !== 0;
  if (final !== "M" || (!isWheel && (button & 0b100011) !== 0)) return {};
  const wheel = isWheel ? ((button & 1) === 0 ? -1 : 1) : 0;
  return { input: { kind: "mouse", column: column - 1, row: row - 1, wheel } };
}
