"""Measures round trips between BitBake's own client and server: bitbake_ping.py BITBAKE_DIR COUNT

Creates a temporary layer, starts a server, pings it, and prints p50 and p99 in microseconds.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time

bitbake, count = sys.argv[1], int(sys.argv[2])
sys.path.insert(0, bitbake + "/lib")
root = tempfile.mkdtemp()
os.makedirs(root + "/build/conf")
os.makedirs(root + "/layer/conf")
os.makedirs(root + "/layer/classes")
shutil.copy(bitbake + "/conf/bitbake.conf", root + "/layer/conf")
shutil.copy(bitbake + "/classes/base.bbclass", root + "/layer/classes")
with open(root + "/build/conf/bblayers.conf", "w") as file:
    file.write('BBPATH = "${TOPDIR}"\nBBLAYERS = "${TOPDIR}/../layer"\n')
with open(root + "/layer/conf/layer.conf", "w") as file:
    file.write('BBPATH .= ":${LAYERDIR}"\nBBFILES += "${LAYERDIR}/*.bb"\n')
os.chdir(root + "/build")
os.environ["LANG"] = "en_US.UTF-8"
subprocess.run([bitbake + "/bin/bitbake", "--server-only", "-T", "-1"], check=True,
               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
import bb.server.process

connection = bb.server.process.connectProcessServer(root + "/build/bitbake.sock", [])
times = []
for _ in range(count):
    begun = time.perf_counter()
    connection.connection.runCommand(["getUIHandlerNum"])
    times.append((time.perf_counter() - begun) * 1e6)
connection.connection.terminateServer()
connection.terminate()
times.sort()
print(times[len(times) // 2], times[int(len(times) * 0.99)])
os.chdir("/")
shutil.rmtree(root, ignore_errors=True)
