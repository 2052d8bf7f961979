import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { parseArguments, UsageError } from "../../client/args/arguments.ts";
import type { CommandSpec } from "../../client/args/options.ts";
import { command as run } from "../../client/commands/run.ts";
import { command as stop } from "../../client/commands/stop.ts";
import { serverLimits } from "../../client/args/server_limits.ts";

function parse(args: string, spec: CommandSpec = run.spec): unknown[] {
  const { values, words, rest } = parseArguments(spec, args === "" ? [] : args.split(" "));
  const given = Object.entries(values).filter(([, value]) =>
    value !== undefined && value !== false && !(Array.isArray(value) && value.length === 0)
  );
  return [Object.fromEntries(given), words.join(" "), rest.join(" ")];
}

const ACCEPTED: readonly (readonly [string, unknown, string, string])[] = [
  ["", {}, "", ""],
  ["build", {}, "build", ""],
  ["build test", {}, "build test", ""],
  ["-j2 build", { jobs: 2 }, "build", ""],
  ["-j 2 build", { jobs: 2 }, "build", ""],
  ["-j=2 build", { jobs: 2 }, "build", ""],
  ["--jobs 2 build", { jobs: 2 }, "build", ""],
  ["--jobs=2 build", { jobs: 2 }, "build", ""],
  ["--concurrency=2 build", { jobs: 2 }, "build", ""],
  ["build -kq", { "keep-going": true, quiet: true }, "build", ""],
  ["build -kj3", { "keep-going": true, jobs: 3 }, "build", ""],
  ["-j1 build -j2", { jobs: 2 }, "build", ""],
  ["build --json test --force", { json: true, force: true }, "build test", ""],
  ["build -- --json -x", {}, "build", "--json -x"],
  ["build -- a -- b", {}, "build", "a -- b"],
  ["-- x", {}, "", "x"],
  ["-", {}, "-", ""],
  ["--env-file build", { "env-file": [".env"] }, "build", ""],
  ["--env-file=a --env-file=b t", { "env-file": ["a", "b"] }, "t", ""],
  ["--frozen --frozen-lockfile=false t", { frozen: ["true", "false"] }, "t", ""],
  ["--lock a.lock t", { lock: ["a.lock"] }, "t", ""],
  ["--lock=a.lock --lock -q t", { lock: ["", "a.lock"], quiet: true }, "t", ""],
  ["--lock -- t", { lock: [""] }, "", "t"],
  ["--no-lock --node-modules-dir t", { "no-lock": true, "node-modules-dir": ["auto"] }, "t", ""],
  ["--node-modules-dir=none t", { "node-modules-dir": ["none"] }, "t", ""],
  ["--unstable-kv t --unstable", { unstable: ["--unstable-kv", "--unstable"] }, "t", ""],
  ["--env-file=a --env --env=b t", { "env-file": [".env", "a", "b"] }, "t", ""],
  ["--busy observe t", { busy: "observe" }, "t", ""],
  ["--timeout -1 t", { timeout: -1 }, "t", ""],
  ["--cwd a=b t", { cwd: "a=b" }, "t", ""],
  ["-c x.json --color=never t", { config: "x.json", color: "never" }, "t", ""],
];

for (const [line, values, words, rest] of ACCEPTED) {
  Deno.test(`'simmer run ${line}' is parsed`, () => {
    assertEquals(parse(line), [values, words, rest]);
  });
}

const REFUSED: readonly (readonly [string, string])[] = [
  ["--jobs 0", "invalid value '0' for '--jobs <jobs>'"],
  ["--jobs abc", "invalid value 'abc' for '--jobs <jobs>'"],
  ["--jobs 1.5", "invalid value '1.5' for '--jobs <jobs>'"],
  ["--timeout -2", "invalid value '-2' for '--timeout <seconds>'"],
  ["--jobs", "a value is required for '--jobs <jobs>' but none was supplied"],
  ["-j -- x", "a value is required for '--jobs <jobs>' but none was supplied"],
  ["--busy now", "invalid value 'now' for '--busy <wait|refuse|observe>'"],
  ["--json=yes", "unexpected value 'yes' for '--json'"],
  ["--nonsense", "unknown option '--nonsense'"],
  ["-x", "unknown option '-x'"],
];

for (const [line, message] of REFUSED) {
  Deno.test(`'simmer run ${line}' is refused with the reason`, () => {
    const error = assertThrows(() => parse(line), UsageError);
    assertStringIncludes(error.message, message);
    assertEquals(error.exitCode, 2);
  });
}

Deno.test("a command without positional arguments refuses one, even after --", () => {
  for (const line of ["now", "-- now"]) {
    const error = assertThrows(() => parse(line, stop.spec), UsageError);
    assertStringIncludes(error.message, "unexpected argument 'now'");
  }
});

Deno.test("--help is accepted even if required arguments are missing", () => {
  const spec = { ...stop.spec, words: { min: 1, max: 1 } };
  assertThrows(() => parse("", spec), UsageError, "too few arguments");
  assertEquals(parse("--help", spec), [{ help: true }, "", ""]);
});

const NO_LIMITS = { timeout: undefined, "max-rss": undefined, "max-servers": undefined };

Deno.test("server limits come from the flags, then the environment, then the defaults", () => {
  const env = { SIMMER_SERVER_TIMEOUT: "60", SIMMER_MAX_RSS: "1.5G", SIMMER_MAX_SERVERS: "3" };
  const gibibyte = 1024 ** 3;
  const flags = { timeout: 5, "max-rss": "512M", "max-servers": "2" };
  assertEquals(serverLimits({ env }, flags), {
    timeoutSeconds: 5,
    maxRssBytes: gibibyte / 2,
    maxServers: 2,
  });
  assertEquals(serverLimits({ env }, NO_LIMITS), {
    timeoutSeconds: 60,
    maxRssBytes: 1.5 * gibibyte,
    maxServers: 3,
  });
  const empty = { SIMMER_MAX_RSS: "", SIMMER_MAX_SERVERS: "" };
  assertEquals(serverLimits({ env: empty }, NO_LIMITS), {
    timeoutSeconds: 10_800,
    maxRssBytes: 2 * gibibyte,
    maxServers: 16,
  });
  const never = {
    SIMMER_SERVER_TIMEOUT: "-1",
    SIMMER_MAX_RSS: "none",
    SIMMER_MAX_SERVERS: "none",
  };
  assertEquals(serverLimits({ env: never }, NO_LIMITS), {
    timeoutSeconds: -1,
    maxRssBytes: 0,
    maxServers: 0,
  });
});

Deno.test("an invalid limit is refused with the name of its flag or variable", () => {
  for (
    const [env, values, words] of [
      [{ SIMMER_SERVER_TIMEOUT: "soon" }, NO_LIMITS, "SIMMER_SERVER_TIMEOUT"],
      [{ SIMMER_MAX_RSS: "much" }, NO_LIMITS, "invalid value 'much' for 'SIMMER_MAX_RSS'"],
      [{}, { ...NO_LIMITS, "max-rss": "1M" }, "for '--max-rss <size>': expected a number of bytes"],
      [{ SIMMER_MAX_SERVERS: "0" }, NO_LIMITS, "invalid value '0' for 'SIMMER_MAX_SERVERS'"],
      [{}, { ...NO_LIMITS, "max-servers": "few" }, "for '--max-servers <count>': expected a whole"],
    ] as const
  ) assertThrows(() => serverLimits({ env }, values), UsageError, words);
});
