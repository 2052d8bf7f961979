const [first, second] = Deno.args;
const isCount = first === "--count";
const text = await Deno.readTextFile((isCount ? second : first) ?? "words.txt");
const words = text.trim().split("\n").sort();
const lines = isCount ? [`${words.length} words`] : words;
await Deno.stdout.write(new TextEncoder().encode(lines.map((line) => `${line}\n`).join("")));
