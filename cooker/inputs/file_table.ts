/**
 * Digests of files, kept for as long as a file's inode says that it is the same.
 *
 * @module
 */

import { sha256Hex } from "../../system/digest.ts";
import {
  fileBytes,
  type FileFacts,
  fileFacts,
  fileTime,
  linkTarget,
} from "../../system/file_signature.ts";

/**
 * Milliseconds within which a second change may carry the same times as the first: a file that was
 * changed so short before it was read is read again the next time.
 */
const SAME_TIME_MS = 2000;

/** What is known of a file. */
export interface FileRecord {
  /** Its content: a digest, with a mark for what can be run; another text for what is no file. */
  readonly content: string;
  /** Its inode, as it was before the content was read; empty where nothing was there. */
  readonly signature: string;
  /** Whether its content can change without a change in the folder that it is in. */
  readonly isShared: boolean;
  /** Whether another change would have changed the signature. */
  readonly isSure: boolean;
  /** When it was last changed, as far as its inode tells, in milliseconds since the Unix epoch. */
  readonly changedAt: number;
}

/** Nothing is at the path. */
const ABSENT: FileRecord = {
  content: "absent",
  signature: "",
  isShared: false,
  isSure: true,
  changedAt: 0,
};

/** Reads files, each as seldom as it can. */
export class FileTable {
  readonly #records = new Map<string, FileRecord>();
  #reads = 0;

  /** How many files have been read. */
  get reads(): number {
    return this.#reads;
  }

  /** The record of a file as it is now. */
  look(path: string): FileRecord {
    const facts = fileFacts(path);
    if (facts === undefined) {
      this.#records.delete(path);
      return ABSENT;
    }
    const known = this.#records.get(path);
    if (known !== undefined && known.isSure && known.signature === facts.signature) return known;
    const record = this.#read(path, facts);
    this.#records.set(path, record);
    return record;
  }

  /** Has a file read again, whatever its inode says. */
  forget(path: string): void {
    this.#records.delete(path);
  }

  /** Has every file read again. */
  clear(): void {
    this.#records.clear();
  }

  #read(path: string, facts: FileFacts): FileRecord {
    const { signature, isShared, writtenAt } = facts;
    const isSure = facts.kind !== "link" && facts.changedAt < fileTime() - SAME_TIME_MS;
    const changedAt = Math.max(facts.changedAt, writtenAt);
    this.#reads++;
    return { content: contentOf(path, facts), signature, isShared, isSure, changedAt };
  }
}

function contentOf(path: string, { kind, isExecutable }: FileFacts): string {
  if (kind === "folder" || kind === "other") return kind;
  const bytes = fileBytes(path);
  const content = bytes === undefined ? "unreadable" : sha256Hex(bytes);
  if (kind === "link") return `link ${linkTarget(path) ?? ""} ${content}`;
  return isExecutable ? `${content} x` : content;
}
