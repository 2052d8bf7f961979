/**
 * Describes the command table as text, for `simmer call --help` and the protocol's documentation.
 *
 * @module
 */

import { type JsonSchema, toJsonSchema } from "@valibot/to-json-schema";
import type { GenericSchema } from "valibot";
import { environmentSchema } from "./environment.ts";
import type { CommandRow, CommandTable, Schema } from "./commands.ts";

/** Description of a command as text. */
interface CommandDescription {
  readonly name: string;
  readonly summary: string;
  readonly kind: CommandRow["kind"];
  readonly access: CommandRow["access"];
  /** Parameters as a TypeScript type, including the defaults of its members. */
  readonly params: string;
  /** Result as a TypeScript type. */
  readonly result: string;
}

/**
 * Describes all commands of a table, in the table's order.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { SERVER_COMMANDS } from "@simmer/simmer/wire";
 * import { describeCommands } from "./describe.ts";
 *
 * assertEquals(describeCommands({ ping: SERVER_COMMANDS.ping }), [{
 *   name: "ping",
 *   summary: "Respond immediately",
 *   kind: "sync",
 *   access: "read",
 *   params: "{}",
 *   result: '"Still alive!"',
 * }]);
 * ```
 */
export function describeCommands(table: CommandTable): CommandDescription[] {
  return Object.entries(table).map(([name, row]) => ({
    name,
    summary: row.summary,
    kind: row.kind,
    access: row.access,
    params: typeText(row.params),
    result: typeText(row.result),
  }));
}

/**
 * Renders a schema as a TypeScript type. Schemas of other libraries than valibot become `unknown`.
 */
function typeText(schema: Schema): string {
  return schema["~standard"].vendor === "valibot"
    ? renderSchema(
      toJsonSchema(schema as unknown as GenericSchema, { errorMode: "ignore", overrideSchema }),
    )
    : "unknown";
}

/** Provides the JSON Schema of simmer's own schema, for which valibot has none. */
function overrideSchema(
  { valibotSchema }: { readonly valibotSchema: unknown },
): JsonSchema | undefined {
  return valibotSchema === environmentSchema
    ? { type: "object", additionalProperties: { type: "string" } }
    : undefined;
}

function renderSchema(schema: JsonSchema | boolean): string {
  if (typeof schema === "boolean") return "unknown";
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return schema.enum.map((each) => JSON.stringify(each)).join(" | ");
  if (schema.anyOf !== undefined) return schema.anyOf.map(renderSchema).join(" | ");
  switch (schema.type) {
    case "array":
      return renderArray(schema);
    case "object":
      return renderObject(schema);
    default:
      if (schema.type === "integer") return "number";
      return typeof schema.type === "string" ? schema.type : "unknown";
  }
}

function renderArray(schema: JsonSchema): string {
  const item = schema.items === undefined || Array.isArray(schema.items)
    ? "unknown"
    : renderSchema(schema.items);
  return item.includes(" | ") ? `(${item})[]` : `${item}[]`;
}

function renderObject(schema: JsonSchema): string {
  const { properties = {}, additionalProperties, required = [] } = schema;
  if (typeof additionalProperties === "object") {
    return `{ [name: string]: ${renderSchema(additionalProperties)} }`;
  }
  const members = Object.entries(properties).map(([name, member]) => {
    const fallback = typeof member === "object" ? member.default : undefined;
    const value = fallback === undefined ? "" : ` = ${JSON.stringify(fallback)}`;
    return `${name}${required.includes(name) ? "" : "?"}: ${renderSchema(member)}${value}`;
  });
  return members.length === 0 ? "{}" : `{ ${members.join("; ")} }`;
}
