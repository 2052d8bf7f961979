"""Runs a command in a pseudo-terminal: stdin is its keyboard, and stdout is its screen.

Usage: terminal.py COLUMNS ROWS COMMAND...

Exits with the command's exit code, or with 128 + signal if a signal ended it. When stdin ends, the
terminal stays open until the command ends. The bytes `\\0hangup` on stdin close it at once, and
`\\0resize COLUMNS ROWS\\n` change its size.
"""

import os
import pty
import re
import select
import struct
import fcntl
import sys
import termios

CONTROL = re.compile(rb"\0(?:(hangup)|resize (\d+) (\d+)\n)")


def resize(master, columns, rows):
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def write(master, keys):
    while keys:
        keys = keys[os.write(master, keys):]


def typed(master, keys):
    """Types keys and carries out what is between them. Returns False at a hangup."""
    at = 0
    for control in CONTROL.finditer(keys):
        write(master, keys[at:control.start()])
        at = control.end()
        if control[1]:
            return False
        resize(master, int(control[2]), int(control[3]))
    write(master, keys[at:])
    return True


def main():
    columns, rows, *command = sys.argv[1:]
    begin, begun = os.pipe()
    pid, master = pty.fork()
    if pid == 0:
        # The command begins with the terminal's size.
        os.close(begun)
        os.read(begin, 1)
        os.close(begin)
        os.execvp(command[0], command)
    resize(master, int(columns), int(rows))
    os.close(begin)
    os.close(begun)
    sources = [master, 0]
    while master in sources:
        ready, _, _ = select.select(sources, [], [])
        if 0 in ready:
            keys = os.read(0, 65536)
            if not keys:
                sources.remove(0)
            elif not typed(master, keys):
                break
        if master in ready:
            try:
                screen = os.read(master, 65536)
            except OSError:
                screen = b""
            if not screen:
                break
            os.write(1, screen)
    os.close(master)
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    sys.exit(code if code >= 0 else 128 - code)


main()
