"""Connects to a Unix socket, sends a line, and prints all data until the connection ends."""

import socket
import sys

# A server that refuses a connection closes it without reading the line.
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
