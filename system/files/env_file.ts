/**
 * Finds and reads env files, for the client. A file is looked up in a folder and the folders above
 * it, and its size is limited to 1 MiB.
 *
 * @module
 */

import { NotReadableError, readBoundedBytes } from "./bounded_text.ts";
import { joinPath, parentFolder } from "./files.ts";

/** The largest env file, in bytes. */
const MAX_ENV_FILE_BYTES: number = 1024 ** 2;

/** The result of {@linkcode readEnvFile}. */
type EnvFile =
  | { readonly kind: "found"; readonly path: string; readonly text: string }
  | { readonly kind: "missing" }
  /** The file exists and can't be read. It is a folder, for example. */
  | { readonly kind: "unreadable"; readonly path: string; readonly reason: string }
  /** The file is larger than {@linkcode MAX_ENV_FILE_BYTES}. */
  | { readonly kind: "too large"; readonly path: string; readonly reason: string }
  /** The path leads to a pipe, a socket or a device, which this process must not wait for. */
  | { readonly kind: "special"; readonly path: string };

/**
 * Reads an env file.
 *
 * @param folder absolute. A relative name is looked up in it, then in each folder above it.
 * @param name the name as the user typed it
 * @param mayWait true if pipes and devices are read too, which may block until their writer writes
 */
export function readEnvFile(folder: string, name: string, mayWait: boolean): EnvFile {
  if (name.startsWith("/")) return read(name, mayWait) ?? { kind: "missing" };
  for (let at = folder;; at = parentFolder(at)) {
    const found = read(name === "" ? `${at}/` : joinPath(at, name), mayWait);
    if (found !== undefined) return found;
    if (at === "/") return { kind: "missing" };
  }
}

function read(path: string, mayWait: boolean): EnvFile | undefined {
  try {
    const bytes = readBoundedBytes(path, MAX_ENV_FILE_BYTES, { takesSpecial: mayWait });
    if (bytes === undefined) return undefined;
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    return { kind: "found", path, text };
  } catch (error) {
    if (error instanceof TypeError) return { kind: "unreadable", path, reason: "it is not UTF-8" };
    if (!(error instanceof NotReadableError)) throw error;
    if (error.isSpecial) return { kind: "special", path };
    const kind = error.isTooLarge ? "too large" : "unreadable";
    return { kind, path, reason: error.message };
  }
}
