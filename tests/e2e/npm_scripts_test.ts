/** Compares scripts with `npm run`: stdout, stderr, exit code and environment. */

import { assertEquals } from "@std/assert";
import { type Finished, Project } from "./support.ts";

/** Scripts by name. Each is run by npm and by simmer, with the arguments of {@linkcode ARGS}. */
const SCRIPTS: Readonly<Record<string, string>> = {
  words: "printf '[%s]' a 'b  c' \"d e\" f\\ g",
  quotes: `printf '[%s]' "it's" 'say "x"' "\\"q\\"" '\\n'`,
  backslashes: `printf '%s\\n' 'a\\b' "c\\\\d" e\\\\f`,
  unicode: "printf '%s|' ä→日本 '𝄞' \"é\"",
  conditional: "if [ -f package.json ]; then echo yes; else echo no; fi",
  unless: "if ! test -d missing; then echo absent; fi",
  fallback: "echo ${UNSET:-y} ${UNSET-z} ${SET:+set} ${#SET}",
  braces: "echo ${SET}x ${SET%e} ${SET#v} ${SET:?}",
  required: ': "${UNSET:?must be set}"',
  loop: "for i in 1 2 3; do printf '%s,' $i; done",
  whiles: "n=0; while [ $n -lt 3 ]; do n=$((n + 1)); done; echo $n",
  cases: "case $SET in v*) echo v;; *) echo other;; esac",
  functions: 'f() { echo "f $1"; return 4; }; f x',
  arithmetic: "echo $((3 * 4 + 1)) $(( 1 << 4 ))",
  subshell: "(cd sub && pwd | sed 's/.*\\///'; exit 3); echo $?",
  substitution: 'echo "$(echo in | tr a-z A-Z)" `echo old`',
  pipe: "printf 'b\\na\\n' | sort | head -n 1",
  failedPipe: "false | true",
  and: "true && echo and",
  or: "false || echo or",
  chain: "false && echo never; echo after",
  code: "exit 7",
  bigCode: "exit 300",
  nodeCode: 'node -e "process.exit(5)"',
  nodeArguments: "node -e 'console.log(JSON.stringify(process.argv.slice(1)))' --",
  nodeIsNode: "node -p 'typeof Deno + process.release.name'",
  missing: "no-such-program --flag",
  notExecutable: "./package.json",
  folder: "./sub",
  syntax: "if then",
  streams: "echo out; echo err >&2; echo more",
  redirect: "echo x > made.txt && cat < made.txt && rm made.txt",
  append: "{ echo 1; echo 2; } >> made2.txt; cat made2.txt; rm made2.txt",
  here: "cat <<END\ntext $SET\nEND",
  globs: "echo glob/* glob/*.none 'glob/*' glob/[ab]*",
  hidden: "echo glob/.* | tr ' ' '\\n' | grep hidden",
  tilde: 'echo ~ | sed "s|$HOME|home|"',
  background: "sleep 0 & wait; echo waited",
  trap: "trap 'echo trapped' EXIT; exit 6",
  terminated: "kill -TERM $$; echo never",
  killed: "kill -KILL $$",
  childKilled: "sh -c 'kill -TERM $$'; echo $?",
  empty: "",
  blank: "   ",
  comment: "# nothing",
  assigned: "A=1 B=two sh -c 'echo $A $B'",
  unset: "unset SET; echo [$SET]",
  builtins: "cp package.json copy.json; rm copy.json; rm missing.json",
  echoes: "echo -n a; echo 'b\\tc'",
  bin: "tool one",
  nodeBin: "jstool one 'two three'",
  parentBin: "./node_modules/.bin/tool two",
  which: "command -v tool | sed 's/.*node_modules/node_modules/'",
  nested: "npm run -s words && npm run -s code",
  npmPath: "node -p 'require(\"fs\").existsSync(process.env.npm_execpath)'",
  prehook: "echo pre $npm_lifecycle_event",
  hook: "echo main $npm_lifecycle_event",
  posthook: "echo post $npm_lifecycle_event",
  prefails: "exit 2",
  fails: "echo never",
  environment: "env | sort",
};

/** Arguments of scripts that show them. */
const ARGS: Readonly<Record<string, readonly string[]>> = {
  nodeArguments: [
    "a b",
    "",
    "it's",
    "'q'",
    '"',
    "*",
    "$SET",
    "\\",
    "x=y",
    "--flag",
    "ä",
    "a\nb",
    "~",
  ],
  words: ["end"],
  hook: ["arg"],
  tool: ["x"],
};

/** Variables that may differ: npm was started with `-s`, and has settings without a meaning. */
const OWN = /^(npm_config_loglevel|npm_config_allow_scripts|SIMMER_\w+|_)=/;

/** Scripts that are run by name. The others are their hooks. */
const NAMES = Object.keys(SCRIPTS).filter((name) => !/^(pre|post)/.test(name));

/** Returns the version of a program, or `undefined` if it is missing. */
async function versionOf(program: string): Promise<string | undefined> {
  try {
    const { stdout } = await new Deno.Command(program, { args: ["--version"] }).output();
    return new TextDecoder().decode(stdout).trim();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

const [NODE, NPM] = [await versionOf("node"), await versionOf("npm")];
const IS_MISSING = NODE === undefined || NPM === undefined;

/** Creates a package `app` in a folder whose `node_modules/.bin` it uses, too. */
async function createPackage(scripts: Readonly<Record<string, string>>): Promise<Project> {
  const project = await Project.create({
    "package.json": {},
    "node_modules/.bin/tool": '#!/bin/sh\necho tool "$@"\n',
    "app/node_modules/.bin/jstool":
      "#!/usr/bin/env node\nconsole.log(process.release.name, typeof Deno, process.argv.slice(2))\n",
    "app/package.json": {
      name: "@scope/app",
      version: "1.2.3",
      bin: "./cli.js",
      engines: { node: ">=18" },
      config: { port: 80, deep: { list: ["a", null, false, true] } },
      scripts,
    },
    "app/.npmrc":
      "# settings\nsave-exact = true\nfund=false\nplace=${SET}/x\n//host/:_authToken=s\n",
    "app/sub/x": "",
    "app/glob/a.txt": "",
    "app/glob/b c.txt": "",
    "app/glob/.hidden": "",
  });
  for (const program of ["node_modules/.bin/tool", "app/node_modules/.bin/jstool"]) {
    await Deno.chmod(`${project.root}/${program}`, 0o755);
  }
  return project;
}

function withoutOwn(text: string): string {
  return text.split("\n").filter((line) => !OWN.test(line)).join("\n");
}

/** Removes the lines by which simmer itself reports a failure. */
function ofScript({ code, stdout, stderr }: Finished): Finished {
  const lines = stderr.split("\n").filter((line) => !/^simmer: /.test(line));
  return { code, stdout: withoutOwn(stdout), stderr: lines.join("\n") };
}

Deno.test({
  name: IS_MISSING
    ? "scripts run as under npm run (skipped: npm or node is missing)"
    : `${NAMES.length} scripts run as under npm run`,
  ignore: IS_MISSING,
  fn: async () => {
    await using project = await createPackage(SCRIPTS);
    const env = { SET: "value", npm_config_cache: `${project.root}/npm` };
    const options = { folder: "app", env };
    await project.run(["run", "-q", "words"], options);
    const names = [...NAMES];
    const differences: unknown[] = [];
    const compare = async (): Promise<void> => {
      for (let name = names.shift(); name !== undefined; name = names.shift()) {
        const args = ARGS[name] ?? [];
        const rest = args.length === 0 ? [] : ["--", ...args];
        // One after the other: some of the scripts write files.
        const npm = await project.runProgram(["npm", "run", "-s", name, ...rest], options);
        const own = await project.run(["run", "-q", name, ...rest], options);
        const [expected, actual] = [ofScript(npm), ofScript(own)];
        if (JSON.stringify(expected) !== JSON.stringify(actual)) {
          differences.push({ name, expected, actual });
        }
      }
    };
    await Promise.all([compare(), compare(), compare()]);
    await project.run(["stop", "--force"], options);
    assertEquals(differences, []);
  },
});

/** Scripts that wait for a signal, with the exit code and the output after it. */
const WAITING = {
  shell: {
    script: "trap 'echo trapped; exit 5' INT TERM; echo up; while :; do sleep 0.05; done",
    code: 5,
    stdout: "up\ntrapped\n",
  },
  program: { script: "./waits.sh", code: 6, stdout: "up\ntrapped\n" },
  list: {
    script: "true && sh -c 'echo up; exec sleep 600'; echo after $?",
    code: undefined,
    stdout: "up\n",
  },
} as const;

for (const mode of [[], ["--no-server"]] as const) {
  const how = mode.length === 0 ? "through a server" : "without a server";
  Deno.test(`a script in sh gets the client's signals, and leaves no process, ${how}`, async () => {
    const scripts = Object.fromEntries(
      Object.entries(WAITING).map(([name, { script }]) => [name, script]),
    );
    await using project = await Project.create({
      "package.json": { scripts },
      "waits.sh":
        "#!/bin/sh\ntrap 'echo trapped; exit 6' INT TERM\necho up\nwhile :; do sleep 0.05; done\n",
    });
    await Deno.chmod(`${project.root}/waits.sh`, 0o755);
    for (const [name, { code, stdout }] of Object.entries(WAITING)) {
      for (const signal of ["SIGINT", "SIGTERM"] as const) {
        const running = project.start(["run", "-q", ...mode, name]);
        await running.stdout.until("up\n");
        running.kill(signal);
        const ended = await running.finished();
        const expected = code ?? { SIGINT: 130, SIGTERM: 143 }[signal];
        assertEquals([ended.code, ended.stdout], [expected, stdout], `${name} ${signal}`);
        const left = (await project.processes()).filter((words) => words.startsWith("s"));
        assertEquals(left, [], `${name} ${signal}`);
      }
    }
  });
}

Deno.test({
  name: "a script in sh has the terminal, and Ctrl-C ends all that it has started (Linux)",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using project = await Project.create({
      "package.json": {
        scripts: {
          asks: "test -t 0 && test -t 1 && read line && echo got $line",
          waits: "sleep 600 & echo is''-up; sh -c 'sleep 600'; echo af''ter",
        },
      },
    });
    const asks = project.start(["run", "asks"], { terminal: true });
    await asks.type("typed\r");
    await asks.stdout.until("got typed");
    assertEquals((await asks.finished()).code, 0);
    const waits = project.start(["run", "waits"], { terminal: true });
    await waits.stdout.until("is-up");
    await waits.type("\x03");
    const { code, stdout } = await waits.finished();
    assertEquals([code, stdout.includes("after")], [130, false], stdout);
    assertEquals((await project.processes()).filter((words) => words.startsWith("s")), []);
  },
});
