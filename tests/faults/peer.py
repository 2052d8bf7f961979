"""Connects to a Unix socket, says a line, and prints what comes until the end."""

import socket
import sys

# What was said is not read: that is how a refused connection ends.
REFUSED = (BrokenPipeError, ConnectionResetError)

peer = socket.socket(socket.AF_UNIX)
peer.settimeout(10)
try:
    peer.connect(sys.argv[1])
except PermissionError as error:
    sys.exit(print(error.strerror))
try:
    peer.sendall(sys.argv[2].encode() + b"\n")
except REFUSED:
    pass
try:
    while data := peer.recv(65536):
        sys.stdout.write(data.decode())
except REFUSED:
    pass
