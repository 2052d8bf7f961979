/**
 * Checks that a client makes before it sends a byte: the folder of a socket belongs to the client's
 * own user and to no other user, and so does the process that listens at the socket.
 *
 * The quick client loads this file on each run, so it imports nothing.
 *
 * @module
 */

/** A socket whose other end does not belong to the client's own user. */
export class ForeignServerError extends Error {
  /** The class name, as `Error.prototype.name` has it. */
  override readonly name = "ForeignServerError";
}

const ROOT = 0;
/** Permission bits of the group and of other users. */
const OTHERS = 0o077;

/**
 * Says why a folder cannot be trusted to hold the socket of the user's own server. A folder can be
 * trusted if it is a real folder of this user with mode 0700, and if each symbolic link on the way
 * to it belongs to this user or to root.
 *
 * @param folder absolute
 * @returns a reason that begins with the path; `undefined` if the folder can be trusted, or if the
 *   platform has no user ids
 * @throws {Error} what the system says, such as `NotFound`
 */
export function folderDistrust(folder: string): string | undefined {
  const uid = Deno.uid();
  if (uid === null) return undefined;
  const reason = linkDistrust(folder);
  if (reason !== undefined) return reason;
  const info = Deno.lstatSync(folder);
  if (info.isSymlink) return `${folder} is a link`;
  if (!info.isDirectory) return `${folder} is no folder`;
  if (info.uid !== uid) return `${folder} belongs to user ${info.uid}, not to user ${uid}`;
  const mode = info.mode ?? 0;
  if ((mode & OTHERS) === 0) return undefined;
  return `${folder} is open to other users (mode ${(mode & 0o777).toString(8)}, not 700)`;
}

/**
 * Says which part of a path is a symbolic link that another user than this one or root made: that
 * user decides where the path leads. Parts behind the target of a link are not looked at.
 *
 * @param path absolute
 * @returns a reason that begins with the link's path; `undefined` if there is no such link
 * @throws {Error} what the system says, such as `NotFound`
 */
export function linkDistrust(path: string): string | undefined {
  const uid = Deno.uid();
  for (let end = path.indexOf("/", 1); end > 0; end = path.indexOf("/", end + 1)) {
    const part = path.slice(0, end);
    const info = Deno.lstatSync(part);
    if (info.isSymlink && info.uid !== uid && info.uid !== ROOT) {
      return `${part} is a link of user ${info.uid}`;
    }
  }
  return undefined;
}

/**
 * Connects to a Unix socket and checks who listens there, before anything is sent.
 *
 * Deno does not tell a connection's descriptor, so the peers of all sockets of this process are
 * asked for. Only if some belong to other users, inherited ones for example, the connection is made
 * again, and the sockets that were there before are left out. A mistake can only refuse.
 *
 * @throws {ForeignServerError} if another user's process listens there; the connection is closed
 * @throws {Error} what the system says, such as `NotFound`
 */
export async function connectToOwn(path: string): Promise<Deno.UnixConn> {
  const own = Deno.uid();
  let before: ReadonlyMap<string, number> | undefined;
  while (true) {
    const connection = await Deno.connect({ transport: "unix", path });
    try {
      const users = await peerUsers(before);
      if (users === undefined) checkOwner(path, own);
      else if (before !== undefined) checkUsers(path, users, own);
      else if (!areOwn(users, own)) {
        connection.close();
        before = sockets();
        continue;
      }
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    }
  }
}

function areOwn(users: readonly number[], own: number | null): boolean {
  return users.length > 0 && users.every((user) => user === own);
}

function checkUsers(path: string, users: readonly number[], own: number | null): void {
  if (areOwn(users, own)) return;
  const foreign = users.find((user) => user !== own);
  throw new ForeignServerError(
    foreign === undefined
      ? `the kernel does not say whose process listens at ${path}`
      : `user ${foreign} listens at ${path}, not user ${own}`,
  );
}

/**
 * The check where the kernel cannot be asked for the peer's user: the owner of the socket file. In a
 * folder that {@linkcode folderDistrust} trusts, only this user and root can have put it there.
 */
function checkOwner(path: string, own: number | null): void {
  const owner = Deno.lstatSync(path).uid;
  if (owner === own) return;
  throw new ForeignServerError(`${path} belongs to user ${owner}, not to user ${own}`);
}

const DESCRIPTORS = "/proc/self/fd";
const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
/** Three numbers of 32 bits: process, user, group. */
const CREDENTIALS_BYTES = 12;
/** The user of a socket that is no connected Unix socket. */
const NO_USER = 0xffffffff;

/** Linking a call that blocks costs 1 ms, as Deno compiles a fast way to it; this one costs 0.3. */
const SYMBOLS = {
  getsockopt: {
    parameters: ["i32", "i32", "i32", "buffer", "buffer"],
    result: "i32",
    nonblocking: true,
  },
} as const satisfies Deno.ForeignLibraryInterface;

/** Standard streams may be sockets of other users; a connection is none of them. */
const STREAMS = 3;

/**
 * Asks the kernel for the users at the other ends of this process's Unix sockets (`SO_PEERCRED`).
 *
 * @param before sockets that are left out
 * @returns `undefined` if that cannot be asked: not Linux, no `/proc`, or a C library but glibc
 */
async function peerUsers(
  before: ReadonlyMap<string, number> | undefined,
): Promise<number[] | undefined> {
  const library = link();
  if (library === undefined) return undefined;
  try {
    const made = [...sockets()].filter(([name]) => before?.has(name) !== true);
    const users = await Promise.all(made.map(([, descriptor]) => userOf(library, descriptor)));
    return users.filter((user) => user !== NO_USER);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  } finally {
    library.close();
  }
}

type Library = Deno.DynamicLibrary<typeof SYMBOLS>;

function link(): Library | undefined {
  if (Deno.build.os !== "linux") return undefined;
  try {
    return Deno.dlopen("libc.so.6", SYMBOLS);
  } catch (error) {
    const isMissing = error instanceof Error && error.message.startsWith("Could not open library");
    if (isMissing) return undefined;
    throw error;
  }
}

async function userOf({ symbols }: Library, descriptor: number): Promise<number> {
  const credentials = new Uint32Array(CREDENTIALS_BYTES / 4);
  const failed = await symbols.getsockopt(
    descriptor,
    SOL_SOCKET,
    SO_PEERCRED,
    new Uint8Array(credentials.buffer),
    new Uint8Array(new Uint32Array([CREDENTIALS_BYTES]).buffer),
  );
  return failed === 0 ? credentials[1] ?? NO_USER : NO_USER;
}

/** This process's sockets but its streams: the kernel's name of each, and its descriptor. Linux. */
export function sockets(): Map<string, number> {
  const found = new Map<string, number>();
  const entries = [...Deno.readDirSync(DESCRIPTORS)];
  // Takes the number that the listing had, which is listed: an exception for it costs 1 ms.
  using _placeholder = Deno.openSync("/dev/null");
  for (const { name } of entries) {
    if (Number(name) < STREAMS) continue;
    try {
      const target = Deno.readLinkSync(`${DESCRIPTORS}/${name}`);
      if (target.startsWith("socket:")) found.set(target, Number(name));
    } catch (error) {
      // Another thread has closed it meanwhile; a file's name may not be UTF-8.
      const isOther = error instanceof Deno.errors.NotFound ||
        error instanceof Deno.errors.InvalidData;
      if (!isOther) throw error;
    }
  }
  return found;
}
