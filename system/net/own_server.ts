/**
 * Checks that a client makes before it sends a byte: the folder of a socket belongs to the client's
 * own user and to no other user, and so does the process that listens at the socket.
 *
 * The client's fast path loads this file on each run, so it imports nothing.
 *
 * @module
 */

/** The process at the other end of a socket does not belong to the client's own user. */
export class ForeignServerError extends Error {
  /** The class name, for `Error.prototype.toString`. */
  override readonly name = "ForeignServerError";
}

const ROOT = 0;
/** Permission bits of the group and of other users. */
const OTHERS = 0o077;

/**
 * Checks if a folder can be trusted to hold the socket of the user's own server. It must be a real
 * folder of this user with mode 0700. Each symbolic link on the way to it must belong to this user
 * or to root.
 *
 * @param folder absolute
 * @returns the reason for distrust, beginning with the path; `undefined` if the folder can be
 *   trusted, or if the platform has no user ids
 * @throws {Error} the system's error, such as `NotFound`
 */
export function folderDistrust(folder: string): string | undefined {
  const uid = Deno.uid();
  if (uid === null) return undefined;
  const reason = linkDistrust(folder);
  if (reason !== undefined) return reason;
  const info = Deno.lstatSync(folder);
  if (info.isSymlink) return `${folder} is a link`;
  if (!info.isDirectory) return `${folder} is not a folder`;
  if (info.uid !== uid) return `${folder} belongs to user ${info.uid}, not to user ${uid}`;
  const mode = info.mode ?? 0;
  if ((mode & OTHERS) === 0) return undefined;
  return `${folder} is open to other users (mode ${(mode & 0o777).toString(8)}, not 700)`;
}

/**
 * Finds a symbolic link in a path that belongs to a user other than this one or root. That user
 * decides where the path leads. Path components behind the target of a link are not checked.
 *
 * @param path absolute
 * @returns a reason that begins with the link's path; `undefined` if there is no such link
 * @throws {Error} the system's error, such as `NotFound`
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
 * Connects to a Unix socket and checks which user listens there, before anything is sent.
 *
 * Deno does not expose a connection's descriptor, so the check asks for the peers of all sockets of
 * this process. If some of them belong to other users (inherited sockets, for example), it connects
 * again and leaves out the sockets that existed before. A wrong guess can only refuse a connection.
 *
 * @throws {ForeignServerError} if another user's process listens there; the connection is closed
 * @throws {Error} the system's error, such as `NotFound`
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
 * Checks the owner of the socket file. Used if the kernel cannot report the peer's user. In a
 * folder that {@linkcode folderDistrust} trusts, only this user and root can have created the file.
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
/** The user that is reported for a socket that is not a connected Unix socket. */
const NO_USER = 0xffffffff;

/**
 * The call is `nonblocking` because that links faster: 0.3 ms instead of 1 ms. Deno compiles a fast
 * path for calls that block.
 */
const SYMBOLS = {
  getsockopt: {
    parameters: ["i32", "i32", "i32", "buffer", "buffer"],
    result: "i32",
    nonblocking: true,
  },
} as const satisfies Deno.ForeignLibraryInterface;

/**
 * The first descriptor that is checked. Standard streams may be sockets of other users, and a
 * connection never has their numbers.
 */
const STREAMS = 3;

/**
 * Asks the kernel for the users at the other ends of this process's Unix sockets (`SO_PEERCRED`).
 *
 * @param before sockets that are left out
 * @returns `undefined` if the kernel cannot be asked: on platforms other than Linux, without
 *   `/proc`, or with a C library other than glibc
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

/**
 * Lists this process's sockets except its standard streams. Maps the kernel's name of each socket
 * to its descriptor. Linux only.
 */
export function sockets(): Map<string, number> {
  const found = new Map<string, number>();
  const entries = [...Deno.readDirSync(DESCRIPTORS)];
  // Occupies the descriptor number that the directory listing used. That number is in the list, and
  // reading a closed descriptor's link would cost 1 ms for the exception.
  using _placeholder = Deno.openSync("/dev/null");
  for (const { name } of entries) {
    if (Number(name) < STREAMS) continue;
    try {
      const target = Deno.readLinkSync(`${DESCRIPTORS}/${name}`);
      if (target.startsWith("socket:")) found.set(target, Number(name));
    } catch (error) {
      // Another thread has closed the descriptor meanwhile, or a file's name is not UTF-8.
      const isOther = error instanceof Deno.errors.NotFound ||
        error instanceof Deno.errors.InvalidData;
      if (!isOther) throw error;
    }
  }
  return found;
}
