/**
 * Reads values of other tools' configs. A wrong value is an error, as for the tool itself. An
 * unknown key or one without effect is noted.
 *
 * @module
 */

import { excerpt } from "../../wire/near_names.ts";
import { nearestName } from "../plan/task_names.ts";
import type { ConfigPlace } from "./declaration.ts";
import {
  type ConfigNode,
  type ConfigText,
  describeNode,
  invalidConfig,
  membersOf,
  placeOf,
  stringOf,
} from "./jsonc.ts";

/** A text of a config, with its position. */
export interface PlacedText {
  readonly text: string;
  readonly offset: number;
}

/** Reads one config file of another tool. */
export class ForeignConfig {
  readonly source: ConfigText;
  /** Sentences about keys that have no effect, each with file and line. */
  readonly notes: string[] = [];

  constructor(source: ConfigText) {
    this.source = source;
  }

  /** Returns the position of an offset. */
  place(offset: number): ConfigPlace {
    return { file: this.source.file, ...placeOf(this.source.text, offset) };
  }

  /** Creates the error for a mistake at a node. */
  mistake(node: ConfigNode, rule: string): Error {
    const found = `${rule}, but found ${describeNode(node)}`;
    return invalidConfig(this.source, node.offset, found);
  }

  /** Adds a note about a position. */
  note(offset: number, text: string): void {
    const { file, line } = this.place(offset);
    this.notes.push(`${file}:${line}: ${text}`);
  }

  /**
   * Returns the members of an object.
   *
   * @param known keys that have an effect, and keys without one, with what decides instead
   */
  section(
    node: ConfigNode,
    what: string,
    known: { readonly used: readonly string[]; readonly unused: Readonly<Record<string, string>> },
  ): ReadonlyMap<string, ConfigNode> {
    if (node.type !== "object") throw this.mistake(node, `${what} must be an object`);
    const members = membersOf(node);
    for (const [key, value] of members) {
      if (known.used.includes(key)) continue;
      const offset = value.parent?.offset ?? value.offset;
      const reason = Object.hasOwn(known.unused, key) ? known.unused[key] : undefined;
      if (reason !== undefined) {
        if (reason !== "") this.note(offset, `"${key}" of ${what} has no effect: ${reason}`);
        continue;
      }
      const nearest = nearestName(key, [...known.used, ...Object.keys(known.unused)]);
      const advice = nearest === undefined ? "" : `. Did you mean "${nearest}"?`;
      this.note(offset, `"${excerpt(key)}" of ${what} is unknown and has no effect${advice}`);
    }
    return members;
  }

  /** Reads a list of texts; `undefined` if there is no node. */
  texts(node: ConfigNode | undefined, what: string): PlacedText[] | undefined {
    if (node === undefined) return undefined;
    if (node.type !== "array") throw this.mistake(node, `${what} must be a list of strings`);
    return (node.children ?? []).map((child) => {
      const text = stringOf(child);
      if (text === undefined) throw this.mistake(child, `${what} must be a list of strings`);
      return { text, offset: child.offset };
    });
  }

  /** Reads true or false; `undefined` if there is no node. */
  flag(node: ConfigNode | undefined, what: string): boolean | undefined {
    if (node === undefined) return undefined;
    if (node.type !== "boolean") throw this.mistake(node, `${what} must be true or false`);
    return node.value === true;
  }

  /** Reads a text that is not empty; `undefined` if there is no node. */
  text(node: ConfigNode | undefined, what: string): string | undefined {
    if (node === undefined) return undefined;
    const text = stringOf(node);
    if (text === undefined || text.trim() === "") {
      throw this.mistake(node, `${what} must be a string that is not empty`);
    }
    return text;
  }
}
