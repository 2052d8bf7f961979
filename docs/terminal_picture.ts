/**
 * Draws the screen of a terminal as SVG: text as text, on a dark background in every theme.
 *
 * @module
 */

import type { Colour, Run } from "../tests/e2e/screen.ts";

/** Size of a character in pixels. */
const CELL_WIDTH = 8;
const CELL_HEIGHT = 18;
const FONT_SIZE = 13;
/** Distance of the text from the left and right edge, from the top and from the bottom. */
const MARGIN = 18;
const TOP = 42;
const BOTTOM = 16;

const FOREGROUND = "#d0d4dc";
const BACKGROUND = "#1e222a";
const BORDER = "#4b5263";

/** The first sixteen colours of the palette. */
const PALETTE = [
  ...["#3b414d", "#e06c75", "#7ec77e", "#e5c07b", "#61afef", "#c678dd", "#6cc3d5", "#d0d4dc"],
  ...["#7f8794", "#ff8790", "#9be59b", "#ffd98f", "#82c7ff", "#e09bf5", "#8fe0f0", "#ffffff"],
];
/** Levels of red, green and blue in the colours from 16 to 231. */
const LEVELS = [0, 95, 135, 175, 215, 255];

/** A screen to draw. */
interface TerminalPicture {
  /** Description for those who cannot see it. */
  readonly label: string;
  /** Number of columns of the terminal. */
  readonly columns: number;
  readonly lines: readonly (readonly Run[])[];
}

/** Returns the SVG of a screen. Its height is that of the lines. */
export function drawTerminal({ label, columns, lines }: TerminalPicture): string {
  const width = columns * CELL_WIDTH + 2 * MARGIN;
  const height = lines.length * CELL_HEIGHT + TOP + BOTTOM;
  const buttons = ["#e06c75", "#e5c07b", "#7ec77e"].map((colour, index) =>
    `<circle cx="${22 + 20 * index}" cy="20" r="6" fill="${colour}"/>`
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" ` +
    `viewBox="0 0 ${width} ${height}" role="img" aria-label="${escaped(label)}" ` +
    `font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" ` +
    `font-size="${FONT_SIZE}" fill="${FOREGROUND}">`,
    `<rect x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="8" ` +
    `fill="${BACKGROUND}" stroke="${BORDER}"/>`,
    buttons.join(""),
    ...lines.flatMap((runs, row) => drawLine(runs, row)),
    "</svg>\n",
  ].join("\n");
}

function drawLine(runs: readonly Run[], row: number): string[] {
  const y = TOP + row * CELL_HEIGHT;
  return runs.flatMap((run) => {
    const { foreground, background } = coloursOf(run);
    const x = MARGIN + run.column * CELL_WIDTH;
    const width = run.columns * CELL_WIDTH;
    const box = background === undefined
      ? []
      : [`<rect x="${x}" y="${y}" width="${width}" height="${CELL_HEIGHT}" fill="${background}"/>`];
    if (run.text.trim() === "" || run.attributes.includes("invisible")) return box;
    return [
      ...box,
      // The length keeps columns aligned in every font.
      `<text xml:space="preserve" x="${x}" y="${y + FONT_SIZE}" textLength="${width}" ` +
      `lengthAdjust="spacingAndGlyphs"${attributesOf(run, foreground)}>${escaped(run.text)}</text>`,
    ];
  });
}

function coloursOf(
  { foreground, background, attributes }: Run,
): { readonly foreground: string; readonly background: string | undefined } {
  const front = hexOf(foreground) ?? FOREGROUND;
  const back = hexOf(background);
  return attributes.includes("inverse")
    ? { foreground: back ?? BACKGROUND, background: front }
    : { foreground: front, background: back };
}

function attributesOf({ attributes }: Run, foreground: string): string {
  const decorations = [
    ...(attributes.includes("underline") ? ["underline"] : []),
    ...(attributes.includes("strikethrough") ? ["line-through"] : []),
  ];
  return [
    foreground === FOREGROUND ? "" : ` fill="${foreground}"`,
    attributes.includes("bold") ? ' font-weight="bold"' : "",
    attributes.includes("dim") ? ' opacity="0.65"' : "",
    attributes.includes("italic") ? ' font-style="italic"' : "",
    decorations.length === 0 ? "" : ` text-decoration="${decorations.join(" ")}"`,
  ].join("");
}

function hexOf(colour: Colour | undefined): string | undefined {
  if (colour === undefined) return undefined;
  if ("rgb" in colour) {
    return hex((colour.rgb >> 16) & 255, (colour.rgb >> 8) & 255, colour.rgb & 255);
  }
  const { index } = colour;
  const named = PALETTE[index];
  if (named !== undefined) return named;
  if (index >= 232) {
    const grey = 8 + (index - 232) * 10;
    return hex(grey, grey, grey);
  }
  const level = (step: number): number => LEVELS[Math.floor((index - 16) / step) % 6] ?? 0;
  return hex(level(36), level(6), level(1));
}

function hex(...parts: readonly number[]): string {
  return `#${parts.map((part) => part.toString(16).padStart(2, "0")).join("")}`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
