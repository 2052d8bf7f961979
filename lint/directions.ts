/**
 * Lint plugin that enforces the architecture. Imports between rooms (top-level folders) are
 * one-way. Only `system/` and `forward/` call the platform. The client imports heavy modules only
 * as types.
 *
 * @module
 */

/** Rooms that a room may import in addition to itself. */
interface Arrows {
  readonly any: readonly string[];
  /** Rooms from which only types may be imported. */
  readonly types?: readonly string[];
}

const LOW = ["wire", "system"];
const RPC = ["rpc", ...LOW];

/** The rooms, which are folders at the top level of the project. */
const ROOMS: Readonly<Record<string, Arrows>> = {
  system: { any: [] },
  wire: { any: [] },
  project: { any: LOW },
  lock: { any: LOW },
  rpc: { any: LOW },
  server: { any: RPC },
  forward: { any: LOW },
  xmlrpc: { any: ["server", ...RPC] },
  cooker: { any: ["project", ...LOW], types: ["server"] },
  client: { any: ["project", "lock", ...RPC] },
  bitbake: { any: ["server", "xmlrpc", "client", "lock", ...RPC] },
  app: {
    any: ["bitbake", "client", "cooker", "forward", "lock", "project", "server", "xmlrpc", ...RPC],
  },
};

/** Folders that are no rooms. Rooms must not import from them. */
const OUTSIDE: ReadonlySet<string> = new Set([
  "bench",
  "docs",
  "examples",
  "lint",
  "pack",
  "std",
  "tests",
]);

/** Rooms that may call the platform. `forward` imports little, because each short run loads it. */
const PLATFORM: ReadonlySet<string> = new Set(["system", "forward"]);

/** Modules that a client may import only as types, because they slow down every command's start. */
const HEAVY = /\/wire\/(mod|commands|describe)\.ts$/;

/** Folder of the project, which contains `deno.json`. */
const PROJECT = new URL("../", import.meta.url).pathname;

/**
 * Returns the top-level folder that contains a file. Returns `undefined` for files at the top level
 * and outside of the project.
 */
function roomOf(path: string): string | undefined {
  if (!path.startsWith(PROJECT)) return undefined;
  const [room, ...rest] = path.slice(PROJECT.length).split("/");
  return rest.length === 0 ? undefined : room;
}

/** Resolves a relative import to a path. */
function resolve(file: string, specifier: string): string {
  return new URL(specifier, `file://${file}`).pathname;
}

interface ImportLike {
  readonly source: Deno.lint.StringLiteral | Deno.lint.Expression | null;
  readonly importKind?: string;
  readonly exportKind?: string;
}

function specifierOf(node: ImportLike): string | undefined {
  const { source } = node;
  return source?.type === "Literal" && typeof source.value === "string" ? source.value : undefined;
}

function mayImport(from: string, to: string, isType: boolean): boolean {
  const { any, types = [] } = ROOMS[from] ?? { any: [] };
  return to === from || any.includes(to) || (isType && types.includes(to));
}

function allowed(room: string): string {
  const { any, types = [] } = ROOMS[room] ?? { any: [] };
  const all = [...any, ...types.map((each) => `types of ${each}`)];
  return all.join(", ") || "no other room";
}

function checkImport(context: Deno.lint.RuleContext, node: Deno.lint.Node & ImportLike): void {
  const file = context.filename;
  const from = roomOf(file);
  const specifier = specifierOf(node);
  if (from === undefined || OUTSIDE.has(from) || specifier === undefined) return;
  if (!(from in ROOMS)) {
    const message = `${from}/ is no known room: say in lint/directions.ts what it may import`;
    return context.report({ node, message });
  }
  if (!specifier.startsWith(".")) return;
  const path = resolve(file, specifier);
  const to = roomOf(path);
  const isType = node.importKind === "type" || node.exportKind === "type";
  if (to === undefined || !mayImport(from, to, isType)) {
    const what = to ?? path.slice(PROJECT.length);
    const message = `${from} must not import ${what}: it may import ${allowed(from)}`;
    context.report({ node, message });
  }
  if (from === "client" && HEAVY.test(path) && !isType && node.type !== "ImportExpression") {
    context.report({
      node,
      message: `client imports ${specifier} only as types: it would cost every command's start`,
    });
  }
}

const plugin: Deno.lint.Plugin = {
  name: "simmer",
  rules: {
    "import-directions": {
      create(context): Deno.lint.LintVisitor {
        return {
          ImportDeclaration: (node) => checkImport(context, node as Deno.lint.Node & ImportLike),
          ExportAllDeclaration: (node) => checkImport(context, node as Deno.lint.Node & ImportLike),
          ExportNamedDeclaration: (node) =>
            checkImport(context, node as Deno.lint.Node & ImportLike),
          ImportExpression: (node) => checkImport(context, node as Deno.lint.Node & ImportLike),
        };
      },
    },
    "platform-in-system": {
      create(context): Deno.lint.LintVisitor {
        const room = roomOf(context.filename);
        if (room === undefined || OUTSIDE.has(room) || PLATFORM.has(room)) return {};
        return {
          MemberExpression(node): void {
            if (node.object.type !== "Identifier" || node.object.name !== "Deno") return;
            // Error classes do not call the platform.
            if (node.property.type === "Identifier" && node.property.name === "errors") return;
            context.report({
              node,
              message: "Only system/ and forward/ know the platform: put it there",
            });
          },
          ImportDeclaration(node): void {
            if (!node.source.value.startsWith("node:")) return;
            context.report({
              node,
              message: "Only system/ and forward/ know the platform: put it there",
            });
          },
        };
      },
    },
  },
};
export default plugin;
