/**
 * Computes the fingerprints under which results are stored, and keeps each one for as long as nothing
 * changes that it was computed from.
 *
 * @module
 */

import { sha256Hex } from "../../system/files/digest.ts";
import { pathInside } from "../../system/files/files.ts";
import type { TaskCommand } from "../execute/executor.ts";
import type { FileSet } from "../inputs/file_set.ts";
import type { Snapshot } from "../inputs/snapshot.ts";
import type { InputTracker } from "../inputs/tracker.ts";
import { Validity } from "../validity.ts";
import { inputSpec, outputSpec } from "./declared_files.ts";
import {
  type CacheDeclaration,
  environmentParts,
  fingerprintOf,
  type FingerprintParts,
} from "./fingerprint.ts";

/** A task to look up. */
export interface CacheQuestion {
  readonly declaration: CacheDeclaration;
  readonly command: TaskCommand;
  /** Fingerprints of the direct dependencies by their ids. */
  readonly dependencies: Readonly<Record<string, string>>;
}

/** A task's fingerprint and the state that it was computed from, before the task runs. */
export interface CacheKey {
  readonly question: CacheQuestion;
  readonly fingerprint: string;
  /** The parts of the fingerprint except the files, which are in the snapshot. */
  readonly parts: Omit<FingerprintParts, "files">;
  readonly inputs: FileSet;
  readonly snapshot: Snapshot;
  /** Absent if no outputs are declared. */
  readonly outputs: FileSet | undefined;
  /** Decides whether the same question has the same fingerprint now. */
  readonly validity: Validity;
}

/** The reason why a task has no fingerprint, so that there is nothing to look up. */
export type UncacheableReason =
  | { readonly kind: "no files" }
  | { readonly kind: "bad pattern" }
  /**
   * An input can't be read. Its path is relative to the task's folder, or absolute if it is
   * outside.
   */
  | { readonly kind: "input"; readonly path: string; readonly reason: string };

/** Returns true if a task has no fingerprint. */
export function isUncacheable(
  cacheKey: CacheKey | UncacheableReason,
): cacheKey is UncacheableReason {
  return "kind" in cacheKey;
}

/** A task with its inputs and outputs, as needed before a run. */
export interface Runnable {
  readonly question: Omit<CacheQuestion, "dependencies">;
  readonly inputs: FileSet;
  /** Absent if no outputs are declared. */
  readonly outputs: FileSet | undefined;
}

/** Computes and keeps the fingerprints of a project's tasks. */
export class CacheKeys {
  readonly #tracker: InputTracker;
  readonly #platform: string;
  /** The last cache key of each task, for as long as its declaration is in use. */
  readonly #kept = new WeakMap<CacheDeclaration, CacheKey>();

  /** @param platform identifies what runs tasks: runtime, version, system, processor */
  constructor(tracker: InputTracker, platform: string) {
    this.#tracker = tracker;
    this.#platform = platform;
  }

  /**
   * Returns the current fingerprint of a task, or the reason why it has none.
   *
   * @param signal aborts the reading of its inputs
   * @throws the signal's reason if it is aborted
   */
  async keyOf(
    question: CacheQuestion,
    signal?: AbortSignal,
  ): Promise<CacheKey | UncacheableReason> {
    const { declaration, command, dependencies } = question;
    this.#tracker.drainIfDue();
    const before = this.kept(declaration, command);
    if (before !== undefined && isSameDependencies(before.question, question)) return before;
    const inputs = await this.inputs(declaration, command.cwd, signal);
    if (inputs === undefined) return { kind: "bad pattern" };
    const snapshot = await inputs.look(signal);
    if (snapshot.problem !== undefined) {
      const { path, reason } = snapshot.problem;
      return { kind: "input", path: pathInside(command.cwd, path) ?? path, reason };
    }
    if (snapshot.digest === undefined && declaration.mayHaveNoInputs !== true) {
      return { kind: "no files" };
    }
    const parts = {
      task: declaration.key,
      names: declaration.names ?? [],
      command: command.command,
      args: command.args,
      output: declaration.output,
      platform: command.npm === undefined
        ? this.#platform
        : `${this.#platform}, ${command.npm.identity}`,
      env: environmentParts(declaration, command.env),
      dependencies,
      ...(declaration.definition === undefined
        ? {}
        : { definition: sha256Hex(declaration.definition) }),
    };
    const cacheKey = {
      question,
      fingerprint: fingerprintOf(parts, snapshot.digest ?? "none"),
      parts,
      inputs,
      snapshot,
      outputs: this.outputs(declaration, command.cwd),
      validity: new Validity({ on: "files", set: inputs, snapshot }),
    };
    this.#kept.set(declaration, cacheKey);
    return cacheKey;
  }

  /** Returns the last cache key of a task that is planned as before, if it is still valid. */
  kept(declaration: CacheDeclaration, command: TaskCommand): CacheKey | undefined {
    const kept = this.#kept.get(declaration);
    return kept?.question.command === command && kept.validity.isCurrent ? kept : undefined;
  }

  /**
   * Returns the inputs of a task, or `undefined` if they can't be determined. Its own outputs are
   * excluded, unless no input would be left.
   *
   * @param signal aborts the search for them
   * @throws the signal's reason if it is aborted
   */
  async inputs(
    declaration: CacheDeclaration,
    folder: string,
    signal?: AbortSignal,
  ): Promise<FileSet | undefined> {
    const set = this.#tracker.set(folder, inputSpec(declaration, { isWithoutOutputs: true }));
    if (set === undefined) return undefined;
    const { paths, problems } = await set.find(signal);
    const own = paths.length + problems.length > 0
      ? set
      : this.#tracker.set(folder, inputSpec(declaration));
    return own && this.#tracker.importing(own, declaration.imported ?? []);
  }

  /** Returns the declared outputs of a task; `undefined` if there are none, or a pattern is wrong. */
  outputs(declaration: CacheDeclaration, folder: string): FileSet | undefined {
    const { output } = declaration;
    if (output.length === 0) return undefined;
    return this.#tracker.set(folder, outputSpec(output, declaration), "output");
  }
}

/** Returns true if a task has dependencies with the same fingerprints. */
function isSameDependencies({ dependencies }: CacheQuestion, now: CacheQuestion): boolean {
  const names = Object.keys(now.dependencies);
  return names.length === Object.keys(dependencies).length &&
    names.every((name) => dependencies[name] === now.dependencies[name]);
}
