/**
 * Translates the `wireit` section of a `package.json` into declarations for its scripts.
 *
 * @module
 */

import { joinPath } from "../../system/files/files.ts";
import type { GlobGroup } from "../inputs/file_patterns.ts";
import type { Declaration, TaskReference, VariableRule } from "./declaration.ts";
import { ForeignConfig, type PlacedText } from "./foreign_config.ts";
import { type ConfigNode, type ConfigText, membersOf, stringOf } from "./jsonc.ts";
import { DEFAULT_SERVICE, type ServiceSettings } from "./service.ts";

/** A script that Wireit runs. */
export interface WireitScript {
  /** Absent: it only runs its dependencies. */
  readonly command?: string;
  readonly declaration: Declaration;
}

/** The scripts of a `wireit` section. */
interface WireitScripts {
  readonly scripts: ReadonlyMap<string, WireitScript>;
  readonly notes: readonly string[];
}

const KEYS = {
  used: [
    "command",
    "dependencies",
    "files",
    "output",
    "clean",
    "env",
    "service",
    "packageLocks",
    "allowUsuallyExcludedPaths",
  ],
  unused: {},
} as const;

/** Seconds that a service may take until a line of its output says that it is ready. */
const PATIENCE_S = 86_400;

/** Returns true if a script only starts Wireit, which then runs the command of the section. */
export function isWireitCommand(command: string): boolean {
  const program = command.trim();
  return program === "wireit" || program === "yarn run -TB wireit" ||
    /^\S*node_modules\/\.bin\/wireit$/.test(program);
}

/**
 * Reads the `wireit` section of a `package.json`.
 *
 * @param folder the folder of the package, absolute
 * @throws {WireError} `projectError` of kind `invalid-config`
 */
export function readWireit(
  source: ConfigText,
  node: ConfigNode | undefined,
  folder: string,
): WireitScripts {
  const reader = new ForeignConfig(source);
  const scripts = new Map<string, WireitScript>();
  if (node === undefined) return { scripts, notes: reader.notes };
  if (node.type !== "object") throw reader.mistake(node, `"wireit" must be an object`);
  for (const [name, each] of membersOf(node)) {
    scripts.set(name, readScript(reader, name, each, folder));
  }
  return { scripts, notes: reader.notes };
}

function readScript(
  reader: ForeignConfig,
  name: string,
  node: ConfigNode,
  folder: string,
): WireitScript {
  const what = `"wireit.${name}"`;
  const members = reader.section(node, what, KEYS);
  const command = reader.text(members.get("command"), `"command" of ${what}`);
  const needs = readDependencies(reader, members.get("dependencies"), what, folder);
  const files = readGlobs(reader, members.get("files"), `"files" of ${what}`);
  const output = readGlobs(reader, members.get("output"), `"output" of ${what}`);
  const service = readService(reader, members.get("service"), what);
  const isService = service !== undefined;
  if (command === undefined && needs.length === 0 && (files ?? []).length === 0) {
    throw reader.mistake(node, `${what} needs "command", "dependencies" or "files"`);
  }
  if (isService && command === undefined) {
    throw reader.mistake(node, `${what} is a service and needs a "command"`);
  }
  const outputNode = members.get("output");
  if (outputNode !== undefined && (isService || command === undefined)) {
    const reason = isService ? "a service has no output" : "without a command there is no output";
    throw reader.mistake(outputNode, `"output" of ${what} must be left out: ${reason}`);
  }
  const clean = readClean(reader, members.get("clean"), what);
  const { variables, counted } = readEnv(reader, members.get("env"), what);
  const hasAllFolders = reader.flag(
    members.get("allowUsuallyExcludedPaths"),
    `"allowUsuallyExcludedPaths" of ${what}`,
  ) === true;
  const locks = readLocks(reader, members.get("packageLocks"), what);
  // Without both lists, Wireit does not know what a command reads and writes.
  const isTracked = command === undefined ||
    (files !== undefined && (output !== undefined || isService));
  return {
    ...(command === undefined ? {} : { command }),
    declaration: {
      source: "wireit",
      place: reader.place(node.parent?.offset ?? node.offset),
      needs,
      alongside: [],
      inputs: inputGroups(files ?? [], locks ?? [], { folder, hasAllFolders }),
      output: output ?? [],
      dialect: "wireit",
      hasAllFolders,
      envPatterns: [counted],
      variables,
      clean,
      ...(service === undefined ? {} : { service }),
      isPersistent: false,
      mayHaveNoInputs: true,
      makesNothing: output?.length === 0,
      ...(isTracked ? {} : { unstored: "uncounted" as const }),
      hasLockfiles: files !== undefined && locks === undefined,
      definition: JSON.stringify([clean, service?.ready, variables.fixed, variables.defaults]),
    },
  };
}

function inputGroups(
  files: readonly string[],
  locks: readonly string[],
  { folder, hasAllFolders }: { readonly folder: string; readonly hasAllFolders: boolean },
): GlobGroup[] {
  // Lockfiles count in the package and in all folders above it.
  const depth = folder.split("/").filter((part) => part !== "").length;
  const above = Array.from({ length: depth }, (_, up) => "../".repeat(up));
  const entries = locks.flatMap((name) => above.map((up) => `${up}${name}`));
  return [
    { dialect: "wireit", entries: files, ...(hasAllFolders ? { hasAllFolders } : {}) },
    ...(entries.length === 0 ? [] : [{ dialect: "wireit", entries } as const]),
  ];
}

function readGlobs(
  reader: ForeignConfig,
  node: ConfigNode | undefined,
  what: string,
): string[] | undefined {
  return reader.texts(node, what)?.map((each) => notBlank(reader, node, each, what));
}

function notBlank(
  reader: ForeignConfig,
  node: ConfigNode | undefined,
  { text }: PlacedText,
  what: string,
): string {
  if (text.trim() === "" && node !== undefined) {
    throw reader.mistake(node, `the entries of ${what} must not be blank`);
  }
  return text;
}

function readDependencies(
  reader: ForeignConfig,
  node: ConfigNode | undefined,
  what: string,
  folder: string,
): TaskReference[] {
  if (node === undefined) return [];
  const rule = `"dependencies" of ${what} must be a list of scripts`;
  if (node.type !== "array") throw reader.mistake(node, rule);
  return (node.children ?? []).map((child) => {
    const isObject = child.type === "object";
    const members = isObject
      ? reader.section(child, `"dependencies" of ${what}`, {
        used: ["script", "cascade"],
        unused: {},
      })
      : new Map<string, ConfigNode>();
    const script = isObject ? members.get("script") : child;
    const text = script && stringOf(script);
    if (text === undefined || text.trim() === "") throw reader.mistake(script ?? child, rule);
    const cascades = reader.flag(members.get("cascade"), `"cascade" of "${text}"`) ?? true;
    const common = {
      text,
      place: reader.place(child.offset),
      ...(cascades ? {} : { isCounted: false }),
    };
    if (!text.startsWith(".")) return { ...common, kind: "own", name: text };
    const colon = text.indexOf(":");
    if (colon < 0) {
      throw reader.mistake(child, `"${text}" of ${what} must be a folder, a colon and a script`);
    }
    const path = text.slice(0, colon);
    return {
      ...common,
      kind: "folder",
      folder: joinPath(folder, path),
      name: text.slice(colon + 1),
    };
  });
}

function readClean(
  reader: ForeignConfig,
  node: ConfigNode | undefined,
  what: string,
): Declaration["clean"] {
  if (node === undefined) return true;
  const { value } = node;
  if (value === true || value === false || value === "if-file-deleted") return value;
  throw reader.mistake(node, `"clean" of ${what} must be true, false or "if-file-deleted"`);
}

function readEnv(
  reader: ForeignConfig,
  node: ConfigNode | undefined,
  what: string,
): { readonly variables: VariableRule; readonly counted: string[] } {
  if (node === undefined) return { variables: {}, counted: [] };
  if (node.type !== "object") throw reader.mistake(node, `"env" of ${what} must be an object`);
  const fixed: [string, string][] = [];
  const defaults: [string, string][] = [];
  const counted: string[] = [];
  for (const [name, value] of membersOf(node)) {
    const text = stringOf(value);
    if (text !== undefined) {
      fixed.push([name, text]);
      continue;
    }
    const place = `"env.${name}" of ${what}`;
    const members = reader.section(value, place, { used: ["external", "default"], unused: {} });
    const external = members.get("external");
    if (external === undefined || external.value !== true) {
      throw reader.mistake(external ?? value, `"external" of ${place} must be true`);
    }
    const fallback = members.get("default");
    const standard = fallback && stringOf(fallback);
    if (fallback !== undefined && standard === undefined) {
      throw reader.mistake(fallback, `"default" of ${place} must be a string`);
    }
    counted.push(name.replaceAll("*", "\\*").replace(/^!/, "\\!"));
    if (standard !== undefined) defaults.push([name, standard]);
  }
  return {
    variables: {
      ...(fixed.length === 0 ? {} : { fixed: Object.fromEntries(fixed) }),
      ...(defaults.length === 0 ? {} : { defaults: Object.fromEntries(defaults) }),
    },
    counted,
  };
}

function readService(
  reader: ForeignConfig,
  node: ConfigNode | undefined,
  what: string,
): ServiceSettings | undefined {
  if (node === undefined || node.value === false) return undefined;
  if (node.value === true) return DEFAULT_SERVICE;
  const members = reader.section(node, `"service" of ${what}`, {
    used: ["readyWhen"],
    unused: {},
  });
  const readyWhen = members.get("readyWhen");
  if (readyWhen === undefined) return DEFAULT_SERVICE;
  const conditions = reader.section(readyWhen, `"readyWhen" of ${what}`, {
    used: ["lineMatches"],
    unused: {},
  });
  const line = conditions.get("lineMatches");
  if (line === undefined) return DEFAULT_SERVICE;
  const output = reader.text(line, `"lineMatches" of ${what}`) ?? "";
  try {
    new RegExp(output);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const rule = `"lineMatches" of ${what} must be a regular expression (${error.message})`;
    throw reader.mistake(line, rule);
  }
  return { ...DEFAULT_SERVICE, timeout: PATIENCE_S, ready: { output } };
}

/** Returns the names of the lockfiles; `undefined` for those that simmer finds itself. */
function readLocks(
  reader: ForeignConfig,
  node: ConfigNode | undefined,
  what: string,
): string[] | undefined {
  return reader.texts(node, `"packageLocks" of ${what}`)?.map(({ text }) => {
    if (text.includes("/") && node !== undefined) {
      const rule = `"packageLocks" of ${what} must be names of files without folders`;
      throw reader.mistake(node, rule);
    }
    return text;
  });
}
