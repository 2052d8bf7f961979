/**
 * Determines which lockfiles count for the tasks of a package.
 *
 * @module
 */

import { joinPath, relativePath, visibleKind } from "../../system/files/files.ts";
import type { TaskDefinition } from "../config/tasks.ts";
import type { Workspace, WorkspaceFolder } from "../config/workspace.ts";
import { NPM_LOCKFILES } from "../lockfiles/closures.ts";
import type { LockfileInput } from "../lockfiles/lockfile_input.ts";

/** The lockfiles of a project, for one plan. */
export class ProjectLockfiles {
  readonly #root: string;
  readonly #workspace: Workspace;
  readonly #byFolder = new Map<string, readonly LockfileInput[]>();
  readonly #exists = new Map<string, boolean>();

  /** @param root the project's root folder, absolute */
  constructor(root: string, workspace: Workspace) {
    this.#root = root;
    this.#workspace = workspace;
  }

  /**
   * Returns the lockfiles that concern a task's package. With a `turbo.json`, other packages count
   * only through dependencies, but what the root depends on counts for all.
   */
  of({ origin: { folder }, declaration }: TaskDefinition): readonly LockfileInput[] {
    const isTurbo = declaration?.source === "turbo.json";
    const key = JSON.stringify([folder, isTurbo]);
    const known = this.#byFolder.get(key);
    if (known !== undefined) return known;
    const inputs = this.#inputsOf(folder, isTurbo);
    this.#byFolder.set(key, inputs);
    return inputs;
  }

  #inputsOf(folder: string, isTurbo: boolean): LockfileInput[] {
    const { folders: [root], imports } = this.#workspace;
    const own = this.#workspace.find(folder);
    if (own === undefined || root === undefined) return [];
    const isMember = this.#workspace.at(folder) !== undefined;
    const others = isTurbo ? [root] : isMember ? imports.all(own) : [];
    const packages = [...new Set([own, ...others])];
    const files = packages.flatMap((each) => each.files);
    const hasNpm = files.some(({ source, dependencies }) =>
      source === "package.json" && dependencies.size > 0
    );
    const hasDeno = files.some(({ source, dependencies }) =>
      source === "deno.json" || dependencies.size > 0
    );
    const names = [...(hasNpm ? NPM_LOCKFILES : []), ...(hasDeno ? ["deno.lock"] : [])];
    const top = isMember ? this.#root : folder;
    return names.map((name) => {
      const file = joinPath(top, name);
      const path = relativePath(folder, file);
      // Of a file that is made later, everything counts until the next plan.
      if (!this.#isThere(file)) return { path, packages: [], specifiers: [] };
      return {
        path,
        packages: packages.map((each) => relativePath(top, each.folder) || ".").sort(),
        specifiers: name === "yarn.lock" ? this.#specifiers(packages) : [],
      };
    });
  }

  /** Returns what packages depend on, except for each other. */
  #specifiers(packages: readonly WorkspaceFolder[]): string[] {
    const own = new Set(
      this.#workspace.folders.flatMap(({ files }) =>
        files.flatMap((file) => file.packageName ?? [])
      ),
    );
    return [
      ...new Set(
        packages.flatMap(({ files }) =>
          files.flatMap(({ source, dependencies }) =>
            source === "package.json"
              ? [...dependencies].filter(([name]) => !own.has(name))
                .map(([name, range]) => `${name}@${range}`)
              : []
          )
        ),
      ),
    ].sort();
  }

  #isThere(file: string): boolean {
    const known = this.#exists.get(file);
    if (known !== undefined) return known;
    const is = visibleKind(file) === "file";
    this.#exists.set(file, is);
    return is;
  }
}
