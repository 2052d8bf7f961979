/**
 * Statistics of measured times.
 *
 * @module
 */

/** Returns the median. Of an even number of values, it is the lower middle one. */
export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

/** Returns the value that a share of all values does not exceed. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) * share)] ?? NaN;
}

/** Formats values as `16.2 [15.8-17.1]`: median, minimum and maximum. */
export function spread(values: readonly number[]): string {
  if (values.length === 0) return "-";
  const text = (value: number): string => value < 100 ? value.toFixed(1) : value.toFixed(0);
  return `${text(median(values))} [${text(Math.min(...values))}-${text(Math.max(...values))}]`;
}
