/**
 * Determines what counts of a lockfile for a package: everything that the package depends on. An
 * upgrade of something else does not change it.
 *
 * A parser is loaded when a lockfile of its kind is read for the first time. Results are kept by
 * the digest of the file.
 *
 * @module
 */

import { sha256Hex } from "../../system/files/digest.ts";
import { NotReadableError, readBoundedText } from "../../system/files/bounded_text.ts";
import { baseName } from "../../system/files/files.ts";
import { LruMap } from "../../system/lru_map.ts";
import { closureText, type Lockfile } from "./lockfile.ts";
import { type LockfileInput, type LockfileReader, PART_OF_LOCKFILE } from "./lockfile_input.ts";

/** Size up to which a lockfile is parsed, in bytes. Of a larger one, everything counts. */
const MAX_BYTES = 64 * 1024 ** 2;

/** Number of lockfiles whose contents are kept, old versions included. */
const MAX_KEPT = 8;

type Parse = (text: string) => Lockfile | undefined;

/** Loads the parser of each kind. */
const PARSERS: Readonly<Record<string, () => Promise<Parse>>> = {
  "package-lock.json": async () => (await import("./npm_lock.ts")).readNpmLock,
  "npm-shrinkwrap.json": async () => (await import("./npm_lock.ts")).readNpmLock,
  "pnpm-lock.yaml": async () => (await import("./pnpm_lock.ts")).readPnpmLock,
  "yarn.lock": async () => (await import("./yarn_lock.ts")).readYarnLock,
  "bun.lock": async () => (await import("./bun_lock.ts")).readBunLock,
  "deno.lock": async () => (await import("./deno_lock.ts")).readDenoLock,
};

/** Names of lockfiles. The binary one of Bun counts as a whole. */
export const NPM_LOCKFILES: readonly string[] = [
  ...Object.keys(PARSERS).filter((name) => name !== "deno.lock"),
  "bun.lockb",
];

/** A version of a lockfile. */
interface Kept {
  /** `undefined` if the whole file counts. */
  readonly lockfile: Lockfile | undefined;
  readonly closures: Map<string, string>;
}

/** Reads lockfiles, and keeps what it has found. */
export class LockfileClosures {
  readonly #kept = new LruMap<string, Promise<Kept>>(MAX_KEPT);
  readonly #warn: (message: string) => void;

  /** @param warn called with a sentence about a lockfile that cannot be parsed */
  constructor(warn: (message: string) => void) {
    this.#warn = warn;
  }

  /** As {@linkcode LockfileReader}. If the format is unknown, the whole file counts. */
  readonly read: LockfileReader = async (input, file, content) => {
    if (input.packages.length === 0) return content;
    const question = `${file}\n${content}`;
    const reading = this.#kept.get(question) ?? this.#parse(file, content);
    this.#kept.set(question, reading);
    const { lockfile, closures } = await reading;
    if (lockfile === undefined) return content;
    const key = keyOf(input);
    const known = closures.get(key);
    if (known !== undefined) return known;
    const text = closureText(lockfile, input.packages, input.specifiers);
    const counted = text === undefined ? content : `${PART_OF_LOCKFILE}${sha256Hex(text)}`;
    closures.set(key, counted);
    return counted;
  };

  async #parse(file: string, content: string): Promise<Kept> {
    const closures = new Map<string, string>();
    const whole = { lockfile: undefined, closures };
    const load = PARSERS[baseName(file)];
    if (load === undefined) return whole;
    try {
      const text = readBoundedText(file, MAX_BYTES);
      // The file may have changed since its record was made, or it may be a link.
      if (text === undefined || !content.includes(sha256Hex(text))) return whole;
      const parse = await load();
      return { lockfile: parse(text), closures };
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      const reason = error instanceof NotReadableError ? error.message : firstLine(error.message);
      this.#warn(`Cannot parse ${file}, so all of it counts for cached tasks: ${reason}`);
      return whole;
    }
  }
}

function keyOf({ packages, specifiers }: LockfileInput): string {
  return JSON.stringify([packages, specifiers]);
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? text;
}
