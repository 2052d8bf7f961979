/**
 * Digests of files, kept for as long as a file's inode says that it is the same.
 *
 * @module
 */

import { FileReader } from "../../system/files/file_reader.ts";
import { isSystemError, systemReason } from "../../system/files/files.ts";
import {
  type FileFacts,
  fileFacts,
  fileTime,
  kernelDevice,
  linkTarget,
  targetFacts,
} from "../../system/files/file_signature.ts";

/**
 * Milliseconds within which a second change may carry the same times as the first: a file that was
 * changed so short before it was read is read again the next time.
 */
const SAME_TIME_MS = 2000;

/** What Deno writes for bytes of a name that are not UTF-8. */
export const UNDECODABLE = "\u{fffd}";

/** What is known of a file. */
export interface FileRecord {
  /** Its content: a digest, with a mark for what can be run; another text for what is no file. */
  readonly content: string;
  /** Its inode and its target's, before the content was read; empty where nothing was there. */
  readonly signature: string;
  /** Whether its content can change without a change in the folder that it is in. */
  readonly isShared: boolean;
  /** Whether another change would have changed the signature. */
  readonly isSure: boolean;
  /** When it was last changed, as far as its inode tells, in milliseconds since the Unix epoch. */
  readonly changedAt: number;
  /** Whether the file is too large to be read at once: `content` is its signature until it is. */
  readonly isPending?: boolean;
  /** Why its content can't be known, so that no result may depend on it. */
  readonly problem?: string;
}

/** Nothing is at the path. */
const ABSENT: FileRecord = {
  content: "absent",
  signature: "",
  isShared: false,
  isSure: true,
  changedAt: 0,
};

/** A file as it was found before its content is read. */
interface Sighting {
  readonly facts: FileFacts;
  /** What a link leads to; `undefined` if it leads nowhere, or the file is no link. */
  readonly target: FileFacts | undefined;
  /** Whether `target`, or else the file itself, is a regular file that can be read. */
  readonly isRead: boolean;
  readonly signature: string;
}

/** What reading has found. */
type Reading = Pick<FileRecord, "content" | "isPending" | "problem">;

/** Reads files, each as seldom as it can. */
export class FileTable {
  readonly #records = new Map<string, FileRecord>();
  readonly #reader = new FileReader();
  #kernelDevice: { readonly device: number | undefined } | undefined;
  #reads = 0;

  /** How many files have been read. */
  get reads(): number {
    return this.#reads;
  }

  /** The record of a file as it is now; that of a large file may be pending. */
  look(path: string): FileRecord {
    return this.#attempt(() => {
      const sighting = this.#sight(path);
      if (sighting === undefined) {
        this.#records.delete(path);
        return ABSENT;
      }
      const known = this.#known(path, sighting);
      if (known !== undefined) return known;
      this.#reads++;
      const reading = this.#contentOf(path, sighting);
      const record = recordOf(sighting, reading, this.#changedAt(path, sighting));
      if (record.isPending !== true) this.#records.set(path, record);
      return record;
    });
  }

  /**
   * The record of a large file as it is now, read while the event loop goes on.
   *
   * @throws the signal's reason if it is aborted
   */
  async settle(path: string, signal: AbortSignal | undefined): Promise<FileRecord> {
    const record = this.look(path);
    if (record.isPending !== true) return record;
    const digest = await this.#reader.digestLarge(path, signal);
    return this.#attempt(() => {
      const sighting = this.#sight(path);
      if (sighting === undefined) return ABSENT;
      const read = this.#textOf(path, sighting, digest);
      const changedAt = this.#changedAt(path, sighting);
      const settled = { ...recordOf(sighting, read, changedAt), signature: record.signature };
      // A file that was changed meanwhile is read again the next time.
      const isSure = settled.isSure && sighting.signature === record.signature;
      this.#records.set(path, { ...settled, isSure });
      return { ...settled, isSure };
    });
  }

  /** The inode of a file as it is now, as records have it; nothing is read. */
  signature(path: string): string {
    return this.#attempt(() => ({ ...ABSENT, signature: this.#sight(path)?.signature ?? "" }))
      .signature;
  }

  /** Has a file read again, whatever its inode says. */
  forget(path: string): void {
    this.#records.delete(path);
  }

  /** Has every file read again. */
  clear(): void {
    this.#records.clear();
  }

  /** Lets go of what reading needs; the next one takes it again. */
  close(): void {
    this.#reader.close();
  }

  #sight(path: string): Sighting | undefined {
    const facts = fileFacts(path);
    if (facts === undefined) return undefined;
    const target = facts.kind === "link" ? targetFacts(path) : undefined;
    const file = facts.kind === "link" ? target : facts;
    const isRead = file?.kind === "file" && !this.#isKernels(file);
    const { signature } = facts;
    if (target === undefined) return { facts, target, isRead, signature };
    // Of another target than a file, only what it is counts: its times are those of its use.
    const seen = isRead ? target.signature : target.special ?? target.kind;
    return { facts, target, isRead, signature: `${signature} ${seen}` };
  }

  #known(path: string, { signature }: Sighting): FileRecord | undefined {
    const known = this.#records.get(path);
    return known?.isSure === true && known.signature === signature ? known : undefined;
  }

  /** A file that the system does not let this process look at is a problem of the input. */
  #attempt(work: () => FileRecord): FileRecord {
    try {
      return work();
    } catch (error) {
      if (!isSystemError(error)) throw error;
      return { ...ABSENT, ...unreadable(systemReason(error)), isShared: true, isSure: false };
    }
  }

  /**
   * The last change of a file and, if it is a link, of the file that it leads to. The modification
   * time counts only if the system does not give the exact time of the inode's change.
   */
  #changedAt(path: string, sighting: Sighting): number {
    const timeOf = ({ changedAt, writtenAt }: FileFacts, isFollowed: boolean): number =>
      this.#reader.changedAt(path, isFollowed) ?? Math.max(changedAt, writtenAt);
    const { facts, target } = sighting;
    const own = facts.kind === "other" ? facts.changedAt : timeOf(facts, false);
    const isTargetRead = target !== undefined && sighting.isRead;
    return isTargetRead ? Math.max(own, timeOf(target, true)) : own;
  }

  #contentOf(path: string, sighting: Sighting): Reading {
    const read = sighting.isRead ? this.#reader.digest(path) : undefined;
    return this.#textOf(path, sighting, read);
  }

  /** @param read absent: what is there is no file that can be read */
  #textOf(
    path: string,
    { facts, target, signature }: Sighting,
    read: ReturnType<FileReader["digest"]> | undefined,
  ): Reading {
    const isLink = facts.kind === "link";
    const reading = readingOf(isLink ? target : facts, signature, read);
    if (!isLink) {
      return facts.isExecutable && facts.kind === "file" && reading.problem === undefined
        ? { ...reading, content: `${reading.content} x` }
        : reading;
    }
    const words = linkTarget(path) ?? "";
    const isDecodable = !words.includes(UNDECODABLE);
    return {
      ...reading,
      content: `link ${words} ${reading.content}`,
      ...(isDecodable ? {} : { problem: "the name that it links to is not UTF-8" }),
    };
  }

  /** Whether a file is the kernel's: what it holds depends on the process that reads it. */
  #isKernels({ device }: FileFacts): boolean {
    this.#kernelDevice ??= { device: kernelDevice() };
    return device === this.#kernelDevice.device;
  }
}

function recordOf(
  { facts, target, isRead, signature }: Sighting,
  reading: Reading,
  changedAt: number,
): FileRecord {
  const both = target === undefined || !isRead ? [facts] : [facts, target];
  const old = fileTime() - SAME_TIME_MS;
  return {
    ...reading,
    signature,
    // What could not be read may be readable without a word from the kernel.
    isShared: facts.isShared || reading.problem !== undefined,
    isSure: reading.problem === undefined && both.every((each) => each.changedAt < old),
    changedAt,
  };
}

function readingOf(
  file: FileFacts | undefined,
  signature: string,
  read: ReturnType<FileReader["digest"]> | undefined,
): Reading {
  if (file === undefined) return { content: "absent" };
  if (file.kind === "folder") return { content: "folder" };
  switch (read?.kind) {
    case "file":
      return { content: read.digest };
    case "large":
      return { content: `large ${signature}`, isPending: true };
    case "unreadable":
      return unreadable(read.reason);
    case "absent":
      return { content: "absent" };
    case "special":
    case undefined:
      return { content: file.special ?? "special" };
  }
}

function unreadable(reason: string): Reading {
  return { content: `unreadable ${reason}`, problem: reason };
}
