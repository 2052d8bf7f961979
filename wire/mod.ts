/**
 * Protocol of simmer's socket, for both ends: frames, messages, the handshake, commands, events and
 * errors. It consists of types and codecs, and performs no I/O.
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
