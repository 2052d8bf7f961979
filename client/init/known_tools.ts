/**
 * Recognizes the tools in a task's command line, and where they write. `simmer init` proposes inputs
 * and outputs only for tasks whose tools it knows.
 *
 * @module
 */

/** The verdict on a command line. */
export type Recognized =
  /** The outputs, relative to the task's folder; the list is empty for a check. */
  | { readonly kind: "cacheable"; readonly output: readonly string[] }
  /** Reason why the task is not proposed, as the end of a sentence that begins with "it". */
  | { readonly kind: "not"; readonly reason: string };

/** Finds out where `tsc` writes. */
export interface ToolContext {
  /** Returns the `outDir` of a `tsconfig.json`, or `undefined` if it has none. */
  outDir(tsconfig: string): string | undefined;
}

/** A tool: the first words of its command line, and its outputs. */
interface Tool {
  readonly words: RegExp;
  readonly output: (line: string, context: ToolContext) => readonly string[] | undefined;
}

const NOTHING = (): readonly string[] => [];

/** Returns the value of an option, as in `-o x`, `--outdir=x` and `--outdir x`. */
function optionOf(line: string, names: readonly string[]): string | undefined {
  const words = line.split(/\s+/);
  for (const [index, word] of words.entries()) {
    const [name = "", value] = word.split("=", 2);
    if (names.includes(name)) return value ?? words[index + 1];
  }
  return undefined;
}

/** Returns a function that finds the outputs in an option, or else has a default. */
function inOption(
  names: readonly string[],
  fallback?: readonly string[],
): (line: string) => readonly string[] | undefined {
  return (line) => {
    const value = optionOf(line, names);
    return value === undefined ? fallback : [plainPath(value)];
  };
}

/** Removes quotes, a leading `./` and a trailing slash. */
function plainPath(path: string): string {
  return path.replace(/^["']|["']$/g, "").replace(/^(?:\.\/)+/, "").replace(/\/+$/, "");
}

function ofCompiler(line: string, context: ToolContext): readonly string[] | undefined {
  if (/\s--noEmit(?:\s|$)/.test(line)) return [];
  const named = optionOf(line, ["--outDir"]);
  if (named !== undefined) return [plainPath(named)];
  const project = optionOf(line, ["-p", "--project", "-b", "--build"]);
  const file = project === undefined || project.startsWith("-") ? "tsconfig.json" : project;
  const folder = context.outDir(file.endsWith(".json") ? file : `${plainPath(file)}/tsconfig.json`);
  return folder === undefined ? undefined : [plainPath(folder)];
}

const TOOLS: readonly Tool[] = [
  { words: /^(?:vue-)?tsc\b/, output: ofCompiler },
  { words: /^vite build\b/, output: inOption(["--outDir"], ["dist"]) },
  {
    words: /^(?:tsup|tsdown|unbuild|microbundle)\b/,
    output: inOption(["-d", "--out-dir"], ["dist"]),
  },
  { words: /^rollup\b/, output: inOption(["-d", "--dir", "-o", "--file"], ["dist"]) },
  { words: /^webpack(?: build)?\b/, output: inOption(["-o", "--output-path"], ["dist"]) },
  { words: /^parcel build\b/, output: inOption(["--dist-dir"], ["dist"]) },
  { words: /^esbuild\b/, output: inOption(["--outdir", "--outfile"]) },
  { words: /^babel\b/, output: inOption(["-d", "--out-dir", "-o", "--out-file"]) },
  { words: /^swc\b/, output: inOption(["-d", "--out-dir", "-o", "--out-file"]) },
  { words: /^next build\b/, output: () => [".next", "!.next/cache"] },
  { words: /^nuxt build\b/, output: () => [".output", ".nuxt"] },
  { words: /^astro build\b/, output: () => ["dist"] },
  { words: /^vue-cli-service build\b/, output: inOption(["--dest"], ["dist"]) },
  { words: /^deno (?:bundle|compile)\b/, output: inOption(["-o", "--output", "--outdir"]) },
  { words: /^deno (?:test|lint|check)\b/, output: NOTHING },
  { words: /^deno fmt\b.*\s--check\b/, output: NOTHING },
  { words: /^(?:eslint|oxlint|stylelint|publint|attw|knip|cspell)\b/, output: NOTHING },
  { words: /^biome (?:check|lint|ci|format)\b/, output: NOTHING },
  { words: /^prettier\b.*\s(?:--check|-c|--list-different|-l)\b/, output: NOTHING },
  {
    words: /^(?:vitest run|jest|ava|mocha|tap)\b/,
    output: (line) => /\s--coverage\b/.test(line) ? ["coverage"] : [],
  },
  { words: /^node(?:\s+-\S+)*\s+--test\b/, output: NOTHING },
];

/** Command lines whose tasks have effects that no result can restore. */
const NOT: readonly (readonly [pattern: RegExp, reason: string])[] = [
  [/(?:^|\s)(?:--watch|--watchAll|-w)(?:[\s=]|$)|\bwatch\b/, "watches its inputs"],
  [
    /^(?:vite|next|nuxt|astro|webpack|parcel)?\s*(?:dev|serve|start|preview)\b|^vite$/,
    "is a server",
  ],
  [/^(?:nodemon|serve|http-server|live-server|tsx watch)\b/, "is a server"],
  [
    /(?:^|\s)--(?:fix|write|updateSnapshot|update)(?:\s|$)|(?:^|\s)-u(?:\s|$)/,
    "changes its inputs",
  ],
  [/\b(?:publish|release|deploy|changeset|semantic-release)\b/, "has effects elsewhere"],
  [/^(?:rm|rimraf|del|del-cli|shx rm)\b/, "removes files"],
  [
    /^(?:npm|pnpm|yarn|bun|simmer|turbo|nx|lerna|run-[sp]|npm-run-all2?|concurrently)\b/,
    "starts other tasks: let it depend on them instead",
  ],
];

/** Recognizes the tools of a command line. All commands in it have to be known. */
export function recognize(line: string, context: ToolContext): Recognized {
  const output = new Set<string>();
  const steps = line.split(/&&|;/).map(withoutPrefix).filter((step) => step !== "");
  if (steps.length === 0) return { kind: "not", reason: "has no command" };
  for (const step of steps) {
    const found = NOT.find(([pattern]) => pattern.test(step));
    if (found !== undefined) return { kind: "not", reason: found[1] };
    const tool = /[|<>&`$]/.test(step) ? undefined : TOOLS.find(({ words }) => words.test(step));
    if (tool === undefined) {
      return { kind: "not", reason: `calls '${nameOf(step)}', whose files are not known` };
    }
    const own = tool.output(step, context);
    if (own === undefined) {
      return { kind: "not", reason: `calls '${nameOf(step)}', and where that writes is not known` };
    }
    for (const path of own) output.add(path);
  }
  return { kind: "cacheable", output: [...output] };
}

/** Removes variables, `npx` and the like from the beginning of a command. */
function withoutPrefix(step: string): string {
  return step.trim()
    .replace(/^(?:cross-env\s+)?(?:[A-Za-z_]\w*=\S*\s+)*/, "")
    .replace(/^(?:npx|pnpm exec|yarn exec|bunx)\s+(?:--?\w\S*\s+)*/, "")
    .replace(/^(?:\.\/)?node_modules\/\.bin\//, "");
}

function nameOf(step: string): string {
  return /^\S+/.exec(step)?.[0] ?? step;
}
