/** Worker that edits a project at random moments, in parallel with the thread of the cooker. */

/** A request to the worker. */
export interface EditRequest {
  readonly root: string;
  /** The number of edits. */
  readonly edits: number;
  readonly seed: number;
}

declare const self: {
  onmessage: (event: MessageEvent<EditRequest>) => void;
  postMessage(message: string): void;
};

const pause = new Int32Array(new SharedArrayBuffer(4));

self.onmessage = ({ data: { root, edits, seed } }): void => {
  let state = seed;
  const random = (limit: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return (state >> 8) % limit;
  };
  for (let edit = 0; edit < edits; edit++) {
    Atomics.wait(pause, 0, 0, random(6));
    const path = `${root}/src/${random(3)}.txt`;
    const kind = random(8);
    // There are few texts, all of one length, so that contents recur and sizes do not change.
    if (kind < 6) Deno.writeTextFileSync(path, `${random(3)}\n`);
    else if (kind === 6) attempt(() => Deno.removeSync(path));
    else replace(path, `${random(3)}\n`);
  }
  // At least one input must exist.
  Deno.writeTextFileSync(`${root}/src/0.txt`, `${random(3)}\n`);
  self.postMessage("done");
};

/** Replaces a file as editors do, by a rename, and with an old modification time. */
function replace(path: string, text: string): void {
  Deno.writeTextFileSync(`${path}~`, text);
  Deno.utimeSync(`${path}~`, 1, 1);
  Deno.renameSync(`${path}~`, path);
}

function attempt(work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
