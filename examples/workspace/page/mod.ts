import { countWords } from "@example/words";

const page = `<p>There are ${countWords()} words.</p>\n`;
await Deno.stdout.write(new TextEncoder().encode(page));
