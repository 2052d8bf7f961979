/**
 * Equal projects for every tool: the same tasks, inputs, commands and dependencies.
 *
 * @module
 */

/** How tasks depend on each other. */
export type Shape = "chain" | "tree" | "wide" | "random";

/** What tasks do: by the shell alone, or by one program each. */
export type Work = "builtins" | "process";

/** A project. */
export interface ProjectSpec {
  readonly shape: Shape;
  readonly tasks: number;
  readonly work: Work;
}

/** A task of one. */
export interface BenchTask {
  readonly name: string;
  /** Its folder, below the root: inputs in `src`, the output is `out.txt`. */
  readonly folder: string;
  readonly command: string;
  /** Indices of the tasks that it waits for. */
  readonly dependencies: readonly number[];
}

/** Input files of each task. */
export const INPUTS = 20;

/** The tasks; the first one needs all others, directly or not, and nothing needs it. */
export function tasksOf({ shape, tasks, work }: ProjectSpec): BenchTask[] {
  return Array.from({ length: tasks }, (_, index) => {
    const folder = `p${index}`;
    return {
      name: `t${index}`,
      folder,
      command: work === "builtins"
        ? `cat ${folder}/src/*.txt > ${folder}/out.txt`
        : `/bin/cp ${folder}/src/0.txt ${folder}/out.txt`,
      dependencies: dependenciesOf(shape, index, tasks),
    };
  });
}

function dependenciesOf(shape: Shape, index: number, count: number): number[] {
  const isThere = (other: number): boolean => other < count;
  switch (shape) {
    case "chain":
      return [index + 1].filter(isThere);
    case "tree":
      return [2 * index + 1, 2 * index + 2].filter(isThere);
    case "wide":
      return index === 0 ? Array.from({ length: count - 1 }, (_, other) => other + 1) : [];
    case "random": {
      // Each task but the first is needed by one before it, so that the first needs all.
      const own = Array.from({ length: count - 1 }, (_, other) => other + 1)
        .filter((other) => parentOf(other) === index);
      return own;
    }
  }
}

/** The same for every tool and every run. */
function parentOf(index: number): number {
  return Math.floor((((index * 2654435761) % 4294967296) / 4294967296) * index);
}

/** Writes the inputs of a project below a folder. */
export async function writeInputs(root: string, tasks: readonly BenchTask[]): Promise<void> {
  for (const { folder } of tasks) {
    await Deno.mkdir(`${root}/${folder}/src`, { recursive: true });
    await Promise.all(
      Array.from(
        { length: INPUTS },
        (_, file) => Deno.writeTextFile(`${root}/${folder}/src/${file}.txt`, `${folder} ${file}\n`),
      ),
    );
  }
}

/** What tells a written output from the one before: of every task, in order. */
export function outputStamps(root: string, tasks: readonly BenchTask[]): string[] {
  return tasks.map(({ folder }) => {
    try {
      const { ino, mtime, ctime } = Deno.statSync(`${root}/${folder}/out.txt`);
      return `${ino} ${mtime?.getTime()} ${ctime?.getTime()}`;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return "none";
      throw error;
    }
  });
}
