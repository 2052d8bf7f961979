/**
 * A lint plugin that keeps the house in order: imports go one way, only `system/` knows the
 * platform, and the client's start-up path stays light.
 *
 * @module
 */

/** Which rooms a room may import, beside itself. */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  wire: [],
  system: [],
  project: ["system", "wire"],
  lock: ["system", "wire"],
  cooker: ["system", "wire", "project"],
  server: ["system", "wire", "project", "lock", "cooker"],
  client: ["system", "wire", "project", "lock"],
  express: ["system", "wire", "project", "cooker", "server", "client"],
  bitbake: ["system", "wire", "lock", "cooker", "server", "client"],
};

/** What a client loads only as types: it would cost every command's start. */
const HEAVY = /\/wire\/(mod|commands|describe)\.ts$/;

/** The room of a file: the folder below the project's root that it is in, if that is one. */
function roomOf(path: string): string | undefined {
  const parts = path.split("/").slice(0, -1).reverse();
  return parts.find((part) => part in ARROWS);
}

/** The path that a relative import means. */
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

function isOutside(file: string): boolean {
  return roomOf(file) === undefined || /\/(tests|bench|examples|lint|std|docs)\//.test(file);
}

function checkImport(context: Deno.lint.RuleContext, node: Deno.lint.Node & ImportLike): void {
  const file = context.filename;
  const specifier = specifierOf(node);
  if (isOutside(file) || specifier === undefined || !specifier.startsWith(".")) return;
  const from = roomOf(file) ?? "";
  const path = resolve(file, specifier);
  const to = roomOf(path);
  if (to !== undefined && to !== from && ARROWS[from]?.includes(to) !== true) {
    const allowed = ARROWS[from]?.join(", ") || "no other room";
    context.report({ node, message: `${from} must not import ${to}: it may import ${allowed}` });
  }
  const isType = node.importKind === "type" || node.exportKind === "type";
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
        if (isOutside(context.filename) || roomOf(context.filename) === "system") return {};
        return {
          MemberExpression(node): void {
            if (node.object.type !== "Identifier" || node.object.name !== "Deno") return;
            // Error classes are names, not calls to the platform.
            if (node.property.type === "Identifier" && node.property.name === "errors") return;
            context.report({ node, message: "Only system/ knows the platform: put it there" });
          },
          ImportDeclaration(node): void {
            if (!node.source.value.startsWith("node:")) return;
            context.report({ node, message: "Only system/ knows the platform: put it there" });
          },
        };
      },
    },
  },
};
export default plugin;
