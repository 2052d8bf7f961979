/**
 * Finds the outputs of a task's run: the difference between what its `output` matches before and
 * after.
 *
 * A file that existed before and was not touched belongs to a user or to another task. It is not
 * part of the task's result, and no later run removes it.
 *
 * @module
 */

import { joinPath, parentFolder, pathInside } from "../../system/files/files.ts";
import type { TreeSignature, TreeSignatures } from "../../system/files/tree_signature.ts";
import type { FileSet } from "../inputs/file_set.ts";
import type { Pace, Sliced } from "../inputs/pace.ts";
import { PathPatterns } from "../inputs/patterns.ts";
import type { InputProblem } from "../inputs/walk.ts";
import { fileDigest } from "../store/blobs.ts";

/** State of a path that `output` matches. */
interface Seen extends TreeSignature {
  /**
   * Digest of a file that was just changed. Another change within the same tick of the kernel's
   * clock would leave the same times.
   */
  readonly digest?: string | undefined;
}

/** State of all paths that `output` matches, relative to the task's folder. */
interface Listing {
  readonly seen: ReadonlyMap<string, Seen>;
  readonly problem: InputProblem | undefined;
}

/** Properties of a run. */
interface OutputRunOptions {
  /** The task's name in messages. */
  readonly name: string;
  /** The folder that the task runs in, absolute. */
  readonly folder: string;
  /** The entries of `output`. */
  readonly declared: readonly string[];
  readonly outputs: FileSet;
  /** Paths that an earlier run of the task has left. They belong to this run, too. */
  readonly own: ReadonlySet<string>;
  /**
   * True if the `own` paths were to be removed. A folder among them that could not be removed is no
   * result by itself.
   */
  readonly isCleared: boolean;
}

/** A run that has begun. */
export interface OutputRun extends OutputRunOptions {
  readonly before: Listing;
  /** Runs that overlap this one in time. They may write the same outputs. */
  readonly rivals: ReadonlySet<OutputRun>;
}

/** A run to which rivals may still be added. */
interface OpenRun extends OutputRun {
  before: Listing;
  readonly rivals: Set<OutputRun>;
}

const NOTHING_SEEN: Listing = { seen: new Map(), problem: undefined };

/** The outputs of a run. */
export interface MadeOutputs {
  /**
   * Signatures of files, links and folders by their paths relative to the task's folder, sorted.
   */
  readonly entries: ReadonlyMap<string, string>;
  /**
   * Digests of recently changed files by path. A later change may leave their signatures the same.
   */
  readonly recent: ReadonlyMap<string, string>;
  /** Version of the outputs' file set after the run. */
  readonly version: number;
  /** Paths of the run's inputs. Present if a later run has to know whether one was deleted. */
  readonly inputs?: readonly string[];
  /**
   * The reason why the outputs are not a result, phrased as the end of a sentence. Absent if they
   * are one.
   */
  readonly problem?: string;
}

/** The outputs of a run of a task that declares none. */
export const NOTHING_MADE: MadeOutputs = {
  entries: new Map(),
  recent: new Map(),
  version: 0,
};

/** The runs of tasks that declare outputs. */
export class OutputRuns {
  readonly #pace: Pace;
  readonly #signatures: TreeSignatures;
  /** Runs whose outputs are being listed. Their commands have not started yet. */
  readonly #listing = new Set<OpenRun>();
  readonly #running = new Map<OutputRun, OpenRun>();

  /**
   * @param pace shared by all work on files
   * @param signatures show whether a run has changed something
   */
  constructor(pace: Pace, signatures: TreeSignatures) {
    this.#pace = pace;
    this.#signatures = signatures;
  }

  /** Lists what `output` matches before a task runs. */
  async begin(options: OutputRunOptions): Promise<OutputRun> {
    const { folder, outputs, own } = options;
    const run: OpenRun = {
      ...options,
      before: NOTHING_SEEN,
      rivals: new Set(this.#running.keys()),
    };
    this.#listing.add(run);
    try {
      const { seen, problem } = await this.#list(folder, outputs);
      const isOther = ([path]: readonly [string, Seen]): boolean => !own.has(path);
      run.before = { seen: own.size === 0 ? seen : new Map([...seen].filter(isOther)), problem };
    } finally {
      this.#listing.delete(run);
    }
    for (const each of this.#listing) each.rivals.add(run);
    for (const each of this.#running.values()) {
      each.rivals.add(run);
      run.rivals.add(each);
    }
    this.#running.set(run, run);
    return run;
  }

  /** Forgets a run whose command could not be executed. */
  abandon(run: OutputRun): void {
    this.#running.delete(run);
  }

  /** Finds the outputs of a run after its command has ended. */
  async end(run: OutputRun): Promise<MadeOutputs> {
    const { folder, outputs, before } = run;
    try {
      const after = await this.#list(folder, outputs);
      const { version } = outputs;
      const problem = before.problem ?? after.problem;
      return {
        ...madeBy(run, after.seen),
        version,
        ...(problem === undefined ? {} : { problem: `${problem.path} ${problem.reason}` }),
      };
    } finally {
      this.#running.delete(run);
    }
  }

  async #list(folder: string, outputs: FileSet): Promise<Listing> {
    const found = await outputs.find();
    const paths = new Set(found.paths.map(({ path }) => path));
    for (const each of found.folders) paths.add(each);
    for (const base of outputs.patterns.bases) {
      // The task may also have made the folders that lead to its outputs.
      for (let up = parentFolder(base); up.length > folder.length; up = parentFolder(up)) {
        paths.add(up);
      }
    }
    const seen = await this.#pace.run(look(folder, paths, this.#signatures));
    return { seen, problem: found.problems[0] };
  }
}

/** Returns the differences from before a run, and the reason if they are not a result. */
function madeBy(
  run: OutputRun,
  after: ReadonlyMap<string, Seen>,
): Pick<MadeOutputs, "entries" | "recent" | "problem"> {
  const { folder, outputs: { patterns }, before, rivals } = run;
  const made: [path: string, signature: string][] = [];
  const madeFolders: [path: string, signature: string][] = [];
  /** Folders that contain something that the run has made. */
  const holding = new Set<string>();
  let problem = declarationProblem(run, after.keys());
  for (const [path, now] of after) {
    if (isSame(before.seen.get(path), now, joinPath(folder, path))) continue;
    if (now.kind === "folder") {
      madeFolders.push([path, now.text]);
      continue;
    }
    const absolute = joinPath(folder, path);
    const rival = [...rivals].find(({ outputs }) => outputs.patterns.matches(absolute));
    if (rival !== undefined) {
      problem ??= `${path} may be an output of ${rival.name}, which ran at the same time; ` +
        `give each task its own "output", or make one task depend on the other`;
      continue;
    }
    made.push([path, now.text]);
    for (let end = path.lastIndexOf("/"); end > 0; end = path.lastIndexOf("/", end - 1)) {
      holding.add(path.slice(0, end));
    }
  }
  const ownFolders = madeFolders
    .filter(([path]) =>
      holding.has(path) ||
      (patterns.matches(joinPath(folder, path)) && !(run.isCleared && run.own.has(path)))
    );
  const entries = new Map([...made, ...ownFolders].sort(([a], [b]) => a < b ? -1 : 1));
  const recent = new Map<string, string>();
  for (const [path] of made) {
    const digest = after.get(path)?.digest;
    if (digest !== undefined) recent.set(path, digest);
  }
  return { entries, recent, ...(problem === undefined ? {} : { problem }) };
}

/**
 * Returns what is wrong with the first entry of `output` that is outside the folder or matches
 * nothing.
 */
function declarationProblem(
  { folder, declared }: OutputRun,
  paths: Iterable<string>,
): string | undefined {
  const found = [...paths].map((path) => joinPath(folder, path));
  for (const entry of declared) {
    if (entry.startsWith("!")) continue;
    const patterns = PathPatterns.parse(folder, [entry], "output");
    const [base] = patterns?.bases ?? [];
    if (patterns === undefined || base === undefined) continue;
    const what = `${JSON.stringify(entry)} of its "output"`;
    if (pathInside(folder, base)?.split("/").includes("..") !== false) {
      return `${what} is outside the task's folder`;
    }
    if (!found.some((path) => patterns.matches(path))) return `${what} matches nothing`;
  }
  return undefined;
}

function* look(
  folder: string,
  paths: Iterable<string>,
  signatures: TreeSignatures,
): Sliced<Map<string, Seen>> {
  const seen = new Map<string, Seen>();
  for (const path of paths) {
    yield;
    const inside = pathInside(folder, path);
    if (inside === undefined || inside === "" || inside.split("/").includes("..")) continue;
    // The walk has already reported paths that can't be read.
    const signature = signatures.ofVisible(path);
    if (signature === undefined) continue;
    const isRead = signature.isRecent && signature.kind === "file";
    seen.set(inside, isRead ? { ...signature, digest: fileDigest(path) } : signature);
  }
  return seen;
}

function isSame(before: Seen | undefined, now: Seen, path: string): boolean {
  if (before === undefined || before.text !== now.text) return false;
  return before.digest === undefined || before.digest === (now.digest ?? fileDigest(path));
}
