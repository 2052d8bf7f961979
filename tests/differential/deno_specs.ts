/**
 * Reads Deno's own specs for tasks (`tests/specs/task` of its repository) from a checkout: the commands,
 * and the patterns that their output must match.
 */

import { parse } from "jsonc-parser";

/** A step of a spec. */
export interface SpecStep {
  /** The command: `deno`, or another program. */
  readonly program: string;
  readonly args: readonly string[];
  /** The working directory, relative to the spec's folder. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** The pattern of stdout and stderr together, in the order of writing. */
  readonly output: string;
  readonly exitCode: number;
}

/** A spec: steps in one folder. */
export interface Spec {
  readonly name: string;
  /** The spec's folder, absolute. The steps run in a copy of it. */
  readonly folder: string;
  readonly steps: readonly SpecStep[];
}

/** A step or test in `__test__.jsonc`. A test inherits the fields that it does not set. */
interface Written {
  readonly args?: string | readonly string[];
  readonly commandName?: string;
  readonly cwd?: string;
  readonly envs?: Readonly<Record<string, string>>;
  readonly exitCode?: number;
  readonly if?: string;
  readonly output?: string;
  readonly steps?: readonly Written[];
  readonly tests?: Readonly<Record<string, Written>>;
}

/** Reads all specs of a folder. */
export function readSpecs(folder: string): Spec[] {
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
  return names.flatMap((name) => specsIn(`${folder}/${name}`, name));
}

function specsIn(folder: string, name: string): Spec[] {
  let text: string;
  try {
    text = Deno.readTextFileSync(`${folder}/__test__.jsonc`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return [];
    }
    throw error;
  }
  const written = parse(text, [], { allowTrailingComma: true }) as Written;
  const tests = written.tests === undefined
    ? [[name, written] as const]
    : Object.entries(written.tests).map(([test, own]) =>
      [`${name}/${test}`, { ...written, ...own }] as const
    );
  return tests.flatMap(([test, own]) => {
    const steps = (own.steps ?? [own]).filter((step) => isMeant(own.if) && isMeant(step.if))
      .map((step) => stepOf(folder, own, step));
    return steps.length === 0 ? [] : [{ name: test, folder, steps }];
  });
}

function isMeant(condition: string | undefined): boolean {
  return condition === undefined || condition === "unix" || condition === Deno.build.os;
}

function stepOf(folder: string, test: Written, step: Written): SpecStep {
  const { output = "", args = [], commandName = "deno" } = step;
  return {
    program: commandName,
    args: typeof args === "string" ? wordsOf(args) : args,
    cwd: step.cwd ?? test.cwd ?? "",
    env: { ...test.envs, ...step.envs },
    output: output.endsWith(".out") ? Deno.readTextFileSync(`${folder}/${output}`) : output,
    exitCode: step.exitCode ?? 0,
  };
}

/** Splits a command line into words. Double quotes protect blanks. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? "");
}

/** Returns true if a text matches a spec's pattern. */
export function matchesPattern(text: string, pattern: string): boolean {
  const wanted = squeeze(pattern.replace(/^\[#.*\]\n?/gm, ""));
  const parts = wanted.split(/\[UNORDERED_START\]\n([^]*?)\[UNORDERED_END\]\n?/);
  return matchesFrom(squeeze(text), parts, 0);
}

/** Removes carriage returns, and blanks at both ends, which must not affect a match. */
function squeeze(text: string): string {
  return `${text.replaceAll("\r", "").trim()}\n`;
}

/** Matches the parts of a pattern from an index on. Every second part is unordered. */
function matchesFrom(text: string, parts: readonly string[], at: number): boolean {
  const part = parts[at];
  if (part === undefined) return text.trim() === "";
  if (at % 2 === 1) {
    const lines = part.split("\n").filter((line) => line !== "");
    const found = text.split("\n").slice(0, lines.length);
    const rest = text.split("\n").slice(lines.length).join("\n");
    for (const line of lines) {
      const index = found.findIndex((each) => new RegExp(`^${sourceOf(line)}$`).test(each));
      if (index < 0) return false;
      found.splice(index, 1);
    }
    return matchesFrom(rest, parts, at + 1);
  }
  const isLast = at === parts.length - 1;
  const match = new RegExp(`^${sourceOf(part)}${isLast ? "\\s*$" : ""}`).exec(text);
  return match !== null && matchesFrom(text.slice(match[0].length), parts, at + 1);
}

const WILD: Readonly<Record<string, string>> = {
  "[WILDCARD]": "[^]*?",
  "[WILDLINE]": "[^\\n]*",
  "[WILDCHAR]": "[^\\n]",
};

function sourceOf(pattern: string): string {
  return pattern.split(/(\[WILDCARD\]|\[WILDLINE\]|\[WILDCHAR\]|\[WILDCHARS\(\d+\)\])/)
    .map((part) => {
      const count = /^\[WILDCHARS\((\d+)\)\]$/.exec(part)?.[1];
      return count === undefined ? WILD[part] ?? RegExp.escape(part) : `[^\\n]{${count}}`;
    }).join("");
}
