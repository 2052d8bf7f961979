/**
 * The process server, for programs that serve their own {@linkcode Cooker}.
 *
 * @module
 */

export type * from "./cooker.ts";
export { type Clock, systemClock } from "../system/clock.ts";
export { type Level, type Logger, MemoryLogger } from "../system/logger.ts";
export { LogFile, type LogFileOptions } from "../system/files/log_file.ts";
export { Latch, type Source } from "../system/source.ts";
export { type ByteStream, memoryPair } from "../system/net/streams.ts";
export { type AcceptedStream, UnixListener } from "../system/net/unix_socket.ts";
export type { PeerCredentials } from "../system/net/peer.ts";
export type { Carrier, Channel, Incoming } from "../rpc/channel.ts";
export type { Item, Outbox } from "../rpc/outbox.ts";
export type { ConnectionLimits } from "./connection.ts";
export type { Door } from "./door.ts";
export type { ExecuteHost } from "./execute_host.ts";
export { type Delivery, EventBus, type EventHandler } from "./event_bus.ts";
export { OwnedFiles } from "./owned_files.ts";
export { type InProcessOptions, type InProcessServer, serveInProcess } from "./in_process.ts";
export { type CommandPolicy, type CommandWish, MANY, type ServerUse, SINGLE } from "./policy.ts";
export type { StopMode } from "./shutdown.ts";
export type { Listener } from "./listener_source.ts";
export { ProcessServer, type ProcessServerOptions } from "./process_server.ts";
export { type Outcome, type Ready, Selector } from "./selector.ts";
