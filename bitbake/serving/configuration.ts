/**
 * Stores the configuration that a BitBake client has sent: its options, its environment, and the
 * events that it wants.
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

  /** The whole environment of the tasks, which is the client's own. */
  get environment(): Readonly<Record<string, string>> {
    return this.#environment;
  }

  /** The command line as typed, for display. */
  get commandLine(): string {
    return this.#arguments.length === 0 ? "bitbake" : this.#arguments.join(" ");
  }

  /** Returns true if the value of an option is `true`. */
  isSet(option: string): boolean {
    return this.#options.get(option) === true;
  }

  /** Returns true if the value of an option differs from the default of BitBake's client. */
  isGiven(option: string): boolean {
    const value = this.#options.get(option) ?? null;
    return Array.isArray(value) ? value.length > 0 : value !== null && value !== false;
  }

  /** Applies the arguments of `updateConfig`: options, environment, and the typed command line. */
  update([options, environment, words]: readonly PyValue[]): void {
    if (options instanceof PyDict) this.#options = options;
    if (environment instanceof PyDict) this.#environment = textsOf(environment);
    if (Array.isArray(words)) this.#arguments = words.filter((each) => typeof each === "string");
  }

  /** Applies the arguments of `setEventMask`: handler, level, levels of domains, and classes. */
  mask([, level, , classes]: readonly PyValue[]): void {
    if (typeof level === "number") this.#level = level;
    const names = Array.isArray(classes) ? classes.filter((each) => typeof each === "string") : [];
    this.#classes = names.includes("*") ? undefined : new Set(names);
  }

  /**
   * Returns true if the client wants an event. Log records are filtered by level, other events by
   * class.
   */
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
