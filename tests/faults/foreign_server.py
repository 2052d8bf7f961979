"""Listens on Unix sockets as another user, and prints how many connections and bytes came.

    foreign_server.py UID LOCK SOCKET...

The script creates the sockets and the lock before it changes its user. The kernel reports the user
that calls `listen`. With an empty LOCK there is no lock. The script ends when stdin ends.
"""

import fcntl
import os
import selectors
import socket
import sys

uid, lock, *paths = sys.argv[1:]
if lock:
    held = open(lock, "w")
    held.write(f"1\nunix:{paths[-1]}\n")
    held.flush()
    fcntl.flock(held, fcntl.LOCK_EX)
sockets = []
for path in paths:
    each = socket.socket(socket.AF_UNIX)
    each.bind(path)
    os.chmod(path, 0o777)
    sockets.append(each)
os.setresgid(int(uid), int(uid), int(uid))
os.setresuid(int(uid), int(uid), int(uid))
selector = selectors.DefaultSelector()
for each in sockets:
    each.listen(16)
    selector.register(each, selectors.EVENT_READ)
selector.register(sys.stdin, selectors.EVENT_READ)
print("listening", flush=True)
connections = heard = 0
while True:
    for key, _ in selector.select():
        if key.fileobj is sys.stdin:
            sys.exit(print(f"{connections} connections, {heard} bytes"))
        if key.fileobj in sockets:
            connections += 1
            selector.register(key.fileobj.accept()[0], selectors.EVENT_READ)
            continue
        data = key.fileobj.recv(65536)
        heard += len(data)
        if not data:
            selector.unregister(key.fileobj)
            key.fileobj.close()
