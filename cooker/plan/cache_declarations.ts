/**
 * Collects what decides about the cached results of a task: its own declaration, what another
 * tool's config declares, its frameworks' variables, and the lockfiles.
 *
 * @module
 */

import type { CacheDeclaration } from "../cache/fingerprint.ts";
import type { TaskDefinition } from "../config/tasks.ts";
import type { ImportedFolder } from "../inputs/importing_set.ts";
import type { LockfileInput } from "../lockfiles/lockfile_input.ts";

/** Facts about the place of a task. */
interface TaskPlace {
  /** Identifies the task in the project. */
  readonly key: string;
  /** The names of the project and of the package, if any. */
  readonly names: readonly string[];
  /** The imported folders whose files count. */
  readonly imported: readonly ImportedFolder[];
  /** Returns the lockfiles of a package. */
  readonly lockfilesOf: (definition: TaskDefinition) => readonly LockfileInput[];
}

/** Returns the cache declaration of a task; `undefined` if it has no fingerprint. */
export function cacheDeclaration(
  definition: TaskDefinition,
  { key, names, imported, lockfilesOf }: TaskPlace,
): CacheDeclaration | undefined {
  const { files: own, output: ownOutput, env, settings, declaration, origin } = definition;
  const declared = settings?.declared;
  const isOwn = declared?.files !== undefined || declaration === undefined;
  const globs = isOwn ? [] : declaration.inputs ?? [];
  if (own.length === 0 && globs.length === 0) return undefined;
  const isOwnOutput = declared?.output !== undefined || declaration === undefined;
  const output = isOwnOutput ? ownOutput : declaration.output;
  const isOwnEnv = declared?.env !== undefined || declaration === undefined;
  const isTurbo = declaration?.source === "turbo.json" && !isOwnEnv;
  const envPatterns = [
    // A turbo.json may exclude them.
    ...(isTurbo || origin.frameworkVariables.length === 0 ? [] : [origin.frameworkVariables]),
    ...(isOwnEnv ? [] : declaration.envPatterns.filter((list) => list.length > 0)),
  ];
  const lockfiles = declaration?.hasLockfiles === false && !isOwn ? [] : lockfilesOf(definition);
  const clean = settings?.clean ?? declaration?.clean;
  return {
    key,
    names,
    files: own,
    ...(imported.length === 0 ? {} : { imported }),
    output,
    env,
    ...(clean === undefined ? {} : { clean }),
    ...(globs.length === 0 ? {} : { globs }),
    ...(envPatterns.length === 0 ? {} : { envPatterns }),
    ...(lockfiles.length === 0 ? {} : { lockfiles }),
    ...(declaration === undefined ? {} : { definition: declaration.definition }),
    ...(isOwnOutput ? {} : {
      outputLanguage: {
        dialect: declaration.dialect,
        ...(declaration.hasAllFolders === true ? { hasAllFolders: true } : {}),
      },
      ...(declaration.makesNothing ? { makesNothing: true } : {}),
    }),
    ...(isOwn ? {} : {
      ...(declaration.mayHaveNoInputs ? { mayHaveNoInputs: true } : {}),
      ...(declaration.unstored === undefined ? {} : { unstored: declaration.unstored }),
    }),
  };
}
