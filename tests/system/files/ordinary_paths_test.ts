import { assertEquals } from "@std/assert";
import { OrdinaryPaths } from "../../../system/files/ordinary_paths.ts";

async function withFolder(work: (folder: string) => Promise<void> | void): Promise<void> {
  const folder = await Deno.realPath(await Deno.makeTempDir());
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("OrdinaryPaths resolves words against its folder, with or without links", () =>
  withFolder(async (folder) => {
    await Deno.mkdir(`${folder}/a/b`, { recursive: true });
    await Deno.symlink("a", `${folder}/link`);
    await Deno.symlink("link/b", `${folder}/chain`);
    await Deno.symlink("nowhere", `${folder}/broken`);
    const paths = OrdinaryPaths.at(folder);
    for (const word of ["a", "a/b/", "./a/../a", "link/b", "chain/x", "broken", "new/x", "../x"]) {
      assertEquals(paths?.resolve(word), `${folder}/${word}`);
    }
    assertEquals(paths?.resolve("/etc"), "/etc");
    assertEquals(OrdinaryPaths.at(`${folder}/link`)?.resolve("b"), `${folder}/a/b`);
    assertEquals(OrdinaryPaths.at("/")?.resolve("etc"), "/etc");
    assertEquals(OrdinaryPaths.at(`${folder}/nothing`), undefined);
    assertEquals(OrdinaryPaths.at(`${folder}/broken`), undefined);
  }));

Deno.test("OrdinaryPaths refuses paths that each process sees differently, through any number of links", () =>
  withFolder(async (folder) => {
    const up = "../".repeat(20);
    await Deno.symlink("/proc/self/cwd", `${folder}/cwd`);
    await Deno.symlink("cwd/here.txt", `${folder}/file`);
    await Deno.symlink("file", `${folder}/file2`);
    await Deno.symlink(`${up}dev`, `${folder}/devices`);
    await Deno.symlink("/dev/stdout", `${folder}/out`);
    await Deno.symlink("loop", `${folder}/loop`);
    await Deno.mkdir(`${folder}/sub`);
    const paths = OrdinaryPaths.at(`${folder}/sub`);
    const words = [
      "/proc",
      "/proc/self/environ",
      "/proc/thread-self/comm",
      `/proc/${Deno.pid}/environ`,
      "/dev/stdin",
      "/dev/fd/3",
      "/dev/tty",
      "//dev///null",
      "/./proc/./self",
      "/etc/../proc/self",
      `${up}proc/self/cwd`,
      "../cwd",
      "../cwd/new.txt",
      "../file",
      "../file2",
      "../devices/stdout",
      "../out",
      "../loop",
      "../cwd/../x",
    ];
    for (const word of words) assertEquals(paths?.resolve(word), undefined, word);
    for (
      const cwd of ["/proc/self", "/proc", "/dev", "/dev/fd", `${folder}/cwd`, `${folder}/devices`]
    ) {
      assertEquals(OrdinaryPaths.at(cwd), undefined, cwd);
    }
  }));

Deno.test("OrdinaryPaths accepts names that only resemble those of a process", () => {
  const paths = OrdinaryPaths.at("/");
  for (const word of ["/process/x", "/devices", "/home/proc/self", "/dev/shm", "/dev/shm/x"]) {
    assertEquals(paths?.resolve(word), word);
  }
});
