/**
 * Runs the whole suite: `deno task test`. With arguments, runs `deno test` once with them.
 *
 * Test files run in processes of `deno test`. Two more processes run at a time than there are
 * processors, because many tests wait. A process runs a few files, so that all processes end at
 * about the same time. Files that measure the machine run afterwards, one process at a time. The
 * last line shows how many tests passed and failed.
 *
 * @module
 */

const SUMMARY =
  /^(?:ok|FAILED) \| (\d+) passed(?: \([^)]*\))? \| (\d+) failed(?: \([^)]*\))?(?: \| (\d+) ignored)?/m;

/** Maximum number of files per process. */
const FILES_PER_PROCESS = 10;

/** Timeout of a process. Its output shows the test that hangs. */
const HANG_MS = 5 * 60_000;

/** Files whose tests measure response times or memory, so that no other process may run. */
const ALONE: readonly string[] = [
  "tests/faults/free_loop_test.ts",
  "tests/faults/many_builds_load_test.ts",
  "tests/faults/memory_test.ts",
  "tests/faults/slow_reader_test.ts",
];

/** End-to-end tests that also run with the whole client. By default they run `main.ts`. */
const BY_WHOLE_CLIENT: readonly string[] = [
  "nested_runs",
  "stdin",
]
  .map((name) => `tests/e2e/${name}_test.ts`);
/** Tests that also run with the quick client. */
const BY_QUICK_CLIENT: readonly string[] = [
  ...["ending", "job_control", "nested_runs", "run", "stdin", "signals", "quick_client"]
    .map((name) => `tests/e2e/${name}_test.ts`),
  "tests/faults/execute_test.ts",
];

/** Numbers of tests by their outcome. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/**
 * Reads the counts at the end of `deno test`'s output.
 *
 * @param text its output without colours
 * @returns `undefined` if it ended without a summary
 */
export function countsOf(text: string): Counts | undefined {
  const match = SUMMARY.exec(text);
  if (match === null) return undefined;
  const [, passed, failed, skipped = 0] = match;
  return { passed: Number(passed), failed: Number(failed), skipped: Number(skipped) };
}

/** Formats the closing line. */
export function closingLine({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed${skipped === 0 ? "" : `, ${skipped} skipped`}`;
}

/**
 * Lists the tests that failed.
 *
 * @param text output of `deno test` without colours
 * @returns lines such as `name => ./tests/all_test.ts:4:6`
 */
export function failedTests(text: string): readonly string[] {
  const [, list = ""] = /^ FAILURES \n\n(.*?)\n\n/ms.exec(text) ?? [];
  return list.split("\n").filter((line) => line.includes(" => "));
}

/**
 * Returns the name of the test that ran when `deno test` ended without a summary.
 *
 * @param text output of `deno test` without colours
 * @returns `undefined` if no test ran
 */
export function runningTest(text: string): string | undefined {
  const lines = text.split("\n");
  const at = lines.findLastIndex((line) => /^\S.* \.\.\.$/.test(line));
  const line = lines[at];
  if (line === undefined) return undefined;
  const isOver = lines.slice(at + 1).some((later) => later.startsWith(`${line} `));
  return isOver ? undefined : line.slice(0, -" ...".length);
}

/** One process of `deno test`. */
interface Job {
  readonly words: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** Output and exit code of a process. */
interface Ended {
  readonly job: Job;
  readonly code: number;
  readonly text: string;
}

async function main(words: readonly string[]): Promise<number> {
  if (words.length > 0) return await runWords(words);
  const check = new Deno.Command(Deno.execPath(), { args: ["check", "--quiet"] });
  const { code } = await check.spawn().status;
  if (code !== 0) return code;
  const folder = Deno.makeTempDirSync({ prefix: "simmer_quick_" });
  try {
    return await runAll(await installQuickClient(folder));
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

/** @param client path of the quick client; its tests are left out if absent */
async function runAll(client: string | undefined): Promise<number> {
  const files = testFiles();
  const jobs = [
    { words: ["--doc", "--ignore=tests"], env: {} },
    ...jobsOf(files.filter((file) => BY_WHOLE_CLIENT.includes(file)), { SIMMER_E2E: "whole" }),
    ...(client === undefined
      ? []
      : jobsOf(files.filter((file) => BY_QUICK_CLIENT.includes(file)), { SIMMER_E2E: client })),
    ...jobsOf(files.filter((file) => !ALONE.includes(file)), {}),
  ];
  const together = await runTogether(jobs, navigator.hardwareConcurrency + 2);
  const alone = await runTogether(jobsOf(ALONE, {}), 1);
  return report([...together, ...alone]);
}

/** Installs the quick client. Returns its path, or `undefined` if there is no Perl. */
async function installQuickClient(dir: string): Promise<string | undefined> {
  const args = ["run", "-A", "main.ts", "install", "--dir", dir];
  const { stdout } = await new Deno.Command(Deno.execPath(), { args }).output();
  const text = new TextDecoder().decode(stdout);
  if (text.includes("the quick client")) return `${dir}/simmer`;
  // deno-lint-ignore no-console -- the output of the run
  console.log("The quick client is not tested, as there is no Perl for it.");
  return undefined;
}

/** Runs `deno test` with the caller's arguments. */
async function runWords(words: readonly string[]): Promise<number> {
  const args = ["test", "-A", "--shuffle", "--doc", ...words];
  const { code } = await new Deno.Command(Deno.execPath(), { args, stdin: "null" }).spawn().status;
  return code;
}

/**
 * Lists all test files, relative to the project, in random order, but those of whole runs first. These
 * take longest, and each process gets its share of them.
 */
function testFiles(): string[] {
  const files: string[] = [];
  const folders = ["tests"];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const { name, isDirectory } of Deno.readDirSync(folder)) {
      if (isDirectory) folders.push(`${folder}/${name}`);
      else if (name.endsWith("_test.ts")) files.push(`${folder}/${name}`);
    }
  }
  return files.map((file) => ({ file, rank: Math.random() }))
    .sort((a, b) => Number(isOfRuns(b.file)) - Number(isOfRuns(a.file)) || a.rank - b.rank)
    .map(({ file }) => file);
}

function isOfRuns(file: string): boolean {
  return file.startsWith("tests/e2e/") || file.startsWith("tests/faults/");
}

function jobsOf(files: readonly string[], env: Readonly<Record<string, string>>): Job[] {
  const count = Math.ceil(files.length / FILES_PER_PROCESS);
  return Array.from({ length: count }, (_, index) => ({
    // `deno check` has checked the types of all files.
    words: ["--no-check", ...files.filter((_, place) => place % count === index)],
    env,
  }));
}

async function runTogether(jobs: readonly Job[], most: number): Promise<Ended[]> {
  const ended: Ended[] = [];
  const left = [...jobs];
  const work = async (): Promise<void> => {
    for (let job = left.shift(); job !== undefined; job = left.shift()) ended.push(await run(job));
  };
  await Promise.all(Array.from({ length: Math.max(1, most) }, work));
  return ended;
}

/** Runs a process and prints its output as a whole when it has ended. */
async function run(job: Job): Promise<Ended> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", "--shuffle", ...job.words],
    env: { NO_COLOR: "1", ...job.env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(HANG_MS),
  });
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  const text = `${decoder.decode(stderr)}${decoder.decode(stdout)}`;
  print(text);
  return { job, code, text };
}

/** Prints the failures of all processes again, and the closing line. */
function report(ended: readonly Ended[]): number {
  const sum = { passed: 0, failed: 0, skipped: 0 };
  for (const { job, code, text } of ended) {
    const counts = countsOf(text);
    for (const line of failedTests(text)) print(`FAILED: ${line}\n`);
    if (counts === undefined) {
      const test = runningTest(text);
      const place = test === undefined ? "" : ` while this test ran: ${test}`;
      print(`FAILED: deno test ${job.words.join(" ")}: ended with code ${code}${place}\n`);
    }
    sum.passed += counts?.passed ?? 0;
    sum.failed += counts?.failed ?? 1;
    sum.skipped += counts?.skipped ?? 0;
  }
  print(`${closingLine(sum)}\n`);
  return ended.find(({ code }) => code !== 0)?.code ?? 0;
}

function print(text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let offset = 0; offset < bytes.length;) {
    offset += Deno.stdout.writeSync(bytes.subarray(offset));
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
