"""Sends one command line to a project's server, as docs/protocol.md describes `execute`.

    execute.py FOLDER WORD...

Prints the command's output and exits with its exit code, or with 75 if no server accepts.
"""

import os
import signal
import socket
import stat
import struct
import sys

cwd, words = os.path.realpath(sys.argv[1]), sys.argv[2:]


def is_own(folder):
    """Returns whether only this user has access to a folder."""
    about = os.lstat(folder)
    return stat.S_ISDIR(about.st_mode) and about.st_uid == os.getuid() and not about.st_mode & 0o077


def receive(count):
    data = b""
    while len(data) < count:
        piece = server.recv(count - len(data))
        if not piece:
            sys.exit("the server has ended")
        data += piece
    return data


def frame():
    kind, length = struct.unpack(">cI", receive(5))
    return kind, receive(length)


def send(kind, payload=b""):
    server.sendall(kind + struct.pack(">I", len(payload)) + payload)


lock = open(f"{cwd}/.simmer/lock").read()
path = next(line[5:] for line in lock.splitlines() if line.startswith("unix:"))
if not is_own(f"{cwd}/.simmer") or not is_own(os.path.dirname(path)):
    sys.exit(75)
server = socket.socket(socket.AF_UNIX)
server.connect(path)
peer = server.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
if struct.unpack("3i", peer)[1] != os.getuid():
    sys.exit(75)
namespaces = " ".join(os.readlink(f"/proc/self/ns/{name}") for name in ("pid", "mnt"))
fields = ["1", "", str(os.getpid()), namespaces, cwd, "0", "0", "000", "0", str(len(words)), *words]
fields += [f"{name}={value}" for name, value in os.environ.items()]
send(b"E", os.fsencode("\0".join(fields)))
if frame()[0] != b"A":
    sys.exit(75)
socket.send_fds(server, [b"G\0\0\0\0"], [0])
for name in ("INT", "TERM"):
    signal.signal(getattr(signal, f"SIG{name}"), lambda number, _, name=name: send(b"S", name.encode()))
while True:
    kind, payload = frame()
    if kind == b"X":
        sys.exit(payload[0])
    stream = sys.stdout if kind == b"1" else sys.stderr
    stream.buffer.write(payload)
    stream.flush()
