"""Starts orphans in a new session, in a new process group, and in the task's group.

    escape.py [wait] [stubborn]

With `wait`, the script does not end by itself. With `stubborn`, the orphans ignore SIGTERM.
"""

import os
import signal
import sys
import time

PIDS = os.open("pids", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


def start(leave, is_stubborn):
    """Returns after the new process runs its program, so that PIDS has the order of the calls."""
    running, starting = os.pipe()
    if os.fork() > 0:
        os.close(starting)
        os.wait()
        os.read(running, 1)
        os.close(running)
        return
    leave()
    if os.fork() > 0:
        os._exit(0)
    if is_stubborn:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.chdir("/")
    os.write(PIDS, b"%d\n" % os.getpid())
    os.execve("/bin/sleep", ["sleep", "600"], {})


stubborn = "stubborn" in sys.argv
start(os.setsid, stubborn)
start(os.setpgrp, stubborn)
start(lambda: None, stubborn)
print("started", flush=True)
if "wait" in sys.argv:
    time.sleep(600)
