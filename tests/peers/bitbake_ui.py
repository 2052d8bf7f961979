"""BitBake UI that uses only Python's standard library: bitbake_ui.py WHERE COMMAND…

WHERE is a socket, over which the UI passes its pipes, or HOST:PORT for XML-RPC.

Each COMMAND is a JSON list. Replies and events are printed as JSON lines. The UI ends after the
last event of an action, or after the last reply if there was no action. "kill" ends it at once.
"""

import io
import json
import logging
import os
import pickle
import socket
import struct
import sys
import threading
import xmlrpc.client
import xmlrpc.server

ENDS = ("CommandCompleted", "CommandFailed", "CommandExit", "CookerExit")


class Named:
    def __new__(cls, *args, **kwargs):
        return object.__new__(cls)


class Loader(pickle.Unpickler):
    def find_class(self, module, name):
        return type(name, (Named,), {"__module__": module})


FORMATTER = logging.Formatter("%(levelname)s: %(message)s")


def shown(attributes):
    """Formats a log record with Python's logging, from exactly the attributes that were sent."""
    record = logging.LogRecord.__new__(logging.LogRecord)
    record.__dict__.update(attributes)
    return FORMATTER.format(record)


def plain(it):
    if isinstance(it, Named):
        name = type(it).__module__ + "." + type(it).__name__
        more = {"shown": shown(it.__dict__)} if name == "logging.LogRecord" else {}
        return {"class": name, **plain(it.__dict__), **more}
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


class Pipes:
    """Connection over a socket."""

    def __init__(self, path, hear):
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(path)
        events, command, reply = os.pipe(), os.pipe(), os.pipe()
        socket.send_fds(connection, [b"\x03"], [events[1], command[0], reply[1]])
        for end in (events[1], command[0], reply[1]):
            os.close(end)
        self.connection = connection
        self.command = command[1]
        self.replies = frames(reply[0])

        def listen():
            for event in frames(events[0]):
                hear(event)
            hear(None)

        threading.Thread(target=listen, daemon=True).start()

    def send(self, command):
        body = pickle.dumps(command, 4)
        os.write(self.command, struct.pack("!i", len(body)) + body)

    def ask(self, command):
        self.send(command)
        return next(self.replies)

    def terminate(self):
        self.send(["terminateServer"])

    def leave(self):
        pass


class Tokens(xmlrpc.client.Transport):
    token = None

    def send_content(self, connection, body):
        if self.token is not None:
            connection.putheader("Bitbake-token", self.token)
        super().send_content(connection, body)


class Calls:
    """Connection over XML-RPC."""

    def __init__(self, address, hear):
        transport = Tokens()
        self.server = xmlrpc.client.ServerProxy(
            f"http://{address}/", transport=transport, allow_none=True, use_builtin_types=True
        )
        own = xmlrpc.server.SimpleXMLRPCServer(
            ("127.0.0.1", 0), logRequests=False, allow_none=True, use_builtin_types=True
        )
        own.register_function(
            lambda event: hear(Loader(io.BytesIO(event)).load()), "event.sendpickle"
        )
        threading.Thread(target=own.serve_forever, daemon=True).start()
        self.handle, _ = self.server.registerEventHandler(*own.server_address)
        self.server.runCommand(["setFeatures", []])
        transport.token = self.server.addClient()

    def ask(self, command):
        return self.server.runCommand(command)

    def terminate(self):
        self.server.terminateServer()

    def leave(self):
        self.server.unregisterEventHandler(self.handle)
        self.server.removeClient()


def main(where, commands):
    ended = threading.Event()

    def hear(event):
        if event is not None:
            say("event", event)
        if event is None or type(event).__name__ in ENDS:
            ended.set()

    way = Calls(where, hear) if ":" in where else Pipes(where, hear)
    acts = False
    for each in commands:
        if each == "kill":
            os._exit(9)
        if each[0] == "terminateServer":
            return way.terminate()
        answer = way.ask(each)
        say("reply", answer)
        acts = acts or (answer[0] is True and each[0] != "setEventMask")
    if acts:
        ended.wait(60)
    way.leave()


if __name__ == "__main__":
    main(sys.argv[1], [json.loads(word) for word in sys.argv[2:]])
