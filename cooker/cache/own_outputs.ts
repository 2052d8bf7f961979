/**
 * The files, links and folders that a task's runs have made in the working tree: which of them are
 * still the task's own, and which the cache may remove or replace.
 *
 * @module
 */

import { isSystemError, joinPath } from "../../system/files/files.ts";
import type { TreeSignature, TreeSignatures } from "../../system/files/tree_signature.ts";
import type { TaskCommand } from "../execute/executor.ts";
import type { FileSet } from "../inputs/file_set.ts";
import { confinedPlace } from "../store/confine.ts";
import { StoreError } from "../store/errors.ts";
import { isRight, removeOutputs } from "../store/outputs.ts";
import type { OutputEntry } from "../store/result.ts";
import type { Forbid } from "../store/result_store.ts";
import type { Runnable } from "./cache_key.ts";
import type { CacheDeclaration } from "./fingerprint.ts";
import { isMeant, type OffLimits } from "./off_limits.ts";
import type { MadeOutputs } from "./output_runs.ts";
import type { TaskHistory } from "./task_history.ts";
import type { VerifiedOutputs } from "./verified_outputs.ts";

/** A file, link or folder that a task has left in the working tree. */
type OwnOutput = Pick<OutputEntry, "path" | "kind">;

/** Dependencies of {@linkcode OwnOutputs}. */
interface OwnOutputsOptions {
  readonly last: TaskHistory;
  readonly verified: VerifiedOutputs;
  /** Show whether outputs have changed since a run. */
  readonly signatures: TreeSignatures;
  /** Paths that are never stored, restored or removed. */
  readonly offLimits: OffLimits;
}

/** The outputs that tasks have made. */
export class OwnOutputs {
  readonly #options: OwnOutputsOptions;

  constructor(options: OwnOutputsOptions) {
    this.#options = options;
  }

  /**
   * Returns true if a task's outputs are as its command left them. A later write is not the task's.
   */
  areAsMade({ question: { command } }: Pick<Runnable, "question">, made: MadeOutputs): boolean {
    for (const [path, signature] of made.entries) {
      if (this.#ownSignature(command.cwd, path)?.text !== signature) {
        return false;
      }
    }
    return true;
  }

  /**
   * Returns the files, links and folders that earlier runs of a task have made and that were not
   * edited since.
   */
  of(
    { question: { declaration: { key }, command } }: Pick<Runnable, "question">,
  ): OwnOutput[] {
    const { last, verified } = this.#options;
    const left = last.leftovers(key);
    if (left !== undefined) {
      return Object.entries(left.entries).flatMap(([path, text]) => {
        const now = this.#ownSignature(command.cwd, path);
        return now?.text === text && now.kind !== "other" ? [{ path, kind: now.kind }] : [];
      });
    }
    const made = last.get(key)?.outputs ?? [];
    if (verified.of(key)?.outputs === made) return [...made];
    return made.filter((output) => isOwn(output, command.cwd));
  }

  /**
   * Returns the signature of a path in a record, or `undefined` if the path leads out of the
   * folder.
   */
  #ownSignature(folder: string, path: string): TreeSignature | undefined {
    try {
      return this.#options.signatures.ofVisible(confinedPlace(folder, path).path);
    } catch (error) {
      if (error instanceof StoreError || isSystemError(error)) return undefined;
      throw error;
    }
  }

  /**
   * Returns true if a task's outputs are to be removed before its run.
   *
   * @param inputs paths of its inputs, as records have them
   */
  shouldClear(
    { key, clean = true }: CacheDeclaration,
    inputs: readonly string[] | undefined,
  ): boolean {
    if (clean !== "if-file-deleted") return clean;
    const before = this.#options.last.inputs(key);
    if (before === undefined) return true;
    const now = new Set(inputs);
    return before.some((path) => !now.has(path));
  }

  /**
   * Removes outputs of a task, except those that are inputs too, or off limits.
   *
   * @param own all outputs of the task, of which `removed` are a part
   * @returns why they can't be removed
   */
  remove(
    { inputs, question: { command } }: Runnable,
    own: readonly OwnOutput[],
    removed: (path: string) => boolean = () => true,
  ): string | undefined {
    const removable = this.#removable(inputs, command, own);
    try {
      removeOutputs(command.cwd, removable.filter(({ path }) => removed(path)), removable);
    } catch (error) {
      if (!isSystemError(error) && !(error instanceof StoreError)) throw error;
      return `Cannot remove the previous outputs of ${command.name}: ${error.message}`;
    }
    return undefined;
  }

  /**
   * Returns the outputs that the cache may remove: none that is an input too, and none that is off
   * limits.
   */
  #removable(
    { patterns }: FileSet,
    command: TaskCommand,
    made: readonly OwnOutput[],
  ): OwnOutput[] {
    const { folder } = patterns;
    return made.filter(({ path }) =>
      !patterns.matches(joinPath(folder, path)) && this.#mayRemove(command.cwd, path)
    );
  }

  /** Returns true if a path is inside a folder, with links resolved, and not off limits. */
  #mayRemove(folder: string, path: string): boolean {
    try {
      return this.#options.offLimits.reason(confinedPlace(folder, path), folder) === undefined;
    } catch (error) {
      // A path that can't be checked is not removed.
      if (error instanceof StoreError || isSystemError(error)) return false;
      throw error;
    }
  }

  /**
   * Returns a check that refuses paths that the task's `output` does not match or that are off
   * limits.
   */
  forbid({ patterns }: FileSet, folder: string): Forbid {
    return (place, kind) =>
      isMeant(patterns, place.path, kind)
        ? this.#options.offLimits.reason(place, folder)
        : `is not included in the task's "output"`;
  }
}

function isOwn(output: OutputEntry, folder: string): boolean {
  try {
    return isRight(output, confinedPlace(folder, output.path).path);
  } catch (error) {
    if (error instanceof StoreError || isSystemError(error)) return false;
    throw error;
  }
}
