/**
 * Two copies of a random project: one for another tool, and one for simmer. Both get the same edits,
 * and each task writes its name into the log of its copy.
 *
 * @module
 */

import { DirectCooker } from "../cooker/direct_cooker.ts";

/** A source of numbers that are the same for each run with one seed. */
export class Dice {
  #state: number;

  /** @param seed any number */
  constructor(seed: number) {
    this.#state = seed * 2654435761 >>> 0 || 1;
  }

  /** Returns an integer from 0 to `below - 1`. */
  roll(below: number): number {
    this.#state ^= this.#state << 13;
    this.#state >>>= 0;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    this.#state >>>= 0;
    return this.#state % below;
  }

  /** Returns true once in `of` times. */
  hits(of: number): boolean {
    return this.roll(of) === 0;
  }

  pick<T>(items: readonly [T, ...T[]]): T {
    return items[this.roll(items.length)] ?? items[0];
  }
}

/** Files by their paths; `null` removes a file or folder. */
export type Edits = Readonly<Record<string, string | null>>;

/** The effects of a run. */
export interface Effects {
  readonly exitCode: number;
  /** Names of the tasks that ran, sorted. */
  readonly ran: readonly string[];
  /** Contents of the outputs by their paths. */
  readonly outputs: Readonly<Record<string, string | undefined>>;
}

/** A copy of a project. */
export class Copy implements AsyncDisposable {
  readonly root: string = Deno.realPathSync(Deno.makeTempDirSync());
  readonly #top = Deno.realPathSync(Deno.makeTempDirSync());
  readonly log: string = `${this.#top}/log`;

  constructor() {
    Deno.writeTextFileSync(this.log, "");
  }

  /** Applies edits. `@LOG@` stands for the path of this copy's log. */
  edit(edits: Edits): void {
    for (const [path, text] of Object.entries(edits)) {
      const file = `${this.root}/${path}`;
      if (text === null) {
        removeIfPresent(file);
        continue;
      }
      Deno.mkdirSync(file.slice(0, file.lastIndexOf("/")), { recursive: true });
      Deno.writeTextFileSync(file, text.replaceAll("@LOG@", this.log));
    }
  }

  /** Returns the effects of a run, and empties the log. */
  effects(exitCode: number, outputs: readonly string[]): Effects {
    const ran = Deno.readTextFileSync(this.log).split("\n").filter((line) => line !== "").sort();
    Deno.writeTextFileSync(this.log, "");
    const contents = outputs.map((path) => [path, this.#read(path)] as const);
    return { exitCode, ran, outputs: Object.fromEntries(contents) };
  }

  #read(path: string): string | undefined {
    try {
      return Deno.readTextFileSync(`${this.root}/${path}`);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.root, { recursive: true });
    await Deno.remove(this.#top, { recursive: true });
  }
}

function removeIfPresent(file: string): void {
  try {
    Deno.removeSync(file, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** The copy that simmer runs. */
export class SimmerCopy extends Copy {
  readonly #cooker = new DirectCooker(this.root);

  async run(
    tasks: readonly string[],
    options: {
      readonly env: Readonly<Record<string, string>>;
      readonly outputs: readonly string[];
      readonly recursive: boolean;
    },
  ): Promise<Effects & { readonly message: string | undefined }> {
    const { env, recursive, outputs } = options;
    const { exitCode, error } = await this.#cooker.run(tasks, { recursive, env });
    // Results are stored after the build, unless an input changes before. A plan waits for that.
    if (error === undefined) await this.#cooker.plan([], { env });
    return { ...this.effects(exitCode, outputs), message: error?.message };
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await this.#cooker[Symbol.asyncDispose]();
    await super[Symbol.asyncDispose]();
  }
}

/** Milliseconds that each comparison may take. `SIMMER_PEER_SECONDS` sets another bound. */
export const PEER_MS: number = Number(Deno.env.get("SIMMER_PEER_SECONDS") ?? 8) * 1000;
