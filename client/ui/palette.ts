/**
 * Attributes of the full view's own text, with and without colours.
 *
 * @module
 */

/** SGR parameters by purpose; empty: the terminal's default. */
export interface Palette {
  readonly good: string;
  readonly bad: string;
  readonly busy: string;
  readonly warning: string;
  readonly faint: string;
  readonly strong: string;
  readonly chosen: string;
}

/** Attributes with colours. */
export const COLORFUL: Palette = {
  good: "32",
  bad: "31",
  busy: "36",
  warning: "33",
  faint: "90",
  strong: "1",
  chosen: "7",
};

/** Attributes for `NO_COLOR`: no colours, but the chosen task stays visible. */
export const PLAIN: Palette = {
  good: "",
  bad: "1",
  busy: "",
  warning: "",
  faint: "",
  strong: "1",
  chosen: "7",
};
