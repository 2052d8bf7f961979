import { assertEquals, assertThrows } from "@std/assert";
import { ProjectConfig } from "../../cooker/config/project.ts";
import { findProject, requireProject } from "../../project/root.ts";
import { ensureState, StateError, statePaths } from "../../project/state.ts";
import { projectErrorData, WireError } from "../../wire/errors.ts";

async function inProject(
  files: Record<string, unknown>,
  test: (root: string) => Promise<void> | void,
): Promise<void> {
  const root = await Deno.realPath(await Deno.makeTempDir());
  try {
    for (const [path, content] of Object.entries(files)) {
      await Deno.mkdir(`${root}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
      const text = typeof content === "string" ? content : JSON.stringify(content);
      await Deno.writeTextFile(`${root}/${path}`, text);
    }
    await test(root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

for (const name of ["deno.json", "deno.jsonc", "package.json"]) {
  Deno.test(`the project root is the nearest folder upwards with a ${name}`, () =>
    inProject({ [name]: {}, "a/b/c.txt": "" }, (root) => {
      assertEquals(findProject(`${root}/a/b`), { root });
      assertEquals(findProject(root), { root });
    }));
}

Deno.test("the project root is a path without symbolic links", () =>
  inProject({ "real/deno.json": {} }, async (root) => {
    await Deno.symlink(`${root}/real`, `${root}/link`);
    assertEquals(findProject(`${root}/link`), { root: `${root}/real` });
  }));

Deno.test("the project root of a workspace member is the workspace root", () =>
  inProject({
    "deno.jsonc": '{ // members\n "workspace": ["./packages/*", "./app",], }',
    "packages/a/deno.json": {},
    "packages/a/src/x.ts": "",
    "app/package.json": {},
    "other/deno.json": {},
  }, (root) => {
    assertEquals(findProject(`${root}/packages/a/src`)?.root, root);
    assertEquals(findProject(`${root}/app`)?.root, root);
    assertEquals(findProject(`${root}/other`)?.root, `${root}/other`);
  }));

Deno.test("workspaces in package.json and the long form in deno.json are recognized", () =>
  inProject({
    "npm/package.json": { workspaces: ["lib/**"] },
    "npm/lib/deep/a/package.json": {},
    "deno/deno.json": { workspace: { members: ["a"] } },
    "deno/a/deno.json": {},
    "broken/deno.json": '{ "workspace": [',
    "broken/a/deno.json": {},
  }, (root) => {
    assertEquals(findProject(`${root}/npm/lib/deep/a`)?.root, `${root}/npm`);
    assertEquals(findProject(`${root}/deno/a`)?.root, `${root}/deno`);
    assertEquals(findProject(`${root}/broken/a`)?.root, `${root}/broken/a`);
  }));

Deno.test("an explicit config file sets the project root, and must exist", () =>
  inProject({ "deno.json": {}, "a/other.json": {} }, (root) => {
    const config = `${root}/a/other.json`;
    assertEquals(findProject(root, "a/other.json"), { root: `${root}/a`, config });
    const error = assertThrows(() => findProject(root, "a/none.json"), WireError);
    assertEquals(projectErrorData(error), { kind: "no-config", file: `${root}/a/none.json` });
  }));

Deno.test("an explicit config file that is a symbolic link sets the link's folder as the root", () =>
  inProject({ "shared/deno.json": {}, "app/x": "", "deep/app/x": "" }, async (root) => {
    await Deno.symlink("../shared/deno.json", `${root}/app/deno.json`);
    await Deno.symlink("../../app/deno.json", `${root}/deep/app/other.json`);
    await Deno.symlink("app", `${root}/link`);
    const app = { root: `${root}/app`, config: `${root}/app/deno.json` };
    assertEquals(findProject(root, "app/deno.json"), app);
    assertEquals(findProject(root, "link/deno.json"), app);
    assertEquals(findProject(`${root}/app`, "deno.json"), app);
    assertEquals(findProject(root, "deep/app/other.json"), {
      root: `${root}/deep/app`,
      config: `${root}/deep/app/other.json`,
    });
    assertEquals(findProject(`${root}/app`), { root: `${root}/app` });
  }));

/** Member patterns, and whether `packages/x` is a member. `deno task` gives the same results. */
const MEMBERS: readonly (readonly [members: readonly string[], isMember: boolean])[] = [
  [["./packages/*", "!./packages/x"], false],
  [["!./packages/x", "./packages/*"], false],
  [["./packages/*", "!packages/x/"], false],
  [["packages/*", "!./packages/*"], false],
  [["./packages/*", "!./**/x"], false],
  [["./packages/*", "!./packages/a"], true],
  [["./packages/x", "!./packages/x"], true],
  [["./packages/*", "./packages/x", "!./packages/*"], true],
];

Deno.test("an excluded folder is not a workspace member, seen from the folder or from the root", async () => {
  for (const [members, isMember] of MEMBERS) {
    for (
      const root of [{ "deno.json": { workspace: members } }, {
        "package.json": { workspaces: members },
      }]
    ) {
      await inProject({
        ...root,
        "packages/x/deno.json": {},
        "packages/x/src/y.ts": "",
        "packages/a/deno.json": {},
      }, (root) => {
        const x = `${root}/packages/x`;
        const what = JSON.stringify(members);
        assertEquals(findProject(`${x}/src`)?.root, isMember ? root : x, what);
        const folders = new ProjectConfig({ root }).workspace().folders.map(({ folder }) => folder);
        assertEquals(folders.includes(x), isMember, what);
      });
    }
  }
});

Deno.test("requireProject throws an error with the start of its search if it finds no config", () => {
  const error = assertThrows(() => requireProject("/proc"), WireError, "in /proc or above it");
  assertEquals(projectErrorData(error)?.kind, "no-config");
  assertThrows(() => requireProject("/no/such"), WireError, "the folder /no/such does not exist");
  assertEquals(findProject("/no/such"), undefined);
});

Deno.test("a project's state folder is private and ignored by git", () =>
  inProject({ "deno.json": {} }, async (root) => {
    const paths = statePaths(root);
    ensureState(paths);
    await Deno.chmod(paths.dir, 0o755);
    ensureState(paths);
    assertEquals(((await Deno.stat(paths.dir)).mode ?? 0) & 0o777, 0o700);
    assertEquals(await Deno.readTextFile(`${paths.dir}/.gitignore`), "*\n");
  }));

Deno.test("a state folder that is a symbolic link is refused", () =>
  inProject({ "deno.json": {}, "elsewhere/x": "" }, async (root) => {
    await Deno.symlink(`${root}/elsewhere`, `${root}/.simmer`);
    const paths = statePaths(root);
    assertThrows(() => ensureState(paths), StateError, `in ${paths.dir}: it is a link: remove it`);
  }));
