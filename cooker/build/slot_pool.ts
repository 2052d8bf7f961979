/**
 * Job slots that all builds of a server share.
 *
 * A running task holds a slot. There are as many as the largest `jobs` of the builds in progress,
 * and no build holds more than its own `jobs`. Builds are served in turn, and the tasks of one build
 * by their rank.
 *
 * A task that waits for a nested build lends its slot, and takes it back without waiting. A nested
 * build gets its first slot even if another build has taken the one that was lent: that build may run
 * for ever, or wait for the task. A build that has long waited without a slot gets one, too, because
 * the others may all run dev servers. More tasks than slots may therefore run for a while.
 *
 * @module
 */

/** A slot that a running task holds until it is disposed of. */
export interface Slot extends Disposable {
  /** Lends the slot until the result is disposed of. */
  lend(): Disposable;
}

/** Parameters of a build's queue. */
interface QueueOptions {
  /** Limit of the slots that the build holds at once, at least 1. */
  readonly jobs: number;
  /** True for a nested build: it is served before others, and can always hold one slot. */
  readonly isNested: boolean;
}

/** A request that waits for a slot. */
interface Waiting {
  readonly rank: number;
  readonly granted: (slot: Slot) => void;
}

/** The slots, and the builds that use them. */
export class SlotPool {
  /** Queues in the order in which they are served. A queue that was served goes to the end. */
  #queues: SlotQueue[] = [];
  #held = 0;
  #isServing = false;
  /**
   * Builds that waited without a slot at the last call of {@linkcode SlotPool.relieve}, and the number
   * of slots that they had got by then.
   */
  #starved: ReadonlyMap<SlotQueue, number> = new Map();

  /** Number of slots that are held and not lent. */
  get held(): number {
    return this.#held;
  }

  /** Number of slots. */
  get capacity(): number {
    return Math.max(0, ...this.#queues.map(({ options }) => options.jobs));
  }

  /** Adds a build. */
  join(options: QueueOptions): SlotQueue {
    const queue: SlotQueue = new SlotQueue(options, {
      serve: () => this.#serve(),
      hold: (count) => {
        this.#held += count;
      },
      leave: () => {
        this.#queues = this.#queues.filter((each) => each !== queue);
      },
    });
    this.#queues.push(queue);
    // The build may raise the number of slots.
    this.#serve();
    return queue;
  }

  /**
   * Gives a slot to one build that has waited without any since the last call, even if none is free.
   * Called periodically. With one build a call, builds that soon get a slot anyway rarely get one
   * beyond the limit.
   */
  relieve(): void {
    const starved = this.#queues.filter((queue) => queue.isReady && queue.held === 0);
    const next = starved.find((queue) => this.#starved.get(queue) === queue.granted);
    this.#starved = new Map(starved.map((queue) => [queue, queue.granted]));
    next?.grant();
  }

  #serve(): void {
    // A granted task may request or return slots at once.
    if (this.#isServing) return;
    this.#isServing = true;
    try {
      const capacity = this.capacity;
      while (true) {
        const next = this.#next(this.#held < capacity);
        if (next === undefined) return;
        this.#queues = [...this.#queues.filter((each) => each !== next), next];
        next.grant();
      }
    } finally {
      this.#isServing = false;
    }
  }

  /** Returns the queue that gets the next slot. */
  #next(isFree: boolean): SlotQueue | undefined {
    const ready = this.#queues.filter((queue) => queue.isReady);
    const nested = ready.filter(({ options }) => options.isNested);
    return nested.find(({ held }) => held === 0) ?? (isFree ? nested[0] ?? ready[0] : undefined);
  }
}

/** Functions of the pool that its queues use. */
interface PoolAccess {
  readonly serve: () => void;
  readonly hold: (count: 1 | -1) => void;
  readonly leave: () => void;
}

/** The requests of one build. */
export class SlotQueue implements Disposable {
  readonly options: QueueOptions;
  readonly #pool: PoolAccess;
  /** Requests, sorted by rank. */
  readonly #waiting: Waiting[] = [];
  #held = 0;
  #granted = 0;

  constructor(options: QueueOptions, pool: PoolAccess) {
    this.options = options;
    this.#pool = pool;
  }

  /** True if a request waits, and the build may hold a further slot. */
  get isReady(): boolean {
    return this.#waiting.length > 0 && this.#held < this.options.jobs;
  }

  /** Number of slots that the build has got so far. */
  get granted(): number {
    return this.#granted;
  }

  /** Number of slots that the build holds. */
  get held(): number {
    return this.#held;
  }

  /** Number of requests that wait. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /**
   * Requests a slot. `granted` is called once, at once if a slot is free.
   *
   * @param rank of several requests of the build, the smallest rank is served first
   * @returns withdraws the request when it is disposed of
   */
  request(rank: number, granted: (slot: Slot) => void): Disposable {
    const entry = { rank, granted };
    this.#waiting.splice(this.#placeOf(rank), 0, entry);
    this.#pool.serve();
    return {
      [Symbol.dispose]: () => {
        const at = this.#waiting.indexOf(entry);
        if (at >= 0) this.#waiting.splice(at, 1);
      },
    };
  }

  /** Gives a slot to the first request. */
  grant(): void {
    const entry = this.#waiting.shift();
    if (entry === undefined) return;
    this.#held++;
    this.#granted++;
    this.#pool.hold(1);
    entry.granted(this.#slot());
  }

  /** Removes the build. Its requests are dropped; slots that it holds are still returned. */
  [Symbol.dispose](): void {
    this.#waiting.length = 0;
    this.#pool.leave();
    this.#pool.serve();
  }

  #slot(): Slot {
    let isHeld = true;
    let loans = 0;
    return {
      lend: () => {
        let isLent = true;
        if (loans++ === 0 && isHeld) this.#pool.hold(-1);
        this.#pool.serve();
        return {
          [Symbol.dispose]: () => {
            if (!isLent) return;
            isLent = false;
            if (--loans === 0 && isHeld) this.#pool.hold(1);
          },
        };
      },
      [Symbol.dispose]: () => {
        if (!isHeld) return;
        isHeld = false;
        this.#held--;
        if (loans === 0) this.#pool.hold(-1);
        this.#pool.serve();
      },
    };
  }

  /** Returns the place behind all requests of the same or a smaller rank. */
  #placeOf(rank: number): number {
    let low = 0;
    let high = this.#waiting.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#waiting[middle]?.rank ?? 0) <= rank) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
