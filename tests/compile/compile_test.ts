/**
 * The compiled binary needs a base binary (`denort`) that is downloaded and can be out of reach.
 * With a stand-in for it, everything else of compiling is the real thing: the module graph, and
 * what of it is put into the file.
 */

import { assert, assertEquals } from "@std/assert";
import { selfCommand } from "../../system/process/self.ts";

const ROOT = new URL("../../", import.meta.url);

interface Info {
  readonly modules: readonly Module[];
}

interface Module {
  readonly specifier: string;
  readonly error?: string;
  readonly dependencies?: readonly { readonly code?: { readonly specifier: string } }[];
}

/** Modules of a graph that run, types left out, from one module on. */
function reachable({ modules }: Info, root: string): string[] {
  const byName = new Map(modules.map((module) => [module.specifier, module]));
  const found = new Set([root]);
  for (const specifier of found) {
    for (const { code } of byName.get(specifier)?.dependencies ?? []) {
      if (code !== undefined) found.add(code.specifier);
    }
  }
  return [...found];
}

async function deno(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: ROOT,
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  assert(success, decoder.decode(stderr));
  return decoder.decode(stdout) + decoder.decode(stderr);
}

/** Returns bytes as a text of one character each, which can be searched quickly. */
function bytesText(bytes: Uint8Array): string {
  return new TextDecoder("latin1").decode(bytes);
}

function includes(haystack: string, words: string): boolean {
  return haystack.includes(bytesText(new TextEncoder().encode(words)));
}

Deno.test("deno compile finds every module, lazily loaded ones too, and puts it into the binary", async () => {
  // What main.ts loads only where it is needed is named by deno.json for compiling.
  const info: Info = JSON.parse(await deno(["info", "--json", "cli.ts"]));
  assertEquals(info.modules.filter((module) => module.error !== undefined), []);
  const own = reachable(info, new URL("cli.ts", ROOT).href)
    .filter((specifier) => specifier.startsWith(ROOT.href))
    .map((specifier) => specifier.slice(ROOT.href.length));
  for (const lazy of ["app/daemon.ts", "app/local.ts", "client/connect/start_server.ts"]) {
    assert(own.includes(lazy), `${lazy} is loaded in a way that compiling does not see`);
  }
  const folder = await Deno.makeTempDir();
  const output = `${folder}/simmer`;
  // Any executable does: it is copied, and the rest appended.
  await deno(["compile", "-A", "--output", output, "main.ts"], { DENORT_BIN: "/bin/true" });
  const binary = bytesText(await Deno.readFile(output));
  await Deno.remove(folder, { recursive: true });
  for (const path of own.filter((each) => each.endsWith(".ts") && !each.endsWith(".d.ts"))) {
    const source = await Deno.readTextFile(new URL(path, ROOT));
    const purpose = source.split("\n").find((line) => line.startsWith(" * ")) ??
      source.slice(0, 60);
    assert(includes(binary, purpose), `${path} is not in the binary`);
  }
  for (const dependency of ["valibot", "jsonc-parser", "fastest-levenshtein", "dax"]) {
    assert(includes(binary, dependency), `${dependency} is not in the binary`);
  }
});

Deno.test("a compiled binary starts its server by running itself again", () => {
  const program = { execPath: "/opt/simmer", mainModule: "file:///compiled/main.ts" };
  assertEquals(selfCommand({ ...program, standalone: true }), ["/opt/simmer"]);
  assertEquals(selfCommand({ ...program, standalone: false }), [
    "/opt/simmer",
    "run",
    "-A",
    "file:///compiled/main.ts",
  ]);
});
