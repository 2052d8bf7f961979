/**
 * The model that the configs of other tools are translated to. Each has one translator in this
 * folder, so that the rest of the cooker does not know where a task was declared.
 *
 * @module
 */

import type { Dialect, GlobGroup } from "../inputs/file_patterns.ts";
import type { VariablePatterns } from "./variable_patterns.ts";
import type { ServiceSettings } from "./service.ts";

/** The kinds of config that declare a task. The first one in this list wins. */
export const DECLARATION_SOURCES = [
  "simmer",
  "wireit",
  "turbo.json",
  "deno.json",
  "package.json",
] as const;

/** The place where a task is declared. */
type DeclarationSource = typeof DECLARATION_SOURCES[number];

/** A position in a config file. */
export interface ConfigPlace {
  /** Absolute path. */
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
  /** Counted from 1. */
  readonly column: number;
}

/** A reference to tasks, as another tool's config writes it. */
export type TaskReference =
  & {
    /** As written, for messages. */
    readonly text: string;
    readonly place: ConfigPlace;
    /** False if the result of the task does not count for the dependent. Default: true. */
    readonly isCounted?: boolean;
    readonly name: string;
  }
  & (
    /** A task of the same package. */
    | { readonly kind: "own" }
    /** The task of each package that the task's package depends on. Those without it are skipped. */
    | { readonly kind: "upstream" }
    /** The task of each member of the workspace that has it. */
    | { readonly kind: "everywhere" }
    /** A task of a package. The package `//` is the root. */
    | { readonly kind: "package"; readonly package: string }
    /** A task of the package in a folder, which is absolute. */
    | { readonly kind: "folder"; readonly folder: string }
  );

/** The variables that a task gets. */
export interface VariableRule {
  /** Patterns of the client's variables that the task gets. If absent, it gets all. */
  readonly passed?: VariablePatterns;
  /** Variables that are set, whatever the client's are. */
  readonly fixed?: Readonly<Record<string, string>>;
  /** Variables that are set if the client has none of the name. */
  readonly defaults?: Readonly<Record<string, string>>;
}

/** The declaration of a task in another tool's config. */
export interface Declaration {
  readonly source: DeclarationSource;
  readonly place: ConfigPlace;
  /** The tasks that run first. */
  readonly needs: readonly TaskReference[];
  /** The tasks that run at the same time if the task is requested. */
  readonly alongside: readonly TaskReference[];
  /** Inputs; absent if the task has no fingerprint. */
  readonly inputs?: readonly GlobGroup[];
  readonly output: readonly string[];
  readonly dialect: Dialect;
  /** True if outputs may be in folders that the dialect skips otherwise. */
  readonly hasAllFolders?: boolean;
  /** Patterns of the variables that count. */
  readonly envPatterns: VariablePatterns;
  readonly variables: VariableRule;
  readonly clean: boolean | "if-file-deleted";
  readonly service?: ServiceSettings;
  /** True if no task may depend on it, because it does not end. */
  readonly isPersistent: boolean;
  /** As in the declaration of a cached task. */
  readonly mayHaveNoInputs: boolean;
  /** As in the declaration of a cached task. */
  readonly makesNothing: boolean;
  /** As in the declaration of a cached task. */
  readonly unstored?: "counted" | "uncounted";
  /** True if the lockfiles count that concern the package. */
  readonly hasLockfiles: boolean;
  /** Parts of the definition that count by themselves, as text. */
  readonly definition: string;
}

/** The place of a declaration. */
export interface DeclaredIn {
  readonly source: DeclarationSource;
  /** Absolute path. */
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
}

/** Returns the sentence about a task that is declared twice. */
export function twiceDeclared(
  task: string,
  winner: Pick<DeclaredIn, "file" | "line">,
  other: Pick<DeclaredIn, "file" | "line">,
): string {
  return `${winner.file}:${winner.line}: "${task}" is declared here, so what ${other.file}:${other.line} says about the same counts less`;
}
