/**
 * The person's terminal while the full view is on it: the alternate screen, raw keys, frames at a
 * limited rate, and the way back to the terminal as it was.
 *
 * @module
 */

import type { Invocation } from "../invocation.ts";
import type { KeyModes } from "./emulator.ts";
import { type Frame, Painter } from "./painter.ts";

/** Milliseconds between two frames. */
const FRAME_MS = 33;

const ENTER = "\x1b[?1049h\x1b[?2004h\x1b[?25l";
/** Resets every mode that the view may have set. */
const LEAVE = "\x1b[?1000l\x1b[?1006l\x1b[?2004l\x1b[?1l\x1b>\x1b[0m\x1b[?25h\x1b[?1049l";
const MOUSE_ON = "\x1b[?1000h\x1b[?1006h";
const MOUSE_OFF = "\x1b[?1000l\x1b[?1006l";

/** Modes in which the view itself reads keys. */
const OWN_MODES: KeyModes = {
  applicationCursor: false,
  applicationKeypad: false,
  bracketedPaste: true,
};

/** Options of a {@linkcode TerminalScreen}. */
interface TerminalScreenOptions {
  readonly invocation: Pick<Invocation, "output" | "keyboard" | "clock" | "suspend">;
  /** Composes the next frame. */
  readonly frame: () => Frame;
  /** Receives typed bytes, which are valid until it returns. */
  readonly typed: (keys: Uint8Array) => void;
  /** Called with an error of a frame. */
  readonly failed: (error: unknown) => void;
}

/** The screen of the full view. */
export class TerminalScreen {
  readonly #options: TerminalScreenOptions;
  readonly #painter = new Painter();
  #isEntered = false;
  #isSuspended = false;
  #isDue = false;
  #paintedAt = -Infinity;
  #modes = OWN_MODES;
  #hasMouse = false;
  #painting: Promise<void> | undefined;

  constructor(options: TerminalScreenOptions) {
    this.#options = options;
  }

  /**
   * Switches to the alternate screen and takes the keyboard, unless that is so. While the process is
   * being suspended, nothing happens.
   */
  enter(): void {
    if (this.#isEntered || this.#isSuspended) return;
    this.#isEntered = true;
    const { output, keyboard } = this.#options.invocation;
    this.#painter.forget();
    output.write("stdout", `${ENTER}${this.#hasMouse ? MOUSE_ON : ""}`);
    output.perform(() =>
      keyboard?.take((keys) => {
        keyboard.answered?.();
        this.#options.typed(keys);
      })
    );
  }

  /** Restores the terminal. Does nothing if the view is not on it. */
  leave(): void {
    if (!this.#isEntered) return;
    this.#isEntered = false;
    this.#modes = OWN_MODES;
    const { output, keyboard } = this.#options.invocation;
    output.write("stdout", LEAVE);
    output.perform(() => keyboard?.release());
  }

  /** Restores the terminal, and suspends this process until SIGCONT. */
  async suspend(): Promise<void> {
    const { output, suspend } = this.#options.invocation;
    if (suspend === undefined || this.#isSuspended) return;
    this.leave();
    this.#isSuspended = true;
    await output.settled;
    suspend();
  }

  /** Continues after SIGCONT: the shell has used the terminal meanwhile. */
  resume(): void {
    this.#isSuspended = false;
    this.enter();
    this.repaint();
  }

  /** Paints a frame soon. */
  schedule(): void {
    this.#isDue = true;
    this.#painting ??= this.#paintDue().catch(this.#options.failed);
  }

  /** Resolves when no frame is due. */
  async settled(): Promise<void> {
    await this.#painting;
  }

  /** Paints everything again with the next frame. */
  repaint(): void {
    this.#painter.forget();
    this.schedule();
  }

  /** Reports clicks and the wheel as input, or leaves them to the terminal. */
  set mouse(isOn: boolean) {
    this.#hasMouse = isOn;
    if (this.#isEntered) this.#write(isOn ? MOUSE_ON : MOUSE_OFF);
  }

  /** True if clicks and the wheel are input. */
  get mouse(): boolean {
    return this.#hasMouse;
  }

  /** Sets which bytes the terminal sends for keys: as a program wants them, or as the view does. */
  setModes(modes: KeyModes = OWN_MODES): void {
    const before = this.#modes;
    this.#modes = modes;
    const { applicationCursor, applicationKeypad, bracketedPaste } = modes;
    if (before.applicationCursor !== applicationCursor) {
      this.#write(applicationCursor ? "\x1b[?1h" : "\x1b[?1l");
    }
    if (before.applicationKeypad !== applicationKeypad) {
      this.#write(applicationKeypad ? "\x1b=" : "\x1b>");
    }
    if (before.bracketedPaste !== bracketedPaste) {
      this.#write(bracketedPaste ? "\x1b[?2004h" : "\x1b[?2004l");
    }
  }

  /** Puts a text into the clipboard of the terminal, if it permits that (OSC 52). */
  copy(text: string): void {
    this.#write(`\x1b]52;c;${new TextEncoder().encode(text).toBase64()}\x07`);
  }

  #write(text: string): void {
    this.#options.invocation.output.write("stdout", text);
  }

  /** Paints while frames are due. A slow terminal gets fewer frames. */
  async #paintDue(): Promise<void> {
    const { invocation: { clock, output }, frame } = this.#options;
    while (this.#isDue) {
      const wait = this.#paintedAt + FRAME_MS - clock.monotonic();
      if (wait > 0) await clock.sleep(wait);
      else await Promise.resolve();
      await output.settled;
      this.#isDue = false;
      if (!this.#isEntered) continue;
      this.#paintedAt = clock.monotonic();
      this.#write(this.#painter.paint(frame()));
    }
    // In the same turn as the last test: a frame that becomes due later begins anew.
    this.#painting = undefined;
  }
}
