/**
 * Asks git which files differ from a revision, for `--affected` and for filters such as `[main]`.
 *
 * @module
 */

import { ClientError, EXIT } from "../errors.ts";
import { type ProgramEnd, runProgram } from "../../system/process/tool.ts";
import { readTextIfPresent } from "../../system/files/files.ts";
import { nearestName } from "./nearest.ts";

/** Surroundings in which git runs. */
interface GitPlace {
  /** The client's folder, absolute. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

/** The files that differ from a revision. */
export interface ChangedFiles {
  /** The revision that they are compared with, for messages. */
  readonly base: string;
  /** Absolute, including deleted and untracked files. */
  readonly files: readonly string[];
}

/** Advice for clones that lack the history that is needed. */
const UNSHALLOW =
  "the clone is shallow: run 'git fetch --unshallow' first, or in CI check out the " +
  "whole history (fetch-depth: 0)";

/** Compares the working tree of one repository with its revisions. */
export class GitChanges {
  readonly #place: GitPlace;
  readonly #root: string;

  private constructor(place: GitPlace, root: string) {
    this.#place = place;
    this.#root = root;
  }

  /**
   * Finds the repository of a folder.
   *
   * @param purpose the option that needs it, for messages
   * @throws {ClientError} if there is none, or git is not installed
   */
  static async open(place: GitPlace, purpose: string): Promise<GitChanges> {
    const end = await git(place, purpose, ["rev-parse", "--show-toplevel"]);
    const root = end.stdout.replace(/\n$/, "");
    if (end.code !== 0 || root === "") {
      const reason = end.stderr.trim().split("\n")[0]?.replace(/^fatal: /, "") ?? "";
      throw failure(`${purpose} needs a git repository: ${reason || `${place.cwd} is in none`}`);
    }
    return new GitChanges(place, root);
  }

  /**
   * Returns the files that differ between a revision and the working tree, or between the merge base
   * of `A...B` and `B`.
   *
   * @throws {ClientError} if git does not know the revision
   */
  async since(revision: string): Promise<ChangedFiles> {
    const range = /^(.+?)\.\.\.?(.+)$/.exec(revision);
    if (range === null) {
      const commit = await this.#commit(revision, `[${revision}]`);
      return { base: revision, files: await this.#comparedWith(commit) };
    }
    const [, from = "", to = ""] = range;
    const purpose = `[${revision}]`;
    const [start, end] = [await this.#commit(from, purpose), await this.#commit(to, purpose)];
    const base = await this.#mergeBase(start, end, from, purpose);
    return { base: from, files: await this.#list(["diff", ...DIFF, base, end, "--"]) };
  }

  /**
   * Returns the files that differ between the working tree and the merge base of `HEAD` and a
   * revision.
   *
   * @param revision default: the base of a pull request in CI, else the default branch of `origin`,
   *   else `main` or `master`
   * @throws {ClientError} if git does not know the revision, or there is no merge base
   */
  async affected(revision: string | undefined): Promise<ChangedFiles> {
    const purpose = "--affected";
    const base = revision ?? await this.#defaultBase();
    const commit = await this.#commit(base, purpose);
    const head = await this.#commit("HEAD", purpose);
    const merged = await this.#mergeBase(commit, head, base, purpose);
    return { base, files: await this.#comparedWith(merged) };
  }

  /** Returns the files that differ from a commit, those that git does not know included. */
  async #comparedWith(commit: string): Promise<string[]> {
    const [changed, untracked] = await Promise.all([
      this.#list(["diff", ...DIFF, commit, "--"]),
      this.#list(["ls-files", "--others", "--exclude-standard", "-z"]),
    ]);
    return [...new Set([...changed, ...untracked])].sort();
  }

  async #list(args: readonly string[]): Promise<string[]> {
    const { code, stdout, stderr } = await this.#git(args);
    if (code !== 0) throw failure(`git ${args[0]} failed: ${stderr.trim()}`);
    return stdout.split("\0").filter((path) => path !== "").map((path) => `${this.#root}/${path}`);
  }

  async #commit(revision: string, purpose: string): Promise<string> {
    const found = await this.#find(revision);
    if (found !== undefined) return found;
    if (revision === "HEAD") throw failure(`${purpose}: the repository has no commit yet`);
    if (await this.#isShallow()) {
      throw failure(`${purpose}: git does not know the revision '${revision}': ${UNSHALLOW}`);
    }
    const { stdout } = await this.#git(["for-each-ref", "--format=%(refname:short)"]);
    const similar = nearestName(revision, stdout.split("\n").filter((name) => name !== ""));
    const advice = similar === undefined ? "" : `; did you mean '${similar}'?`;
    throw failure(`${purpose}: git does not know the revision '${revision}'${advice}`);
  }

  async #find(revision: string): Promise<string | undefined> {
    const { code, stdout } = await this.#git([
      "rev-parse",
      "--verify",
      "--quiet",
      "--end-of-options",
      `${revision}^{commit}`,
    ]);
    return code === 0 ? stdout.trim() : undefined;
  }

  async #mergeBase(from: string, to: string, name: string, purpose: string): Promise<string> {
    const { code, stdout } = await this.#git(["merge-base", from, to]);
    if (code === 0) return stdout.trim();
    const why = await this.#isShallow() ? UNSHALLOW : "they have no common history";
    throw failure(`${purpose}: no merge base with '${name}' is known: ${why}`);
  }

  async #isShallow(): Promise<boolean> {
    return (await this.#git(["rev-parse", "--is-shallow-repository"])).stdout.trim() === "true";
  }

  /** Chooses the base as other tools do: that of the pull request, or the default branch. */
  async #defaultBase(): Promise<string> {
    const { env } = this.#place;
    const head = await this.#git([
      "symbolic-ref",
      "--quiet",
      "--short",
      "refs/remotes/origin/HEAD",
    ]);
    const requested = env.GITHUB_BASE_REF ?? "";
    const candidates = requested !== "" ? [`origin/${requested}`, requested] : [
      env.CI_MERGE_REQUEST_DIFF_BASE_SHA ?? "",
      pushedFrom(env),
      head.stdout.trim(),
      "origin/main",
      "main",
      "origin/master",
      "master",
    ];
    for (const each of candidates) {
      if (each !== "" && await this.#find(each) !== undefined) return each;
    }
    if (requested !== "") return `origin/${requested}`;
    const shallow = await this.#isShallow() ? `: ${UNSHALLOW}` : ": name one with --affected=REF";
    throw failure(`--affected: no branch to compare with was found${shallow}`);
  }

  #git(args: readonly string[]): Promise<ProgramEnd> {
    return git({ ...this.#place, cwd: this.#root }, "--affected", args);
  }
}

/** Options of `git diff`: paths from the root of the repository, both names of a renamed file. */
const DIFF = ["--name-only", "--no-renames", "--no-ext-diff", "-z"];

/** Returns the commit before a push, which GitHub's event describes. Empty if there is none. */
function pushedFrom({ GITHUB_EVENT_PATH: path = "" }: GitPlace["env"]): string {
  const text = path === "" ? undefined : readTextIfPresent(path);
  const before = text === undefined ? undefined : /"before"\s*:\s*"([0-9a-f]{40,64})"/.exec(text);
  return before?.[1] ?? "";
}

async function git(
  { cwd, env }: GitPlace,
  purpose: string,
  args: readonly string[],
): Promise<ProgramEnd> {
  const end = await runProgram("git", args, {
    cwd,
    // Git may not ask for a password, and may not take locks for what only reads.
    env: { ...env, GIT_TERMINAL_PROMPT: "0", GIT_OPTIONAL_LOCKS: "0" },
  });
  if (end === undefined) throw failure(`${purpose} needs git, which is not installed`);
  return end;
}

function failure(message: string): ClientError {
  return new ClientError(EXIT.usage, message);
}
