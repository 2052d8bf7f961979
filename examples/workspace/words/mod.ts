/** Returns the number of words in `words.txt`. */
export function countWords(): number {
  return Deno.readTextFileSync(new URL("./words.txt", import.meta.url)).trim().split("\n").length;
}

if (import.meta.main) await Deno.stdout.write(new TextEncoder().encode(`${countWords()} words\n`));
