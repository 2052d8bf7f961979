/**
 * Keeping what is put back inside the folder that it belongs to.
 *
 * @module
 */

import { fileKind, joinPath, parentFolder, pathInside, realPath } from "../../system/files.ts";
import { StoreError } from "./errors.ts";

/**
 * The absolute path of an output.
 *
 * @param folder the folder that its task runs in, absolute
 * @param path relative to it
 * @throws {StoreError} where it would be outside, be it by its words or through a link
 */
export function confinedPath(folder: string, path: string): string {
  const parts = path.split("/");
  const isPlain = parts.every((part) => part !== "" && part !== "." && part !== "..");
  if (!isPlain || path.includes("\0")) {
    throw new StoreError(`${path} is no path inside of the task's folder`);
  }
  const absolute = joinPath(folder, path);
  let existing = parentFolder(absolute);
  while (fileKind(existing) !== "folder" && existing !== folder && existing !== "/") {
    existing = parentFolder(existing);
  }
  const isInside = fileKind(existing) === "folder" &&
    pathInside(realPath(folder), realPath(existing)) !== undefined;
  if (!isInside) throw new StoreError(`${path} leads out of the task's folder through a link`);
  return absolute;
}
