import { assertEquals } from "@std/assert";
import { journalEvents, taskOutputs } from "../../../client/ui/journal.ts";

const BUILD = "b";

function output(task: string, text: string, seq: number): string {
  return `${
    JSON.stringify({ type: "TaskOutput", build: BUILD, task, stream: "stdout", text, seq, time: 1 })
  }\n`;
}

function event(type: string, task: string, seq: number): string {
  return `${JSON.stringify({ type, build: BUILD, task, seq, time: 1 })}\n`;
}

async function withJournal(content: string, work: (path: string) => Promise<void>): Promise<void> {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(path, content);
    await work(path);
  } finally {
    await Deno.remove(path);
  }
}

function text({ pieces }: { readonly pieces: readonly Uint8Array[] }): string {
  return pieces.map((piece) => new TextDecoder().decode(piece)).join("");
}

Deno.test("journalEvents reads what has come since the last call, and no incomplete line", async () => {
  const first = event("TaskStarted", "a", 1) + output("a", "x\n", 2);
  await withJournal(`${first}{"type":"Task`, async (path) => {
    const read = await journalEvents(path, 0);
    assertEquals(read.events.map(({ type }) => type), ["TaskStarted"]);
    assertEquals([read.lastSeq, read.end], [2, new TextEncoder().encode(first).length]);
    await Deno.writeTextFile(path, first + event("TaskSucceeded", "a", 3));
    const more = await journalEvents(path, read.end);
    assertEquals(more.events.map(({ type }) => type), ["TaskSucceeded"]);
    assertEquals(more.lastSeq, 3);
  });
});

Deno.test("taskOutputs returns the last output of one task, from the end of a long journal", async () => {
  const long = "z".repeat(3000);
  let content = "";
  let expected = "";
  for (let seq = 1; seq <= 3000; seq++) {
    const isOurs = seq % 100 === 0;
    if (isOurs) expected += `${seq}\n`;
    content += output(isOurs ? "ours" : "other", isOurs ? `${seq}\n` : long, seq);
  }
  await withJournal(content + event("TaskSucceeded", "ours", 3001), async (path) => {
    const choice = { build: BUILD, task: "ours", after: 0, most: 1e6 };
    const all = await taskOutputs(path, choice);
    assertEquals(text(all), expected);
    assertEquals([all.lastSeq, all.isCut], [3001, false]);
    const later = await taskOutputs(path, { ...choice, after: 2800 });
    assertEquals(text(later), "2900\n3000\n");
    const cut = await taskOutputs(path, { ...choice, most: 8 });
    assertEquals([text(cut), cut.isCut], ["2900\n3000\n", true]);
  });
});

Deno.test("a damaged line and a missing journal have no events", async () => {
  await withJournal(`not JSON\n${output("a", "x", 1)}`, async (path) => {
    assertEquals((await journalEvents(path, 0)).events, []);
    const choice = { build: BUILD, task: "a", after: 0, most: 100 };
    assertEquals(text(await taskOutputs(path, choice)), "x");
    assertEquals((await taskOutputs(`${path}.missing`, choice)).pieces, []);
  });
});
