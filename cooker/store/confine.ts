/**
 * Checks that a restored output stays inside the folder of its task.
 *
 * @module
 */

import {
  baseName,
  fileKind,
  joinPath,
  parentFolder,
  pathInside,
  realPath,
} from "../../system/files/files.ts";
import { StoreError } from "./errors.ts";

/** The location of an output. */
export interface Place {
  /** Absolute path. */
  readonly path: string;
  /**
   * The same path with links resolved, except in its last part: the output may be a link, or
   * replace one.
   */
  readonly real: string;
}

/**
 * Returns the place of an output.
 *
 * @param folder the folder that its task runs in, absolute
 * @param path relative to it
 * @throws {StoreError} if the path leads out of the folder, by its parts or through a link
 */
export function confinedPlace(folder: string, path: string): Place {
  const parts = path.split("/");
  const isPlain = parts.every((part) => part !== "" && part !== "." && part !== "..");
  if (!isPlain || path.includes("\0")) {
    throw new StoreError(`${path} is not a path inside the task's folder`);
  }
  const absolute = joinPath(folder, path);
  const parent = parentFolder(absolute);
  let existing = parent;
  while (fileKind(existing) !== "folder" && existing !== folder && existing !== "/") {
    existing = parentFolder(existing);
  }
  const real = fileKind(existing) === "folder" ? realPath(existing) : undefined;
  if (real === undefined || pathInside(realPath(folder), real) === undefined) {
    throw new StoreError(`${path} leads out of the task's folder through a link`);
  }
  const below = pathInside(existing, parent) ?? "";
  return { path: absolute, real: joinPath(real, below, baseName(absolute)) };
}
