/**
 * What both ends of simmer's socket speak: frames, messages, the first exchange, commands, events
 * and errors. Types and codecs only; nothing here reads or writes.
 *
 * @module
 */

export * from "./commands.ts";
export * from "./errors.ts";
export * from "./events.ts";
export * from "./frame.ts";
export * from "./hello.ts";
export * from "./messages.ts";
export * from "./output.ts";
export * from "./signals.ts";
