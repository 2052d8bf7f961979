import { assertEquals } from "@std/assert";

/** True if this process may mount in its own mount namespace. */
const canMount = Deno.build.os === "linux" && Deno.uid() === 0 &&
  new Deno.Command("unshare", { args: ["-m", "true"], stderr: "null" }).outputSync().success;

/** Mounts and unmounts while a cooker runs. Prints the output and the number of runs each time. */
const SCRIPT = `
import { DirectCooker } from "./tests/cooker/direct_cooker.ts";
const [root = ""] = Deno.args;
await using hot = new DirectCooker(root);
const built = async () => {
  const { ran } = await hot.run(["build"]);
  return [Deno.readTextFileSync(root + "/out/f"), ran.length].join(" ");
};
const mount = (...args) => {
  const { success } = new Deno.Command(args[0], { args: args.slice(1) }).outputSync();
  if (!success) throw new Error(args.join(" "));
};
const said = [await built(), await built()];
mount("mount", "--bind", root + "/other", root + "/src/s");
said.push(await built(), await built());
mount("umount", root + "/src/s");
said.push(await built());
mount("mount", "--bind", root + "/other/f", root + "/src/s/f");
said.push(await built());
mount("umount", root + "/src/s/f");
said.push(await built());
mount("mount", "--bind", root + "/other", root + "/out");
said.push(await built());
mount("umount", root + "/out");
console.log(JSON.stringify(said));
`;

Deno.test({
  name: "a running cooker notices mounts over a watched folder, a file and an output" +
    (canMount ? "" : " (skipped: only root on Linux can make mounts)"),
  ignore: !canMount,
  fn: async () => {
    const root = await Deno.realPath(await Deno.makeTempDir());
    for (const folder of ["src/s", "other"]) {
      await Deno.mkdir(`${root}/${folder}`, { recursive: true });
    }
    await Deno.writeTextFile(`${root}/src/s/f`, "plain");
    await Deno.writeTextFile(`${root}/other/f`, "other");
    await Deno.writeTextFile(
      `${root}/deno.json`,
      JSON.stringify({
        tasks: {
          build: {
            command: "mkdir -p out && cp src/s/f out/f",
            files: ["src"],
            output: ["out"],
          },
        },
      }),
    );
    const { stdout, stderr } = await new Deno.Command("unshare", {
      args: ["-m", Deno.execPath(), "eval", "--ext=ts", SCRIPT, root],
      cwd: new URL("../../../", import.meta.url).pathname,
    }).output();
    const decoder = new TextDecoder();
    assertEquals(JSON.parse(decoder.decode(stdout) || "null"), [
      "plain 1",
      "plain 0",
      "other 1",
      "other 0",
      "plain 0",
      "other 0",
      "plain 0",
      "plain 0",
    ], decoder.decode(stderr));
    await Deno.remove(root, { recursive: true });
  },
});

/** Edits a folder that has a second path by a bind mount. Prints which paths report the edit. */
const SHARED_SCRIPT = `
import { InputTracker } from "./cooker/inputs/tracker.ts";
const [root = ""] = Deno.args;
const { success } = new Deno.Command("mount", { args: ["--bind", root + "/a", root + "/b"] })
  .outputSync();
if (!success) throw new Error("mount");
const tracker = new InputTracker({ root, cookies: root + "/.simmer/cookies", note: () => {} });
tracker.sync();
const sets = ["a", "b"].map((name) => tracker.set(root, [name]));
const digests = () => sets.map((set) => set.snapshot().digest);
const before = digests();
Deno.writeTextFileSync(root + "/a/f", "two");
tracker.sync();
const after = digests();
tracker.stop();
console.log(JSON.stringify(before.map((digest, index) => digest !== after[index])));
`;

Deno.test({
  name: "an edit in a bind-mounted folder is noticed by both of its paths" +
    (canMount ? "" : " (skipped: only root on Linux can make mounts)"),
  ignore: !canMount,
  fn: async () => {
    const root = await Deno.realPath(await Deno.makeTempDir());
    for (const folder of ["a", "b"]) await Deno.mkdir(`${root}/${folder}`);
    await Deno.writeTextFile(`${root}/a/f`, "one");
    const { stdout, stderr } = await new Deno.Command("unshare", {
      args: ["-m", Deno.execPath(), "eval", "--ext=ts", SHARED_SCRIPT, root],
      cwd: new URL("../../../", import.meta.url).pathname,
    }).output();
    await Deno.remove(root, { recursive: true });
    const decoder = new TextDecoder();
    assertEquals(decoder.decode(stdout).trim(), "[true,true]", decoder.decode(stderr));
  },
});
