import { assertEquals, assertThrows } from "@std/assert";
import { TaskScope } from "../../../cooker/config/scope.ts";
import { type FolderSelection, selectFolders } from "../../../cooker/config/selection.ts";
import { readPackageJson } from "../../../cooker/config/tasks.ts";
import { Workspace, type WorkspaceFolder } from "../../../cooker/config/workspace.ts";
import { WireError } from "../../../wire/errors.ts";

const ROOT = "/p";

function folderOf(
  path: string,
  name: string | undefined,
  imports: readonly string[],
): WorkspaceFolder {
  const folder = path === "" ? ROOT : `${ROOT}/${path}`;
  const text = JSON.stringify({
    ...(name === undefined ? {} : { name }),
    dependencies: Object.fromEntries(imports.map((each) => [each, "workspace:*"])),
  });
  const files = [readPackageJson({ file: `${folder}/package.json`, text }, folder)];
  return { folder, isRoot: path === "", files, scope: new TaskScope(files) };
}

/** `web` imports `ui`, which imports `utils`. `docs` imports `ui`. `api` imports `utils`. */
const WORKSPACE = new Workspace([
  folderOf("", "monorepo", ["tools"]),
  folderOf("apps/docs", "docs", ["@acme/ui"]),
  folderOf("apps/web", "web", ["@acme/ui"]),
  folderOf("packages/api", "@acme/api", ["@acme/utils"]),
  folderOf("packages/ui", "@acme/ui", ["@acme/utils"]),
  folderOf("packages/utils", "@acme/utils", []),
  folderOf("packages/web-kit", "@other/web-kit", []),
  folderOf("tools", "tools", []),
]);

/** Returns the selected folders, relative to the root, separated by blanks. */
function select(filter: string | readonly string[], more: Partial<FolderSelection> = {}): string {
  const { folders } = selectFolders(WORKSPACE, {
    recursive: false,
    members: false,
    filter,
    ...more,
  });
  return folders.map(({ folder }) => folder.slice(ROOT.length + 1) || ".").join(" ");
}

const ALL = "apps/docs apps/web packages/api packages/ui packages/utils packages/web-kit tools";

/** Filters with what they select. pnpm 10 selects the same: `pnpm -r --filter … exec pwd`. */
const AS_PNPM: readonly (readonly [filters: readonly string[], selected: string])[] = [
  [["web..."], "apps/web packages/ui packages/utils"],
  [["web^..."], "packages/ui packages/utils"],
  [["...@acme/ui"], "apps/docs apps/web packages/ui"],
  [["...^@acme/ui"], "apps/docs apps/web"],
  [["...@acme/ui..."], "apps/docs apps/web packages/ui packages/utils"],
  [["...^@acme/utils"], "apps/docs apps/web packages/api packages/ui"],
  [["utils..."], "packages/utils"],
  [["@acme/*..."], "packages/api packages/ui packages/utils"],
  [["@acme/*^..."], "packages/utils"],
  [["./apps/*"], "apps/docs apps/web"],
  [["./apps/web"], "apps/web"],
  [["{packages/**}"], "packages/api packages/ui packages/utils packages/web-kit"],
  [["{packages/ui}..."], "packages/ui packages/utils"],
  [["...{packages/ui}"], "apps/docs apps/web packages/ui"],
  [["@acme/*{packages/u*}"], "packages/ui packages/utils"],
  [["!web"], "apps/docs packages/api packages/ui packages/utils packages/web-kit tools"],
  [["!./apps/*", "!tools"], "packages/api packages/ui packages/utils packages/web-kit"],
  [["web...", "!@acme/utils"], "apps/web packages/ui"],
  [["!web...", "!tools"], "apps/docs packages/api packages/web-kit"],
  [["...@acme/utils", "!...^@acme/ui"], "packages/api packages/ui packages/utils"],
  [["web...", "docs..."], "apps/docs apps/web packages/ui packages/utils"],
];

Deno.test("filters with dots, folders and exclusions select what they select for pnpm", () => {
  for (const [filters, selected] of AS_PNPM) {
    assertEquals(select(filters), selected, JSON.stringify(filters));
  }
});

Deno.test("other filters select by a part of the package's or folder's name, as in deno task", () => {
  assertEquals(select("web"), "apps/web packages/web-kit");
  assertEquals(select("@acme"), "packages/api packages/ui packages/utils");
  assertEquals(select("a*i"), "packages/api packages/ui packages/utils");
  assertEquals(select("monorepo"), ".");
  assertEquals(select(["web", "tools", "!@other/*"]), "apps/web tools");
  assertEquals(select("nobody"), "");
});

Deno.test("paths are relative to the client's folder, and the root is selected only by itself", () => {
  assertEquals(select("./ui", { cwd: "/p/packages" }), "packages/ui");
  assertEquals(select(".", { cwd: "/p/packages/ui" }), "packages/ui");
  assertEquals(select("../*", { cwd: "/p/packages/ui" }), ALL.split(" ").slice(2, 6).join(" "));
  assertEquals(select("."), ".");
  assertEquals(select("//"), ".");
  assertEquals(select("./**"), ALL);
  assertEquals(select("...tools"), "tools");
});

Deno.test("filters with a git revision select changed packages, by the innermost folder of each file", () => {
  const changes = {
    main: ["/p/packages/utils/src/x.ts", "/p/README.md", "/p/packages/loose.txt"],
    "v1...v2": ["/p/apps/web/gone.ts"],
    same: [],
  };
  const cases: [filters: string[], selected: string][] = [
    [["[main]"], "packages/utils"],
    [["...[main]"], "apps/docs apps/web packages/api packages/ui packages/utils"],
    [["...^[main]"], "apps/docs apps/web packages/api packages/ui"],
    [["@acme/*[main]"], "packages/utils"],
    [["{packages/*}[main]"], "packages/utils"],
    [["./packages/*[main]"], "packages/utils"],
    [["web[main]"], ""],
    [["web...[main]"], "apps/web"],
    [["[v1...v2]..."], "apps/web packages/ui packages/utils"],
    [["[same]"], ""],
    [["...[main]", "!...[v1...v2]"], "apps/docs packages/api packages/ui packages/utils"],
  ];
  for (const [filters, selected] of cases) {
    assertEquals(select(filters, { changes }), selected, JSON.stringify(filters));
  }
  assertThrows(() => select("[other]", { changes }), WireError, "the changes since 'other'");
});

Deno.test("a filter that matches no package is reported, and may select none only by changes", () => {
  const of = (filter: string[]) =>
    selectFolders(WORKSPACE, { recursive: false, members: false, filter, changes: { main: [] } });
  const facts = ({ unmatched, mayBeEmpty }: ReturnType<typeof of>) => [unmatched, mayBeEmpty];
  assertEquals(facts(of(["wbe..."])), [["wbe..."], false]);
  assertEquals(facts(of(["./apps/wbe", "web..."])), [["./apps/wbe"], false]);
  assertEquals(facts(of(["[main]"])), [[], true]);
  assertEquals(facts(of(["wbe[main]"])), [["wbe[main]"], false]);
});

Deno.test("a filter of a wrong form is an error that describes the right ones", () => {
  for (const filter of ["a[b", "!", "...", "{}", "[]", "a{b}c", "[a]b", "./a[", ""]) {
    assertThrows(() => select([filter]), WireError, "expected a package's name", filter);
  }
});
