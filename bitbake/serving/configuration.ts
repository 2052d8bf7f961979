/**
 * What a BitBake client has said of itself: options, environment, and which events it wants.
 *
 * @module
 */

import { PyDict, type PyObject, type PyValue } from "../pickle/mod.ts";

/** The configuration of one client. */
export class Configuration {
  #options = new PyDict();
  #environment: Record<string, string> = {};
  #arguments: string[] = [];
  #classes: ReadonlySet<string> | undefined;
  #level = 0;

  /** The tasks' whole environment: the client's own. */
  get environment(): Readonly<Record<string, string>> {
    return this.#environment;
  }

  /** What was typed, for people. */
  get commandLine(): string {
    return this.#arguments.length === 0 ? "bitbake" : this.#arguments.join(" ");
  }

  /** Whether an option is on. */
  isSet(option: string): boolean {
    return this.#options.get(option) === true;
  }

  /** Whether an option has another value than BitBake's client sends by default. */
  isGiven(option: string): boolean {
    const value = this.#options.get(option) ?? null;
    return Array.isArray(value) ? value.length > 0 : value !== null && value !== false;
  }

  /** Takes `updateConfig`'s arguments: options, environment, what was typed. */
  update([options, environment, words]: readonly PyValue[]): void {
    if (options instanceof PyDict) this.#options = options;
    if (environment instanceof PyDict) this.#environment = textsOf(environment);
    if (Array.isArray(words)) this.#arguments = words.filter((each) => typeof each === "string");
  }

  /** Takes `setEventMask`'s arguments: handler, level, levels of domains, classes. */
  mask([, level, , classes]: readonly PyValue[]): void {
    if (typeof level === "number") this.#level = level;
    const names = Array.isArray(classes) ? classes.filter((each) => typeof each === "string") : [];
    this.#classes = names.includes("*") ? undefined : new Set(names);
  }

  /** Whether the client wants an event: log records by their level, others by their class. */
  passes(object: PyObject): boolean {
    if (object.name === "LogRecord") return Number(object.get("levelno")) >= this.#level;
    return this.#classes?.has(object.fullName) ?? true;
  }
}

function textsOf(dict: PyDict): Record<string, string> {
  return Object.fromEntries(
    [...dict.entries()].filter((entry): entry is [string, string] =>
      typeof entry[0] === "string" && typeof entry[1] === "string"
    ),
  );
}
