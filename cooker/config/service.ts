/**
 * The settings of a service: a task that runs until nobody needs it, such as a dev server.
 *
 * @module
 */

import * as v from "valibot";
import { excerpt } from "../../wire/near_names.ts";
import { type ConfigNode, type ConfigText, describeNode, invalidConfig } from "./jsonc.ts";
import { sectionOf } from "./section.ts";

const outputSchema = v.pipe(
  v.string(),
  v.minLength(1),
  v.description("Regular expression: the service is ready when a line of its output matches."),
);
const portSchema = v.pipe(
  v.number(),
  v.integer(),
  v.minValue(1),
  v.maxValue(65_535),
  v.description("TCP port: the service is ready when it accepts connections."),
);
const commandSchema = v.pipe(
  v.string(),
  v.minLength(1),
  v.description("Command that is repeated: the service is ready when it exits with 0."),
);
const timeoutSchema = v.pipe(
  v.number(),
  v.minValue(0.1),
  v.maxValue(86_400),
  v.description("Seconds in which the service must be ready. Default: 60."),
);
const restartSchema = v.pipe(
  v.picklist(["never", "on-failure"]),
  v.description("Whether the service is started again if it fails after it was ready."),
);

/** The value of `service`. */
export const serviceSchema = v.pipe(
  v.union([
    v.boolean(),
    v.strictObject({
      ready: v.optional(v.pipe(
        v.union([
          v.strictObject({ output: outputSchema }),
          v.strictObject({ port: portSchema }),
          v.strictObject({ command: commandSchema }),
        ]),
        v.description(
          "When the service is ready, so that the tasks that depend on it start. Default: at once.",
        ),
      )),
      timeout: v.optional(timeoutSchema),
      restart: v.optional(restartSchema),
    }),
  ]),
  v.description(
    "True or an object if the task is a service: it runs until nobody needs it, and holds no job " +
      "slot.",
  ),
);

/** Condition for a service to be ready. Exactly one member is present. */
interface ReadyCondition {
  /** Regular expression that a line of output must match. */
  readonly output?: string;
  /** TCP port that must accept connections. */
  readonly port?: number;
  /** Command that must succeed. */
  readonly command?: string;
}

/** The settings of a service. */
export interface ServiceSettings {
  /** If absent, it is ready at once. */
  readonly ready?: ReadyCondition;
  /** Seconds in which it must be ready. */
  readonly timeout: number;
  readonly restart: "never" | "on-failure";
}

/** The settings of a service that declares no others. */
export const DEFAULT_SERVICE: ServiceSettings = { timeout: 60, restart: "never" };

/**
 * Reads the value of `service`.
 *
 * @param place the section that contains it, for messages
 * @returns `undefined` if the task is no service
 * @throws {WireError} `projectError` of kind `invalid-config`
 */
export function readService(
  source: ConfigText,
  node: ConfigNode,
  place: string,
): ServiceSettings | undefined {
  if (node.type === "boolean") return node.value === true ? DEFAULT_SERVICE : undefined;
  if (node.type !== "object") {
    throw mistaken(source, node, `${place}.service`, "must be true, false or an object");
  }
  const own = `${place}.service`;
  const members = sectionOf(source, node, own, ["ready", "timeout", "restart"]);
  const read = <T>(
    name: string,
    schema: v.GenericSchema<unknown, T>,
    rule: string,
  ): T | undefined =>
    readValue(source, members.get(name), { place: `${own}.${name}`, schema, rule });
  const timeout = read("timeout", timeoutSchema, "must be a number of seconds from 0.1 to 86400");
  const restart = read("restart", restartSchema, 'must be "never" or "on-failure"');
  const ready = members.get("ready");
  return {
    timeout: timeout ?? DEFAULT_SERVICE.timeout,
    restart: restart ?? DEFAULT_SERVICE.restart,
    ...(ready === undefined ? {} : { ready: readReady(source, ready, `${own}.ready`) }),
  };
}

function readReady(source: ConfigText, node: ConfigNode, place: string): ReadyCondition {
  const members = sectionOf(source, node, place, ["output", "port", "command"]);
  if (members.size !== 1) {
    throw mistaken(source, node, place, 'must have exactly one of "output", "port" and "command"');
  }
  const read = <T>(
    name: string,
    schema: v.GenericSchema<unknown, T>,
    rule: string,
  ): T | undefined =>
    readValue(source, members.get(name), { place: `${place}.${name}`, schema, rule });
  const output = read("output", outputSchema, "must be a regular expression, as a string");
  if (output !== undefined) {
    const problem = regularExpressionProblem(output);
    const wrong = members.get("output");
    if (problem !== undefined && wrong !== undefined) {
      throw mistaken(source, wrong, `${place}.output`, `must be a regular expression (${problem})`);
    }
    return { output };
  }
  const port = read("port", portSchema, "must be a port number from 1 to 65535");
  if (port !== undefined) return { port };
  const command = read("command", commandSchema, "must be a command line, as a string");
  return command === undefined ? {} : { command };
}

function readValue<T>(
  source: ConfigText,
  node: ConfigNode | undefined,
  { place, schema, rule }: {
    readonly place: string;
    readonly schema: v.GenericSchema<unknown, T>;
    readonly rule: string;
  },
): T | undefined {
  if (node === undefined) return undefined;
  const parsed = v.safeParse(schema, node.value);
  if (parsed.success) return parsed.output;
  throw mistaken(source, node, place, rule);
}

function mistaken(
  source: ConfigText,
  node: ConfigNode,
  place: string,
  rule: string,
): ReturnType<typeof invalidConfig> {
  return invalidConfig(
    source,
    node.offset,
    `"${excerpt(place)}" ${rule}, but found ${describeNode(node)}`,
  );
}

function regularExpressionProblem(text: string): string | undefined {
  try {
    new RegExp(text);
    return undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return error.message;
    throw error;
  }
}
