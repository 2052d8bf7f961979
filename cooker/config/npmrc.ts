/**
 * Reads `.npmrc` files: the settings that `npm run` passes to scripts as `npm_config_` variables.
 *
 * @module
 */

/** Settings by their names, as in the file. A name without a value is `true`. */
export type NpmSettings = ReadonlyMap<string, string>;

/** Variables in a value: `${NAME}`, or `${NAME?}`, which is empty if NAME is unset. */
const VARIABLE = /(?<!\\)\$\{([^{}?]+)(\?)?\}/g;

/**
 * Parses the text of an `.npmrc`. As in npm, a later line replaces an earlier one, and sections are
 * no settings.
 *
 * @param env variables for `${NAME}` in names and values; an unset one stays as it is
 */
export function parseNpmrc(text: string, env: Readonly<Record<string, string>>): NpmSettings {
  const settings = new Map<string, string>();
  const expand = (part: string): string =>
    part.replace(
      VARIABLE,
      (whole, name: string, mark?: string) =>
        Object.hasOwn(env, name) ? env[name] ?? "" : mark === undefined ? whole : "",
    );
  for (const line of text.split(/\r?\n/)) {
    const trimmed = line.trim();
    if (trimmed === "" || /^[;#]/.test(trimmed)) continue;
    if (/^\[.*\]$/.test(trimmed)) break;
    const [, name = "", value] = /^([^=]+?)\s*(?:=(.*))?$/.exec(trimmed) ?? [];
    const key = expand(unquoted(name));
    if (key === "") continue;
    const text = value === undefined ? "true" : expand(unquoted(value.trim()));
    if (!key.endsWith("[]")) settings.set(key, text);
    else {
      const list = settings.get(key.slice(0, -2));
      settings.set(key.slice(0, -2), list === undefined ? text : `${list}\n\n${text}`);
    }
  }
  return settings;
}

/** Removes quotes, or else the comment behind a value. A backslash protects `;` and `#`. */
function unquoted(text: string): string {
  const [, double, single] = /^(?:"((?:[^"\\]|\\.)*)"|'([^']*)')$/.exec(text) ?? [];
  if (double !== undefined) return double.replace(/\\(.)/g, "$1");
  if (single !== undefined) return single;
  return text.replace(/(?<!\\)[;#].*$/, "").replace(/\\([;#\\])/g, "$1").trim();
}

/** Names of settings that npm never exports: of registries, of scopes, and secrets. */
const PRIVATE = /^[/@_]/;

/** Values that npm exports as an empty text. */
const EMPTY: ReadonlySet<string> = new Set(["false", "null"]);

/** Returns the `npm_config_` variables of settings. */
export function settingVariables(settings: NpmSettings): Record<string, string> {
  return Object.fromEntries(
    [...settings].filter(([name]) => !PRIVATE.test(name)).map(([name, value]) => [
      `npm_config_${name.replaceAll("-", "_").toLowerCase()}`,
      EMPTY.has(value) ? "" : value,
    ]),
  );
}
