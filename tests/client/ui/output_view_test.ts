import { assert, assertEquals } from "@std/assert";
import { Emulator } from "../../../client/ui/emulator.ts";
import { OutputView } from "../../../client/ui/output_view.ts";

/** A view of some output. */
class Rig implements Disposable {
  readonly emulator: Emulator;
  readonly view: OutputView;
  readonly answers: string[] = [];

  constructor({ columns = 40, width = 20, height = 4, isRaw = true, isPlain = false } = {}) {
    const answer = (text: string): void => void this.answers.push(text);
    this.emulator = new Emulator({ columns, rows: 24, isRaw, isPlain, answer });
    this.view = new OutputView(this.emulator);
    this.view.resize({ width, height });
  }

  async write(text: string): Promise<void> {
    this.emulator.write(new TextEncoder().encode(text), () => {});
    await this.emulator.settled();
  }

  get text(): string[] {
    return this.view.rows().map((spans) => spans.map(({ text }) => text).join(""));
  }

  [Symbol.dispose](): void {
    this.emulator[Symbol.dispose]();
  }
}

function numbers(from: number, to: number): string {
  return Array.from({ length: to - from + 1 }, (_, at) => `${from + at}\n`).join("");
}

Deno.test("OutputView follows the end, and stays where the person has scrolled to", async () => {
  using rig = new Rig();
  await rig.write(numbers(1, 50));
  assertEquals(rig.text, ["47", "48", "49", "50"]);
  rig.view.scroll(-10);
  assertEquals(rig.text, ["37", "38", "39", "40"]);
  await rig.write(numbers(51, 60));
  assertEquals(rig.text, ["37", "38", "39", "40"]);
  rig.view.page(1);
  assertEquals(rig.text, ["40", "41", "42", "43"]);
  rig.view.scroll(100);
  assertEquals(rig.view.isFollowing, true);
  await rig.write("61\n");
  assertEquals(rig.text.at(-1), "61");
  rig.view.home();
  assertEquals(rig.text[0], "1");
  rig.view.follow(true);
  assertEquals(rig.text.at(-1), "61");
});

Deno.test("OutputView wraps long lines at its width, and joins what the terminal has wrapped", async () => {
  using rig = new Rig({ columns: 30, width: 10 });
  await rig.write(`${"a".repeat(10)}${"b".repeat(10)}${"c".repeat(15)}\nend\n`);
  assertEquals(rig.text, ["bbbbbbbbbb", "cccccccccc", "ccccc", "end"]);
  rig.view.home();
  assertEquals(rig.text[0], "aaaaaaaaaa");
  assertEquals(rig.view.all(), `${"a".repeat(10)}${"b".repeat(10)}${"c".repeat(15)}\nend\n`);
});

Deno.test("OutputView splits a very long line, so that no picture takes long", async () => {
  using rig = new Rig({ columns: 20, width: 20 });
  await rig.write("x".repeat(20 * 250) + "\n");
  const { start, end } = rig.emulator.lineAt(120);
  assertEquals([start, end], [100, 200]);
  rig.view.scroll(-246);
  assertEquals(rig.view.rows().length, 4);
  assertEquals(rig.emulator.lineAt(0), { start: 0, end: 100 });
});

Deno.test("OutputView finds the last match first when it follows, and goes round at the ends", async () => {
  using rig = new Rig();
  await rig.write(`${numbers(1, 30)}Error one\n${numbers(31, 60)}error two\n${numbers(61, 90)}`);
  assertEquals(rig.view.search("error"), true);
  assert(rig.text.includes("error two"), rig.text.join("|"));
  assertEquals(rig.view.searchNext(-1), true);
  assert(rig.text.includes("Error one"));
  assertEquals(rig.view.searchNext(-1), true);
  assert(rig.text.includes("error two"));
  assertEquals(rig.view.search("Error"), true);
  assert(rig.text.includes("Error one"));
  assertEquals(rig.view.search("nothing"), false);
  assertEquals(rig.view.searchNext(1), false);
});

Deno.test("OutputView marks matches, also behind wide characters", async () => {
  using rig = new Rig();
  await rig.write("日本 word 🚀 word\n");
  rig.view.search("word");
  const [spans = []] = rig.view.rows();
  assertEquals(spans.filter(({ sgr }) => sgr !== "").map(({ text }) => text), ["word", "word"]);
});

Deno.test("OutputView copies the visible lines, or the selected ones, without colours and frames", async () => {
  using rig = new Rig();
  await rig.write(`${numbers(1, 20)}\x1b[31mred\x1b[0m \n`);
  assertEquals(rig.view.copied(), "18\n19\n20\nred\n");
  rig.view.select();
  rig.view.extend(-5);
  assertEquals(rig.view.copied(), "16\n17\n18\n19\n20\nred\n");
  assertEquals(rig.text[0], "16");
  rig.view.deselect();
  assertEquals(rig.view.isSelecting, false);
});

Deno.test("Emulator keeps colours and attributes, and drops colours if they are not wanted", async () => {
  const output = "\x1b[1;31mred\x1b[0m \x1b[38;5;200mpink\x1b[0m \x1b[48;2;1;2;3mrgb\x1b[0m\n";
  const sgrs = async (isPlain: boolean): Promise<string[]> => {
    using rig = new Rig({ isPlain });
    await rig.write(output);
    const [spans = []] = rig.view.rows();
    return spans.flatMap(({ sgr }) => sgr === "" || sgr === undefined ? [] : [sgr]);
  };
  assertEquals(await sgrs(false), ["1;31", "38;5;200", "48;2;1;2;3"]);
  assertEquals(await sgrs(true), ["1"]);
});

Deno.test("Emulator shows the alternate screen around the cursor, and answers questions", async () => {
  using rig = new Rig({ columns: 60, isRaw: false });
  await rig.write("before\r\n\x1b[?1049h\x1b[H");
  assertEquals(rig.emulator.isAlternate, true);
  await rig.write("\x1b[20;50Hx");
  assertEquals(rig.view.cursor(), { x: 19, y: 3 });
  assertEquals(rig.text.at(-1)?.trimEnd().at(-1), "x");
  await rig.write("\x1b[6n\x1b[?1h\x1b[?2004h");
  assertEquals(rig.answers, ["\x1b[20;51R"]);
  assertEquals(rig.emulator.keyModes, {
    applicationCursor: true,
    applicationKeypad: false,
    bracketedPaste: true,
  });
  await rig.write("\x1b[?1049l");
  assertEquals(rig.text[0], "before");
});

Deno.test("OutputView places the cursor behind a prompt, also in a wrapped line", async () => {
  using rig = new Rig({ columns: 40, width: 10, isRaw: false });
  await rig.write("one\r\nname: ");
  assertEquals(rig.view.cursor(), { x: 6, y: 1 });
  await rig.write("a long answer");
  assertEquals(rig.view.cursor(), { x: 9, y: 2 });
});

Deno.test("Emulator's memory is bounded, and a place in dropped lines becomes the beginning", async () => {
  using rig = new Rig();
  await rig.write(numbers(1, 100));
  rig.view.home();
  await rig.write(numbers(101, 15_000));
  assert(rig.emulator.rowCount <= 10_024);
  assertEquals(rig.text.length, 4);
  assert(Number(rig.text[0]) > 4000, rig.text[0]);
});
