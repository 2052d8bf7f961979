import { assertEquals } from "@std/assert";

const PROJECT = new URL("../../", import.meta.url);

/** Folders whose exports are not checked, because no other module has to import them. */
const UNCHECKED = /^(?:tests|bench|examples|std)\//;

/** Modules whose exports are the project's public interface. */
const PUBLIC = /(?:^|\/)mod\.ts$/;

const EXPORT =
  /^export (?:abstract )?(?:async )?(?:function\*?|class|const|let|interface|type) (\w+)/gm;
const NAMED = /(?:import|export)\s+(?:type\s+)?\{([^}]*)\}\s+from\s+"(\.[^"]+)"/g;
const WHOLE =
  /(?:export (?:type )?\*(?: as \w+)? from |import \* as \w+ from |import\()"(\.[^"]+)"/g;

/** Lists all modules below a folder of the project, relative to the project. */
function modulesBelow(folder: string): string[] {
  return [...Deno.readDirSync(new URL(folder, PROJECT))].flatMap(({ name, isDirectory }) => {
    if (name.startsWith(".")) return [];
    if (isDirectory) return modulesBelow(`${folder}${name}/`);
    return name.endsWith(".ts") ? [`${folder}${name}`.replace("./", "")] : [];
  });
}

/** Lists imports of a module as pairs of module and name. The name `*` stands for all names. */
function importsOf(module: string, text: string): [string, string][] {
  const target = (specifier: string): string =>
    new URL(specifier, new URL(module, PROJECT)).href.slice(PROJECT.href.length);
  const named = [...text.matchAll(NAMED)].flatMap(([, names = "", specifier = ""]) =>
    names.split(",").map((name): [string, string] => [
      target(specifier),
      name.trim().replace(/^type /, "").replace(/ as .*/, ""),
    ])
  );
  const whole = [...text.matchAll(WHOLE)].map(([, specifier = ""]): [string, string] => [
    target(specifier),
    "*",
  ]);
  return [...named, ...whole];
}

Deno.test("every export is imported by another module", () => {
  const texts = new Map(
    modulesBelow("./").map((module) => [module, Deno.readTextFileSync(new URL(module, PROJECT))]),
  );
  const imported = new Set(
    [...texts].flatMap(([module, text]) => importsOf(module, text))
      .map(([module, name]) => `${module} ${name}`),
  );
  const unused = [...texts].flatMap(([module, text]) => {
    if (UNCHECKED.test(module) || PUBLIC.test(module) || imported.has(`${module} *`)) return [];
    return [...text.matchAll(EXPORT)].map(([, name = ""]) => `${module} ${name}`)
      .filter((each) => !imported.has(each));
  });
  assertEquals(unused, []);
});
