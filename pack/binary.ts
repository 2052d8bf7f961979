/**
 * Makes one binary of simmer: `deno task compile`. It needs Deno's base binary, which the runtime
 * downloads, or which the variable `DENORT_BIN` names.
 *
 * @module
 */

const ROOT = new URL("../", import.meta.url);

/** The sentence of Deno's message if it has no base binary. */
const NO_BASE = /Setting up base binary|denort/;

/**
 * Compiles the program.
 *
 * @param output the path of the binary
 * @param env variables of the compiler, in addition to those of this process
 * @returns the exit code and a report: the compiler's own, and what would be right
 */
export async function compileBinary(
  output: string,
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly code: number; readonly report: string }> {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["compile", "-A", "--output", output, "main.ts"],
    cwd: ROOT,
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
    stdout: "null",
  }).output();
  const text = new TextDecoder().decode(stderr);
  if (code === 0) return { code, report: `${output}\n` };
  if (!NO_BASE.test(text)) return { code, report: text };
  const reason = /^ *\d+: (error sending request.*)$/m.exec(text)?.[1] ?? text.trim();
  return {
    code,
    report: `Cannot compile: the modules are complete, but Deno ${Deno.version.deno} has no base ` +
      `binary: ${reason}\nDENORT_BIN=FILE names a copy of it ('denort', from Deno's releases). ` +
      "'deno task pack:npm' makes a package that needs none.\n",
  };
}

if (import.meta.main) {
  const { code, report } = await compileBinary("dist/simmer");
  await Deno[code === 0 ? "stdout" : "stderr"].write(new TextEncoder().encode(report));
  Deno.exit(code);
}
