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
  /** The process that requested the build. If absent, the first build that is seen is followed. */
  readonly pid?: number;
}

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
  #build: string | undefined;
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

  /** True if the build has begun. */
  get hasBegun(): boolean {
    return this.#build !== undefined;
  }

  /**
   * Handles an event.
   *
   * @returns a promise that resolves when the event is on the screen, or nothing if it is already
   */
  take(event: SimmerEvent): Promise<void> | undefined {
    const { renderer, output, pid } = this.#options;
    if (this.#build === undefined) {
      const isOurs = pid === undefined || event.type === "BuildStarted" && event.client.pid === pid;
      if (isOurs) this.#build = event.build;
    }
    // Skips events of other builds. Events that belong to no build are shown once ours has begun.
    if (this.#build === undefined) return undefined;
    if (event.build !== undefined && event.build !== this.#build) return undefined;
    renderer.event(event);
    renderer.refresh();
    if (event.type === "BuildCompleted") this.#outcome = event.outcome;
    const exitCode = this.#exitCodeOf(event);
    if (exitCode !== undefined) {
      renderer.finish();
      this.#finish({
        exitCode,
        ...(this.#outcome === undefined ? {} : { outcome: this.#outcome }),
      });
    }
    return output.settled;
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
