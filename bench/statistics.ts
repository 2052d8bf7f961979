/**
 * Numbers about numbers.
 *
 * @module
 */

/** The value in the middle; of an even count, the lower one. */
export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

/** The value that a share of all does not exceed. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) * share)] ?? NaN;
}

/** `16.2 [15.8-17.1]`: the median, the least and the most. */
export function spread(values: readonly number[]): string {
  if (values.length === 0) return "-";
  const text = (value: number): string => value < 100 ? value.toFixed(1) : value.toFixed(0);
  return `${text(median(values))} [${text(Math.min(...values))}-${text(Math.max(...values))}]`;
}
