/**
 * Following a build: its events go to the renderer, and its end becomes an exit code.
 *
 * @module
 */

import { WireError } from "../../wire/errors.ts";
import type { BuildOutcome, SimmerEvent } from "../../wire/events.ts";
import { reportOf } from "../errors.ts";
import type { Output } from "../output.ts";
import type { Renderer } from "../render/renderer.ts";

/** What is followed. */
interface FollowerOptions {
  readonly renderer: Renderer;
  readonly output: Output;
  /** The process that asked for the build; absent: any build is followed, the first that is seen. */
  readonly pid?: number;
}

/** How a build ended. */
interface BuildEnd {
  readonly exitCode: number;
  /** Absent where the build never began. */
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

  /** @param options the renderer is given back clean: nothing live is left on the screen */
  constructor(options: FollowerOptions) {
    this.#options = options;
    const { promise, resolve } = Promise.withResolvers<BuildEnd>();
    this.end = promise;
    this.#finish = resolve;
  }

  /** Whether the build has begun. */
  get hasBegun(): boolean {
    return this.#build !== undefined;
  }

  /**
   * Takes an event.
   *
   * @returns resolves when it is on the screen; nothing where it is already
   */
  take(event: SimmerEvent): Promise<void> | undefined {
    const { renderer, output, pid } = this.#options;
    if (this.#build === undefined) {
      const isOurs = pid === undefined || event.type === "BuildStarted" && event.client.pid === pid;
      if (isOurs) this.#build = event.build;
    }
    // Other builds are not ours to show; what belongs to none is, while ours goes on.
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
