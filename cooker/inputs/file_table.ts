/**
 * Caches the digests of files. A digest is valid as long as the file's inode shows no change.
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
 * Milliseconds in which a second change may get the same times as the first. A file that was
 * changed this shortly before it was read is read again the next time.
 */
const SAME_TIME_MS = 2000;

/** Character that Deno uses for bytes of a name that are not UTF-8. */
export const UNDECODABLE = "\u{fffd}";

/** Record of a file. */
export interface FileRecord {
  /**
   * Content: a digest, with a mark for executable files. Other texts stand for anything but a file.
   */
  readonly content: string;
  /** The content of the whole file, if `content` stands for a part of it. */
  readonly whole?: string;
  /**
   * Signatures of the inode and its target's inode, taken before the content was read; empty if the
   * file did not exist.
   */
  readonly signature: string;
  /** True if the content can change without an event in the file's own folder. */
  readonly isShared: boolean;
  /** True if another change would have changed the signature. */
  readonly isSure: boolean;
  /** Time of the last change according to the inode, in milliseconds since the Unix epoch. */
  readonly changedAt: number;
  /**
   * True if the file is too large to be read synchronously. Until it is read, `content` is its
   * signature.
   */
  readonly isPending?: boolean;
  /** Reason why the content cannot be known, so that no result may depend on it. */
  readonly problem?: string;
}

/** Record of a missing file. */
const ABSENT: FileRecord = {
  content: "absent",
  signature: "",
  isShared: false,
  isSure: true,
  changedAt: 0,
};

/** A file before its content is read. */
interface Sighting {
  readonly facts: FileFacts;
  /** Target of a link; `undefined` if the link is dangling or the file is not a link. */
  readonly target: FileFacts | undefined;
  /** True if `target`, or else the file itself, is a regular file that can be read. */
  readonly isRead: boolean;
  readonly signature: string;
}

/** Result of reading a file. */
type Reading = Pick<FileRecord, "content" | "isPending" | "problem">;

/** Reads files, each as rarely as possible. */
export class FileTable {
  readonly #records = new Map<string, FileRecord>();
  readonly #reader = new FileReader();
  #kernelDevice: { readonly device: number | undefined } | undefined;
  #reads = 0;

  /** Number of files that have been read. */
  get reads(): number {
    return this.#reads;
  }

  /** Returns the current record of a file. The record of a large file may be pending. */
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
   * Returns the current record of a large file, which is read while the event loop runs.
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
      // A file that was changed in the meantime is read again the next time.
      const isSure = settled.isSure && sighting.signature === record.signature;
      this.#records.set(path, { ...settled, isSure });
      return { ...settled, isSure };
    });
  }

  /** Returns the current signature of a file's inode, as in records. The file is not read. */
  signature(path: string): string {
    return this.#attempt(() => ({ ...ABSENT, signature: this.#sight(path)?.signature ?? "" }))
      .signature;
  }

  /** Makes the next access read the file again, even if its inode shows no change. */
  forget(path: string): void {
    this.#records.delete(path);
  }

  /** Makes the next access to each file read it again. */
  clear(): void {
    this.#records.clear();
  }

  /** Releases the resources for reading. The next read acquires them again. */
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
    // If the target is not a regular file, only its kind counts, because its times change when it
    // is used.
    const seen = isRead ? target.signature : target.special ?? target.kind;
    return { facts, target, isRead, signature: `${signature} ${seen}` };
  }

  #known(path: string, { signature }: Sighting): FileRecord | undefined {
    const known = this.#records.get(path);
    return known?.isSure === true && known.signature === signature ? known : undefined;
  }

  /**
   * Runs `work`. If the system does not let this process read the file, the record has a problem.
   */
  #attempt(work: () => FileRecord): FileRecord {
    try {
      return work();
    } catch (error) {
      if (!isSystemError(error)) throw error;
      return { ...ABSENT, ...unreadable(systemReason(error)), isShared: true, isSure: false };
    }
  }

  /**
   * Returns the time of the last change of a file and, for a link, of its target. The modification
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

  /** @param read absent if the path is not a file that can be read */
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

  /**
   * Returns true if the kernel generates the file, as in `/proc`. Its content depends on the
   * process that reads it.
   */
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
    // An unreadable file may become readable without an event from the kernel.
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
