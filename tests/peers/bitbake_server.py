"""Stand-in for BitBake's server:

    bitbake_server.py FOLDER [--xmlrpc] [--hold COMMAND] [--parsers COUNT] [--send HEX]
        [--garble COMMAND]

It holds bitbake.lock, and listens at bitbake.sock and, with --xmlrpc, at a TCP port. It serves one
client after the other until a client terminates it. It prints each command that it receives, and
each reset that a command would cause in BitBake, as a line of JSON. Like BitBake, it cannot read
its configuration before a client has sent its environment with updateConfig.

`showVersions "after ping"` ends after the next ping.

With --hold, it stops answering at that command and forks a child that keeps all its descriptors
open. It then acts like a server that is killed while it parses.
"""

import fcntl
import json
import logging
import os
import pickle
import select
import signal
import socket
import struct
import sys
import threading
import traceback
import types
import xmlrpc.client
import xmlrpc.server

APPROVED = (
    "BBPATH BB_PRESERVE_ENV BB_ENV_PASSTHROUGH_ADDITIONS BB_TASKHASH HOME LOGNAME PATH PWD SHELL "
    "USER LC_ALL BBSERVER"
).split()

EVENTS_OF_PARSER = 50

# A negative length.
NO_FRAME = b"\xff\xff\xff\xf0"

TRACEBACK = """Traceback (most recent call last):
  File "/opt/bitbake/lib/bb/command.py", line 71, in runCommand
    self.cooker.init_configdata()
AttributeError: 'NoneType' object has no attribute 'split'
"""


def event_class(name):
    module, _, own = name.rpartition(".")
    # Pickling looks the class up by importing its module and the packages around it.
    sys.modules.setdefault("bb", types.ModuleType("bb"))
    made = sys.modules.setdefault(module, types.ModuleType(module))
    if not hasattr(made, own):
        setattr(made, own, type(own, (), {"__module__": module}))
    return getattr(made, own)


def event(name, **attributes):
    made = event_class(name)()
    made.__dict__.update(attributes, pid=attributes.get("pid", 0))
    return made


def record(level, message, *args, taskpid=0):
    made = logging.LogRecord("BitBake", level, "", 0, message, args, None)
    made.taskpid = taskpid
    return made


def task(name, **attributes):
    return event(
        f"bb.build.{name}", _fn="a.bb", _task="do_build", _package="a-1.0-r0", _mc="",
        _message="", logfile="", errprinted=True, pid=attributes.pop("pid", 7), **attributes,
    )


def talk():
    """Yields the events of a build with messages of every kind."""
    yield record(20, "Resolving any missing task queue dependencies")
    yield task("TaskStarted")
    yield record(21, "%-6s|%5s|%03d|%.2f", "left", "right", 7, 1.5)
    yield record(21, "a plain line of the task", taskpid=7)
    yield record(20, "a note of the task", taskpid=7)
    yield record(30, "a warning of the task", taskpid=7)
    yield task("TaskSucceeded")
    yield record(
        20,
        "Tasks Summary: Attempted %d tasks of which %d didn't need to be rerun and all succeeded.",
        1, 0,
    )
    yield event("bb.command.CommandCompleted")


def refuse(words):
    yield event("bb.command.CommandFailed", error=words, exitcode=1)


def say(**words):
    print(json.dumps(words), flush=True)


class Ended(Exception):
    pass


class Cooker:
    def __init__(self, folder, held, parsers, odd):
        self.folder = folder
        self.held = held
        self.parsers = parsers
        self.odd = odd
        self.features = []
        self.environment = {}
        self.options = {"prefile": [], "postfile": []}
        self.is_configured = False
        self.pinged = threading.Event()

    def reset(self, reason):
        if self.is_configured:
            say(reset=reason)

    def hold(self, name):
        if name != self.held:
            return
        child = os.fork()
        if child == 0:
            signal.alarm(60)
            signal.pause()
        say(held=name, child=child)
        signal.pause()

    def run(self, command, send):
        """Returns the reply to a command. Sends events with `send`."""
        name, *args = command
        say(command=command)
        self.hold(name)
        if name == "terminateServer":
            raise Ended
        if name == "ping":
            self.pinged.set()
            return "Still alive!", None
        if name == "setFeatures":
            if set(args[0]) != set(self.features):
                self.reset("features")
            self.features = args[0]
            return None, None
        if name == "updateConfig":
            try:
                return self.update(*args)
            except KeyError:
                return None, traceback.format_exc()
        if not self.environment:
            return None, TRACEBACK
        self.is_configured = True
        return self.carry_out(name, args, send)

    def update(self, options, environment, words):
        for each in ("prefile", "postfile"):
            if options[each] != self.options[each]:
                self.reset(each)
        for each in APPROVED:
            if environment.get(each) != self.environment.get(each):
                self.reset(each)
        self.options, self.environment = options, environment
        return None, None

    def carry_out(self, name, args, send):
        if name in ("getVariable", "getSetVariable"):
            if args[0] == "BROKEN":
                send(record(40, "Unable to parse %s", "/layer/conf/local.conf"))
                return None, "bb.BBHandledException()\n" + TRACEBACK
            values = {"BB_VERSION": "2.19.0", "TOPDIR": self.folder, "BB_DEFAULT_TASK": "bake"}
            return values.get(args[0]), None
        if name == "getUIHandlerNum":
            return 1, None
        if name == "setEventMask":
            return True, None
        if name == "findProviders":
            return args, None
        if name in ("setConfig", "stateShutdown", "stateForceShutdown"):
            return None, None
        if name in ("buildTargets", "showVersions"):
            events = refuse("no such target") if args[:1] == [["none"]] else talk()
            parse = self.parse if name == "showVersions" else lambda send: None
            wait = self.pinged.wait if args[-1:] == ["after ping"] else lambda: None
            work = lambda: (wait(), parse(send), [send(each) for each in events])
            threading.Thread(target=work).start()
            return True, None
        return None, "No such command"


    def parse(self, send):
        """Sends the events before those of an action that needs the recipes."""
        if self.odd is not None:
            send(self.odd)
        if self.parsers == 0:
            return
        send(record(21, "parsing begins"))
        children = []
        for number in range(self.parsers):
            child = os.fork()
            if child == 0:
                self.tell(number, send)
                os._exit(0)
            children.append(child)
        self.tell("server", send)
        for child in children:
            os.waitpid(child, 0)

    def tell(self, who, send):
        for number in range(EVENTS_OF_PARSER):
            send(record(21, "event %s of parser %s", number, who))


def pickled(value):
    return value if isinstance(value, bytes) else pickle.dumps(value, 4)


def frame(value):
    body = pickled(value)
    return struct.pack("!i", len(body)) + body


def read_exactly(descriptor, size):
    data = b""
    while len(data) < size:
        part = os.read(descriptor, size - len(data))
        if not part:
            raise EOFError
        data += part
    return data


def serve_client(connection, cooker, garbled):
    _, (events, commands, replies), _, _ = socket.recv_fds(connection, 1, 3)

    def send(it):
        os.write(events, frame(it))

    try:
        while True:
            (length,) = struct.unpack("!i", read_exactly(commands, 4))
            command = pickle.loads(read_exactly(commands, length))
            reply = cooker.run(command, send)
            os.write(replies, NO_FRAME if command[0] == garbled else frame(reply))
    except (EOFError, BrokenPipeError):
        pass
    finally:
        for each in (events, commands, replies):
            os.close(each)
        connection.close()
        say(left=True)


def xmlrpc_server(cooker):
    handlers = {}
    server = xmlrpc.server.SimpleXMLRPCServer(
        ("127.0.0.1", 0), logRequests=False, allow_none=True, use_builtin_types=True
    )

    def send(it):
        for number, each in list(handlers.items()):
            try:
                each.event.sendpickle(pickled(it))
            except Exception as error:
                say(dropped=repr(error))
                del handlers[number]

    def register(host, port):
        say(method="registerEventHandler")
        handlers[1] = xmlrpc.client.ServerProxy(
            f"http://{host}:{port}/", allow_none=True, use_builtin_types=True
        )
        return 1, "OK"

    def unregister(number):
        handlers.pop(number, None)

    def number():
        say(method="getEventHandle")
        return 1

    def token():
        say(method="addClient")
        return "0" * 32

    server.register_function(register, "registerEventHandler")
    server.register_function(unregister, "unregisterEventHandler")
    server.register_function(number, "getEventHandle")
    server.register_function(token, "addClient")
    server.register_function(lambda: say(left=True), "removeClient")
    server.register_function(lambda: cooker.run(["terminateServer"], send), "terminateServer")
    server.register_function(lambda command: cooker.run(command, send), "runCommand")
    return server


def main(folder, words):
    def option(name):
        return words[words.index(name) + 1] if name in words else None

    # A response that another process has read never arrives, so a call must time out.
    socket.setdefaulttimeout(5)
    odd = option("--send")
    lock = open(os.path.join(folder, "bitbake.lock"), "w")
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    path = os.path.join(folder, "bitbake.sock")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(5)
    cooker = Cooker(
        folder,
        option("--hold"),
        int(option("--parsers") or 0),
        None if odd is None else bytes.fromhex(odd),
    )
    remote = xmlrpc_server(cooker) if "--xmlrpc" in words else None
    address = "" if remote is None else " %s:%d" % remote.server_address
    lock.write(f"{os.getpid()}{address}\n")
    lock.flush()
    say(ready=True, pid=os.getpid(), address=address.strip())
    try:
        while True:
            sources = [listener] if remote is None else [listener, remote]
            for each in select.select(sources, [], [])[0]:
                if each is remote:
                    remote.handle_request()
                else:
                    serve_client(listener.accept()[0], cooker, option("--garble"))
    except Ended:
        os.unlink(path)
        os.unlink(os.path.join(folder, "bitbake.lock"))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
