"""Times commands, and prints the milliseconds as JSON.

    time_runs.py pipe|terminal FOLDER RUNS < JSON of {name: [word, ...]}

Times the commands in turn, in a pipe or in a pseudo-terminal. Each command runs five times before it
is timed.

    time_runs.py fresh FOLDER SERVERS < JSON of {"stop": [...], "start": [...], "run": [...]}

Starts servers one after another, and times the first and the tenth run of each.
"""

import json
import os
import pty
import subprocess
import sys
import time

# A fresh server has this time, in seconds, before its first run.
REST = 0.8

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


def in_turn(run):
    times = {name: [] for name in commands}
    for count in range(-5, runs):
        for name, words in commands.items():
            begun = time.perf_counter()
            run(words)
            if count >= 0:
                times[name].append((time.perf_counter() - begun) * 1000)
    return times


def of_fresh_servers():
    times = {"first": [], "tenth": []}
    for _ in range(runs):
        in_pipe(commands["stop"])
        in_pipe(commands["start"])
        time.sleep(REST)
        for count in range(1, 11):
            begun = time.perf_counter()
            in_pipe(commands["run"])
            name = {1: "first", 10: "tenth"}.get(count)
            if name:
                times[name].append((time.perf_counter() - begun) * 1000)
    in_pipe(commands["stop"])
    return times


places = {"pipe": lambda: in_turn(in_pipe), "terminal": lambda: in_turn(in_terminal)}
print(json.dumps(places.get(place, of_fresh_servers)()))
