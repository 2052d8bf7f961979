/**
 * Keys of a terminal in raw mode, from the bytes that it sends.
 *
 * @module
 */

/** A key that is not text. */
type KeyName =
  | "up"
  | "down"
  | "pageUp"
  | "pageDown"
  | "enter"
  | "escape"
  | "tab"
  | "shiftTab"
  | "backspace"
  | "deleteWord"
  | "deleteLine"
  | "interrupt"
  | "end"
  | "suspend";

/** A key, or text that was typed or pasted. */
export type Key =
  | { readonly kind: "key"; readonly key: KeyName }
  | { readonly kind: "text"; readonly text: string };

const ESCAPE = "\x1b";

/** Control characters. The arrows of a shell's line editor work too. */
const CONTROLS: Readonly<Record<string, KeyName>> = {
  "\r": "enter",
  "\n": "enter",
  "\t": "tab",
  "\x7f": "backspace",
  "\b": "backspace",
  "\x03": "interrupt",
  "\x04": "end",
  "\x0e": "down",
  "\x10": "up",
  "\x15": "deleteLine",
  "\x17": "deleteWord",
  "\x1a": "suspend",
};

/** What follows ESC in the sequences of keys. */
const SEQUENCES: Readonly<Record<string, KeyName>> = {
  "[A": "up",
  "[B": "down",
  "OA": "up",
  "OB": "down",
  "[5~": "pageUp",
  "[6~": "pageDown",
  "[Z": "shiftTab",
};

/** A complete sequence after ESC: of a key, or another one. */
// deno-lint-ignore no-control-regex
const COMPLETE = /^(?:\[[0-?]*[ -/]*[@-~]|O[@-~]|[^[O\x1b])/u;
// deno-lint-ignore no-control-regex
const TEXT = /^[^\x00-\x1f\x7f]+/;

/** Splits bytes into keys. */
export class KeyReader {
  readonly #decoder = new TextDecoder();
  /** The beginning of a sequence whose end has not come. */
  #rest = "";

  /** True if the last byte may be the key Esc, or the beginning of a sequence. */
  get isOpen(): boolean {
    return this.#rest !== "";
  }

  /** Returns the keys that are complete. Other control characters and sequences are ignored. */
  read(bytes: Uint8Array): Key[] {
    let text = this.#rest + this.#decoder.decode(bytes, { stream: true });
    this.#rest = "";
    const keys: Key[] = [];
    while (text !== "") {
      const [typed] = TEXT.exec(text) ?? [];
      if (typed !== undefined) {
        keys.push({ kind: "text", text: typed });
        text = text.slice(typed.length);
        continue;
      }
      if (!text.startsWith(ESCAPE)) {
        keys.push(...named(CONTROLS[text.charAt(0)]));
        text = text.slice(1);
        continue;
      }
      const after = text.slice(1);
      const [sequence] = COMPLETE.exec(after) ?? [];
      if (sequence === undefined && !after.startsWith(ESCAPE)) {
        this.#rest = text;
        break;
      }
      keys.push(...named(sequence === undefined ? "escape" : SEQUENCES[sequence]));
      text = after.slice(sequence?.length ?? 0);
    }
    return keys;
  }

  /** No more bytes have come for a while: what is open was the key Esc. */
  expire(): Key[] {
    const wasOpen = this.isOpen;
    this.#rest = "";
    return named(wasOpen ? "escape" : undefined);
  }
}

function named(key: KeyName | undefined): Key[] {
  return key === undefined ? [] : [{ kind: "key", key }];
}
