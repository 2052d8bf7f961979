"""Runs a command in a pseudo-terminal: stdin is its keyboard, and stdout is its screen.

Exits with the command's exit code, or with 128 + signal if a signal ended it. When stdin ends, the
terminal stays open until the command ends. The bytes `\\0hangup` on stdin close it at once, and
`\\0resize` change its size to 100 columns and 40 rows.
"""

import os
import pty
import select
import struct
import fcntl
import sys
import termios

HANGUP = b"\0hangup"
RESIZE = b"\0resize"


def main():
    pid, master = pty.fork()
    if pid == 0:
        os.execvp(sys.argv[1], sys.argv[1:])
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    sources = [master, 0]
    while master in sources:
        ready, _, _ = select.select(sources, [], [])
        if 0 in ready:
            keys = os.read(0, 65536)
            if not keys:
                sources.remove(0)
            elif HANGUP in keys:
                break
            elif RESIZE in keys:
                fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
            else:
                os.write(master, keys)
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
