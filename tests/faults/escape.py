"""Starts processes that leave their task in every way there is, and waits."""

import os
import signal
import sys
import time

PIDS = os.open("pids", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


def start(leave, is_stubborn):
    if os.fork() > 0:
        os.wait()
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
while os.fstat(PIDS).st_size == 0 or open("pids").read().count("\n") < 3:
    time.sleep(0.001)
print("started", flush=True)
if "wait" in sys.argv:
    time.sleep(600)
