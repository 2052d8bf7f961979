import { assertEquals } from "@std/assert";
import { type Slot, SlotPool, type SlotQueue } from "../../../cooker/build/slot_pool.ts";

/** Requests slots by name, and records the order in which they are granted. */
class Asker {
  readonly granted: string[] = [];
  readonly #slots = new Map<string, Slot>();

  ask(queue: SlotQueue, name: string, rank = 0): Disposable {
    return queue.request(rank, (slot) => {
      this.granted.push(name);
      this.#slots.set(name, slot);
    });
  }

  slot(name: string): Slot {
    const slot = this.#slots.get(name);
    if (slot === undefined) throw new Error(`${name} has no slot`);
    return slot;
  }

  giveBack(name: string): void {
    this.slot(name)[Symbol.dispose]();
  }
}

Deno.test("SlotPool has as many slots as the largest build, and serves builds in turn", () => {
  const pool = new SlotPool();
  const asker = new Asker();
  const one = pool.join({ jobs: 2, isNested: false });
  const other = pool.join({ jobs: 1, isNested: false });
  for (const name of ["a", "b", "c", "d"]) asker.ask(one, name);
  for (const name of ["x", "y"]) asker.ask(other, name);
  assertEquals([asker.granted, pool.capacity, pool.held], [["a", "b"], 2, 2]);
  asker.giveBack("a");
  asker.giveBack("b");
  assertEquals(asker.granted, ["a", "b", "x", "c"]);
  asker.giveBack("c");
  assertEquals(asker.granted.at(-1), "d", "a build never has more than its own jobs");
  asker.giveBack("d");
  asker.giveBack("x");
  assertEquals([asker.granted.at(-1), pool.held], ["y", 1]);
});

Deno.test("SlotPool serves the requests of a build by their rank", () => {
  const pool = new SlotPool();
  const asker = new Asker();
  const queue = pool.join({ jobs: 1, isNested: false });
  asker.ask(queue, "first");
  for (const [name, rank] of [["late", 9], ["soon", 1], ["next", 5]] as const) {
    asker.ask(queue, name, rank);
  }
  asker.giveBack("first");
  asker.giveBack("soon");
  asker.giveBack("next");
  assertEquals(asker.granted, ["first", "soon", "next", "late"]);
});

Deno.test("SlotPool serves a waiting build when another build raises the number of slots", () => {
  const pool = new SlotPool();
  const asker = new Asker();
  asker.ask(pool.join({ jobs: 1, isNested: false }), "a");
  asker.ask(pool.join({ jobs: 1, isNested: false }), "b");
  assertEquals(asker.granted, ["a"]);
  pool.join({ jobs: 2, isNested: false });
  assertEquals(asker.granted, ["a", "b"]);
});

Deno.test("SlotPool forgets a withdrawn request, and the requests of a build that has left", () => {
  const pool = new SlotPool();
  const asker = new Asker();
  const queue = pool.join({ jobs: 1, isNested: false });
  const gone = pool.join({ jobs: 1, isNested: false });
  asker.ask(queue, "first");
  asker.ask(queue, "withdrawn")[Symbol.dispose]();
  asker.ask(gone, "left");
  gone[Symbol.dispose]();
  asker.ask(queue, "last");
  asker.giveBack("first");
  assertEquals(asker.granted, ["first", "last"]);
});

Deno.test("SlotPool takes a lent slot back without waiting", () => {
  const pool = new SlotPool();
  const asker = new Asker();
  const outer = pool.join({ jobs: 1, isNested: false });
  const nested = pool.join({ jobs: 1, isNested: true });
  asker.ask(outer, "outer");
  const loan = asker.slot("outer").lend();
  asker.ask(nested, "nested");
  assertEquals([asker.granted, pool.held], [["outer", "nested"], 1]);
  asker.ask(pool.join({ jobs: 1, isNested: false }), "other");
  loan[Symbol.dispose]();
  loan[Symbol.dispose]();
  assertEquals(pool.held, 2, "one more than there are, for a moment");
  asker.giveBack("nested");
  asker.giveBack("outer");
  assertEquals([asker.granted.at(-1), pool.held], ["other", 1]);
});

Deno.test("SlotPool serves nested builds first, and gives them one slot even if none is free", () => {
  const pool = new SlotPool();
  const asker = new Asker();
  asker.ask(pool.join({ jobs: 1, isNested: false }), "outer");
  const other = pool.join({ jobs: 1, isNested: false });
  for (const name of ["other", "another"]) asker.ask(other, name);
  const nested = pool.join({ jobs: 2, isNested: true });
  asker.slot("outer").lend();
  assertEquals([asker.granted, pool.held], [["outer", "other"], 1]);
  for (const name of ["x", "y"]) asker.ask(nested, name);
  assertEquals([asker.granted.at(-1), pool.held], ["x", 2]);
  asker.giveBack("other");
  assertEquals([asker.granted.at(-1), pool.held], ["y", 2]);
});

Deno.test("SlotPool relieves one build at a time that has waited without a slot since the last call", () => {
  const pool = new SlotPool();
  const asker = new Asker();
  for (const name of ["dev", "other", "third"]) {
    asker.ask(pool.join({ jobs: 1, isNested: false }), name);
  }
  pool.relieve();
  assertEquals(asker.granted, ["dev"]);
  pool.relieve();
  assertEquals(asker.granted, ["dev", "other"]);
  pool.relieve();
  pool.relieve();
  assertEquals([asker.granted, pool.held], [["dev", "other", "third"], 3]);
  for (const name of asker.granted) asker.giveBack(name);
  assertEquals(pool.held, 0);
});

Deno.test("SlotPool does not relieve a build that gets slots now and then", () => {
  const pool = new SlotPool();
  const asker = new Asker();
  const [one, other] = [1, 2].map(() => pool.join({ jobs: 1, isNested: false }));
  if (one === undefined || other === undefined) throw new Error("there are two");
  asker.ask(one, "a");
  asker.ask(other, "x");
  pool.relieve();
  asker.ask(one, "b");
  asker.giveBack("a");
  asker.ask(other, "y");
  asker.giveBack("x");
  pool.relieve();
  assertEquals([asker.granted, pool.held], [["a", "x", "b"], 1]);
});

Deno.test("SlotPool counts a slot once that is lent twice, or given back while it is lent", () => {
  const pool = new SlotPool();
  const asker = new Asker();
  const queue = pool.join({ jobs: 1, isNested: false });
  asker.ask(queue, "a");
  const [first, second] = [asker.slot("a").lend(), asker.slot("a").lend()];
  assertEquals(pool.held, 0);
  first[Symbol.dispose]();
  assertEquals(pool.held, 0);
  asker.giveBack("a");
  second[Symbol.dispose]();
  assertEquals(pool.held, 0);
});
