/**
 * Adds to a renderer what people are told about tasks that could be declared better.
 *
 * @module
 */

import type { SimmerEvent } from "../../wire/events.ts";
import { auditText, uncachedText } from "./audit_text.ts";
import { duration, type Renderer } from "./renderer.ts";

/** Milliseconds from which on a task that is not cached is mentioned. */
const SLOW_MS = 1000;

/**
 * Returns a renderer that also reports audited tasks.
 *
 * @param mentionsSlow true if the slowest task of a build is mentioned that took long and declares no
 *   inputs
 */
export function withAdvice(renderer: Renderer, mentionsSlow: boolean): Renderer {
  const undeclared = new Map<string, string>();
  let slowest: { readonly task: string; readonly name: string; readonly ms: number } | undefined;
  const take = (event: SimmerEvent): string | undefined => {
    switch (event.type) {
      case "BuildStarted":
        undeclared.clear();
        slowest = undefined;
        return undefined;
      case "TaskStarted":
        if (event.isUndeclared === true) undeclared.set(event.task, event.name);
        return undefined;
      case "TaskSucceeded": {
        const { task, durationMs: ms } = event;
        const name = undeclared.get(task);
        const isSlow = ms >= SLOW_MS && ms > (slowest?.ms ?? 0);
        if (name !== undefined && isSlow) slowest = { task, name, ms };
        return undefined;
      }
      case "TaskAudited":
        return auditText(event);
      case "BuildCompleted":
        if (slowest === undefined || !mentionsSlow) return undefined;
        return uncachedText(slowest.task, slowest.name, duration(slowest.ms));
      default:
        return undefined;
    }
  };
  return {
    ...(renderer.live === undefined ? {} : { live: renderer.live }),
    event: (event) => {
      const text = take(event);
      const shown = renderer.event(event);
      if (text !== undefined) renderer.say(text);
      return shown;
    },
    say: (text) => renderer.say(text),
    warn: (text) => renderer.warn(text),
    finish: () => renderer.finish(),
  };
}
