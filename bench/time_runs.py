"""Measures commands with interleaved runs, in a pipe or in a pseudo-terminal. Prints the times in
milliseconds as JSON.

    time_runs.py pipe|terminal FOLDER RUNS < JSON of {name: [word, ...]}

Each command runs five times before it is timed, to warm up.
"""

import json
import os
import pty
import subprocess
import sys
import time

place, folder, runs = sys.argv[1], sys.argv[2], int(sys.argv[3])
commands = json.load(sys.stdin)


def in_pipe(words):
    subprocess.run(words, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, check=True)


def in_terminal(words):
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.execvp(words[0], words)
    try:
        while os.read(terminal, 65536):
            pass
    except OSError:
        pass  # A terminal reports its end as an error.
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.close(terminal)
    if code != 0:
        sys.exit(f"{words} failed with {code}")


run = in_pipe if place == "pipe" else in_terminal
times = {name: [] for name in commands}
for count in range(-5, runs):
    for name, words in commands.items():
        begun = time.perf_counter()
        run(words)
        if count >= 0:
            times[name].append((time.perf_counter() - begun) * 1000)
print(json.dumps(times))
