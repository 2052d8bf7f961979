/**
 * Follows a build: passes its events to the renderer, and turns its end into an exit code.
 *
 * @module
 */

import { WireError } from "../../wire/errors.ts";
import type { BuildOutcome, SimmerEvent } from "../../wire/events.ts";
import { reportOf } from "../errors.ts";
import type { Output } from "../output.ts";
import type { Renderer } from "../render/renderer.ts";

/** The parameters of a {@linkcode BuildFollower}. */
interface FollowerOptions {
  readonly renderer: Renderer;
  readonly output: Output;
  /** Handles the events of the keyboard. If absent, they are ignored. */
  readonly onKeyboard?: (event: KeyboardEvent) => void;
}

/** An event about the keyboard of the client's terminal. */
export type KeyboardEvent = Extract<
  SimmerEvent,
  { readonly type: "KeyboardTaken" | "KeyboardReleased" | "SignalTyped" }
>;

/** The end of a build. */
interface BuildEnd {
  readonly exitCode: number;
  /** Absent if the build never began. */
  readonly outcome?: BuildOutcome;
}

/** Follows one build. */
export class BuildFollower {
  /** Resolves when the last event of the build's command has been shown. */
  readonly end: Promise<BuildEnd>;
  readonly #options: FollowerOptions;
  readonly #finish: (end: BuildEnd) => void;
  /** The build, or the first one that is seen; absent: not known yet. */
  #followed: string | "first" | undefined;
  /** Events that came before it was known which build to follow. */
  readonly #early: SimmerEvent[] = [];
  #hasBegun = false;
  /** Resolves when the renderer has shown an event that takes it longer. */
  #showing: Promise<void> | undefined;
  #outcome: BuildOutcome | undefined;

  /**
   * @param options at the end of the build, the renderer is finished and nothing live stays on the
   *   screen
   */
  constructor(options: FollowerOptions) {
    this.#options = options;
    const { promise, resolve } = Promise.withResolvers<BuildEnd>();
    this.end = promise;
    this.#finish = resolve;
  }

  /** Follows a build, or the first one that is seen. Events that came before are handled now. */
  follow(build: string | "first"): void {
    this.#followed = build;
    for (const event of this.#early.splice(0)) this.take(event);
  }

  /** True if the build has begun. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /**
   * Handles an event.
   *
   * @returns a promise that resolves when the event is on the screen, or nothing if it is already
   */
  take(event: SimmerEvent): Promise<void> | undefined {
    if (this.#followed === undefined) {
      this.#early.push(event);
      return undefined;
    }
    const shown = this.#showing === undefined
      ? this.#show(event)
      : this.#showing.then(() => this.#show(event));
    if (shown === undefined) return this.#options.output.settled;
    const showing = shown.finally(() => {
      if (this.#showing === showing) this.#showing = undefined;
    });
    this.#showing = showing;
    return showing;
  }

  /** Shows an event. Returns the renderer's promise. */
  #show(event: SimmerEvent): Promise<void> | undefined {
    const { renderer, output } = this.#options;
    if (this.#followed === "first" && event.build !== undefined) this.#followed = event.build;
    // Skips events of other builds. Events that belong to no build are shown once ours has begun.
    if (event.build === this.#followed) this.#hasBegun = true;
    else if (event.build !== undefined || !this.#hasBegun) return undefined;
    const shown = renderer.event(event);
    // While output is being written, the view is updated with it.
    if (output.settled === undefined) renderer.live?.refresh();
    switch (event.type) {
      case "KeyboardTaken":
      case "KeyboardReleased":
      case "SignalTyped":
        this.#options.onKeyboard?.(event);
    }
    if (event.type === "BuildCompleted") this.#outcome = event.outcome;
    const exitCode = this.#exitCodeOf(event);
    if (exitCode !== undefined) {
      renderer.finish();
      this.#finish({
        exitCode,
        ...(this.#outcome === undefined ? {} : { outcome: this.#outcome }),
      });
    }
    return shown;
  }

  #exitCodeOf(event: SimmerEvent): number | undefined {
    switch (event.type) {
      case "CommandCompleted":
        return 0;
      case "CommandExit":
        return event.exitCode;
      case "CommandFailed": {
        const report = reportOf(WireError.fromObject(event.error));
        for (const line of report?.lines ?? []) this.#options.renderer.say(line);
        return report?.exitCode;
      }
      default:
        return undefined;
    }
  }
}
