/**
 * Generates equal projects for every tool: the same tasks, inputs, commands and dependencies.
 *
 * @module
 */

/** Shape of the dependency graph. */
export type Shape = "chain" | "tree" | "wide" | "random";

/** Work of a task: shell builtins only, or one program. */
export type Work = "builtins" | "process";

export interface ProjectSpec {
  readonly shape: Shape;
  readonly tasks: number;
  readonly work: Work;
}

/** A task of a generated project. */
export interface BenchTask {
  readonly name: string;
  /** Folder of the task, below the root. Inputs are in `src`; the output is `out.txt`. */
  readonly folder: string;
  readonly command: string;
  /** Indices of the tasks that it depends on. */
  readonly dependencies: readonly number[];
}

/** Number of input files of each task. */
export const INPUTS = 20;

/** Returns the tasks. The first one depends on all others, directly or indirectly. */
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
      // Each task except the first is a dependency of one task before it. So the first one depends
      // on all others.
      const own = Array.from({ length: count - 1 }, (_, other) => other + 1)
        .filter((other) => parentOf(other) === index);
      return own;
    }
  }
}

/** Returns the task that depends on a task, the same for every tool and every run. */
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

/** Returns a stamp of each task's output, in order. It changes when the output is written. */
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
