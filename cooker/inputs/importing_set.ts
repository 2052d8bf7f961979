/**
 * The inputs of a task whose package imports other folders of the workspace: its own files and those
 * of the folders. Tasks share the sets of the folders, so that a thousand packages that import each
 * other hold each file once.
 *
 * @module
 */

import { sha256Hex } from "../../system/files/digest.ts";
import { relativePath } from "../../system/files/files.ts";
import type { FileSet } from "./file_set.ts";
import type { Snapshot } from "./snapshot.ts";
import type { FilePatterns } from "./file_patterns.ts";
import type { Found, InputProblem } from "./walk.ts";

/** A folder of the workspace whose files are inputs of the packages that import it. */
export interface ImportedFolder {
  /** Absolute. */
  readonly folder: string;
  /** Its path relative to the project's root. */
  readonly path: string;
  /** Entries of its own files, relative to it. */
  readonly entries: readonly string[];
}

/** Dependencies of an {@linkcode ImportingSet}. */
interface ImportingSetOptions {
  readonly imported: readonly ImportedFolder[];
  /** Returns the set of an imported folder. */
  readonly setOf: (folder: ImportedFolder) => FileSet;
  /** Returns a counter that grows with every reported change of any set. */
  readonly changes: () => number;
}

/** Maximum number of imported files that records name. There may be thousands for each task. */
const MAX_FILES = 2000;

/** Maximum number of imported folders that records name. */
const MAX_FOLDERS = 100;

/** Stands for all imported folders in records. */
const IMPORTS = "(imported packages)";

/** A set of files, together with the sets of imported folders. */
export class ImportingSet implements FileSet {
  readonly patterns: FilePatterns;
  readonly #own: FileSet;
  readonly #imported: readonly ImportedFolder[];
  readonly #parts: readonly FileSet[];
  readonly #changes: () => number;
  #last: WholeSnapshot | undefined;
  /** The counter of changes at which all parts were settled as in the last snapshot. */
  #settledAt: number | undefined;

  /** @param own the task's own files, relative to whose folder all names are */
  constructor(own: FileSet, { imported, setOf, changes }: ImportingSetOptions) {
    this.patterns = own.patterns;
    this.#own = own;
    this.#imported = imported;
    this.#parts = imported.map(setOf);
    this.#changes = changes;
  }

  /** Returns true if these are the imported folders. */
  has(imported: readonly ImportedFolder[]): boolean {
    return imported === this.#imported ||
      (imported.length === this.#imported.length &&
        imported.every((each, index) => isSameFolder(each, this.#imported[index])));
  }

  get version(): number {
    return this.#parts.reduce((sum, { version }) => sum + version, this.#own.version);
  }

  get isWatched(): boolean {
    return this.#own.isWatched && this.#parts.every((each) => each.isWatched);
  }

  get isTold(): boolean {
    return this.#own.isTold && this.#parts.every((each) => each.isTold);
  }

  get isSettled(): boolean {
    return this.#last !== undefined && this.isSettledAs(this.#last);
  }

  isSettledAs(snapshot: Snapshot): boolean {
    const last = this.#last;
    if (last === undefined || snapshot !== last) return false;
    const changes = this.#changes();
    if (this.#settledAt === changes) return true;
    const isSettled = this.#own.isSettledAs(last.own) &&
      this.#parts.every((part, index) => {
        const seen = last.parts[index];
        return seen !== undefined && part.isSettledAs(seen);
      });
    this.#settledAt = isSettled ? changes : undefined;
    return isSettled;
  }

  nameOf(path: string): string {
    return this.#own.nameOf(path);
  }

  async find(signal?: AbortSignal): Promise<Found> {
    const all = [await this.#own.find(signal)];
    for (const part of this.#parts) all.push(await part.find(signal));
    return {
      paths: all.flatMap(({ paths }) => paths).sort((a, b) => a.path < b.path ? -1 : 1),
      folders: new Set(all.flatMap(({ folders }) => [...folders])),
      problems: all.flatMap(({ problems }) => problems),
      links: all.flatMap(({ links }) => links),
      hasLinkedFolders: all.some(({ hasLinkedFolders }) => hasLinkedFolders),
    };
  }

  async look(signal?: AbortSignal): Promise<Snapshot> {
    if (this.#last !== undefined && !this.#last.isPending && this.isSettled) return this.#last;
    const own = await this.#own.look(signal);
    const parts: Snapshot[] = [];
    for (const part of this.#parts) {
      // Most parts have been read for other tasks.
      const known = part.isSettled ? part.snapshot() : undefined;
      parts.push(known === undefined || known.isPending ? await part.look(signal) : known);
    }
    return this.#take(own, parts);
  }

  snapshot(): Snapshot {
    if (this.#last !== undefined && this.isSettled) return this.#last;
    return this.#take(this.#own.snapshot(), this.#parts.map((part) => part.snapshot()));
  }

  async isUnchangedSince(earlier: Snapshot): Promise<boolean> {
    if (!(earlier instanceof WholeSnapshot)) return false;
    if (!await this.#own.isUnchangedSince(earlier.own)) return false;
    for (const [index, part] of this.#parts.entries()) {
      const seen = earlier.parts[index];
      if (seen === undefined) return false;
      // Reports of changes are enough here: a task rarely changes the package that it imports.
      const isSame = part.isTold
        ? part.version === seen.version
        : await part.isUnchangedSince(seen);
      if (!isSame) return false;
    }
    return true;
  }

  #take(own: Snapshot, parts: readonly Snapshot[]): Snapshot {
    const last = this.#last;
    const isSame = last?.own === own && parts.every((each, index) => each === last.parts[index]);
    if (last !== undefined && isSame) return last;
    this.#settledAt = undefined;
    this.#last = new WholeSnapshot(own, parts, {
      folder: this.patterns.folder,
      imported: this.#imported,
    });
    return this.#last;
  }
}

function isSameFolder(one: ImportedFolder, other: ImportedFolder | undefined): boolean {
  return one === other ||
    (one.folder === other?.folder && one.entries.join("\0") === other.entries.join("\0"));
}

/** The folders that names in a snapshot stand for. */
interface ImportedPlaces {
  /** The folder of the set, absolute. */
  readonly folder: string;
  readonly imported: readonly ImportedFolder[];
}

/** The snapshots of a set and of the folders that it imports. */
class WholeSnapshot implements Snapshot {
  readonly own: Snapshot;
  readonly parts: readonly Snapshot[];
  readonly #places: ImportedPlaces;
  readonly digest: string | undefined;

  constructor(own: Snapshot, parts: readonly Snapshot[], places: ImportedPlaces) {
    this.own = own;
    this.parts = parts;
    this.#places = places;
    this.digest = own.digest === undefined ? undefined : this.#whole(own.digest);
  }

  /** A set without own files has no digest, whatever it imports. */
  #whole(own: string): string {
    return sha256Hex(`${own}${this.#digestOfParts()}`);
  }

  #digestOfParts(): string {
    const { imported } = this.#places;
    return sha256Hex(
      JSON.stringify(this.parts.map((part, at) => [imported[at]?.path, part.digest])),
    );
  }

  get files(): ReadonlyMap<string, string> {
    return new Map(this.entries());
  }

  get count(): number {
    return this.parts.reduce((sum, { count }) => sum + count, this.own.count);
  }

  /** If many files are imported, each imported folder is one entry, or all of them are. */
  *entries(): Generator<readonly [path: string, content: string]> {
    yield* this.own.entries();
    if (this.parts.length > MAX_FOLDERS) return yield [IMPORTS, this.#digestOfParts()];
    const isDetailed = this.count - this.own.count <= MAX_FILES;
    for (const [index, part] of this.parts.entries()) {
      if (!isDetailed) yield [this.#named(index, ""), part.digest ?? ""];
      else for (const [path, content] of part.entries()) yield [this.#named(index, path), content];
    }
  }

  *signaturesByPath(): Generator<readonly [path: string, signature: string]> {
    for (const each of [this.own, ...this.parts]) yield* each.signaturesByPath();
  }

  changedAfter(time: number): string[] {
    return [
      ...this.own.changedAfter(time),
      ...this.parts.flatMap((part, index) =>
        part.changedAfter(time).map((path) => this.#named(index, path))
      ),
    ];
  }

  get version(): number {
    return this.parts.reduce((sum, { version }) => sum + version, this.own.version);
  }

  get isWatched(): boolean {
    return this.own.isWatched && this.parts.every((each) => each.isWatched);
  }

  get signatures(): string {
    return [this.own, ...this.parts].map((each) => each.signatures).join("");
  }

  get changedAt(): number {
    return this.parts.reduce(
      (latest, { changedAt }) => Math.max(latest, changedAt),
      this.own.changedAt,
    );
  }

  get problem(): InputProblem | undefined {
    return this.own.problem ?? this.parts.find((each) => each.problem !== undefined)?.problem;
  }

  get isPending(): boolean {
    return this.own.isPending || this.parts.some((each) => each.isPending);
  }

  #named(index: number, path: string): string {
    const { folder, imported } = this.#places;
    return path.startsWith("/")
      ? path
      : `${relativePath(folder, imported[index]?.folder ?? folder)}/${path}`;
  }
}
