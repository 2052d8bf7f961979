"""A UI of BitBake's kind on CPython's own send_fds, pipes and pickle: bitbake_ui.py SOCKET COMMAND…

Each COMMAND is a JSON list; replies and events are printed as JSON lines. It ends when an action's
last event has come, or, where none was asked for, with the last reply. "kill" ends it on the spot.
"""

import io
import json
import os
import pickle
import socket
import struct
import sys
import threading

ENDS = ("CommandCompleted", "CommandFailed", "CommandExit", "CookerExit")


class Named:
    def __new__(cls, *args, **kwargs):
        return object.__new__(cls)


class Loader(pickle.Unpickler):
    def find_class(self, module, name):
        return type(name, (Named,), {"__module__": module})


def plain(it):
    if isinstance(it, Named):
        return {"class": type(it).__module__ + "." + type(it).__name__, **plain(it.__dict__)}
    if isinstance(it, dict):
        return {str(key): plain(value) for key, value in it.items()}
    if isinstance(it, (list, tuple)):
        return [plain(value) for value in it]
    return it


def frames(descriptor):
    with os.fdopen(descriptor, "rb") as pipe:
        while True:
            head = pipe.read(4)
            if len(head) < 4:
                return
            (length,) = struct.unpack("!i", head)
            yield Loader(io.BytesIO(pipe.read(length))).load()


SPEAKING = threading.Lock()


def say(kind, it):
    with SPEAKING:
        print(json.dumps({kind: plain(it)}), flush=True)


def main(path, commands):
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(path)
    events, command, reply = os.pipe(), os.pipe(), os.pipe()
    socket.send_fds(connection, [b"\x03"], [events[1], command[0], reply[1]])
    for end in (events[1], command[0], reply[1]):
        os.close(end)
    ended = threading.Event()

    def listen():
        for event in frames(events[0]):
            say("event", event)
            if type(event).__name__ in ENDS:
                ended.set()
        ended.set()

    threading.Thread(target=listen, daemon=True).start()
    replies = frames(reply[0])
    acts = False
    for each in commands:
        if each == "kill":
            os._exit(9)
        body = pickle.dumps(each, 4)
        os.write(command[1], struct.pack("!i", len(body)) + body)
        if each[0] == "terminateServer":
            break
        answer = next(replies)
        say("reply", answer)
        acts = acts or (answer[0] is True and each[0] != "setEventMask")
    if acts:
        ended.wait(60)


if __name__ == "__main__":
    main(sys.argv[1], [json.loads(word) for word in sys.argv[2:]])
