/**
 * Programs that watch files, and handle keys meanwhile.
 *
 * @module
 */

import { after, NUMBERS, type Program } from "./program.ts";

/** The durations and times of day that watchers print. */
const TIMES: Program["varying"] = [
  [/Duration[^]*?\)/g, "DURATION"],
  NUMBERS,
  [/N ?m?s\b/g, "TIME"],
  [/N:N:N( [AP]M)?/g, "CLOCK"],
];

const SPEC = `import { expect, test } from "vitest";
test("adds", () => expect(1 + 1).toBe(2));
`;

/** Watchers. */
export const WATCHERS: Readonly<Record<string, Program>> = {
  "vitest": {
    command: "vitest --config vitest.config.js",
    isPackage: true,
    folder: "vitest",
    files: {
      "package.json": '{ "type": "module" }',
      "vitest.config.js":
        'export default { cacheDir: "./cache", test: { include: ["*.spec.js"] } };',
      "adds.spec.js": SPEC,
    },
    steps: [
      after("press h to show help", "h"),
      after("press q to quit", "a"),
      after(/RERUN[^]*press h/, "q"),
    ],
    varying: TIMES,
  },
  "vite": {
    command: "vite --port 0 --config vite.config.js",
    isPackage: true,
    folder: "vite",
    files: {
      "package.json": '{ "type": "module" }',
      "vite.config.js": 'export default { cacheDir: "./cache" };',
      "index.html": "<p>page</p>",
    },
    steps: [after("press h + enter", "h\r"), after("press q + enter", "q\r")],
    varying: TIMES,
  },
  "tsc --watch": {
    command: "tsc --watch --noEmit",
    isPackage: true,
    folder: "tsc",
    files: { "tsconfig.json": '{ "files": ["a.ts"] }', "a.ts": "export const a: number = 'x';\n" },
    steps: [after("Watching for file changes", "\x03")],
    varying: TIMES,
  },
};
