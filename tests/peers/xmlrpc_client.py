"""XML-RPC client of simmer that uses only Python's standard library.

It runs the steps in its arguments in order, and prints a line of JSON for each answer and for each
event that the server pushes:

    xmlrpc_client.py HOST:PORT register addClient run:TASK wait:EVENT cancel removeClient ...
"""

import json
import os
import sys
import threading
import xmlrpc.client
import xmlrpc.server


class Transport(xmlrpc.client.Transport):
    """Adds the token to each request."""

    token = None

    def send_headers(self, connection, headers):
        if self.token is not None:
            headers = headers + [("Bitbake-token", self.token)]
        super().send_headers(connection, headers)


class Peer:
    def __init__(self, address):
        self.transport = Transport()
        url = f"http://{address}"
        self.proxy = xmlrpc.client.ServerProxy(url, transport=self.transport, allow_none=True)
        self.events = []
        self.changed = threading.Condition()
        self.server = None

    def say(self, kind, what):
        with self.changed:
            print(json.dumps({kind: what}), flush=True)

    def register(self):
        self.server = xmlrpc.server.SimpleXMLRPCServer(
            ("127.0.0.1", 0), logRequests=False, allow_none=True
        )
        self.server.register_function(self.take, "event.send")
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.handle, answer = self.proxy.registerEventHandler(*self.server.server_address)
        return answer

    def take(self, text):
        event = json.loads(text)
        self.say("event", event)
        with self.changed:
            self.events.append(event["type"])
            self.changed.notify_all()

    def wait(self, kind):
        with self.changed:
            if not self.changed.wait_for(lambda: kind in self.events, timeout=60):
                sys.exit(f"{kind} did not come")
        return kind

    def step(self, words):
        name, _, argument = words.partition(":")
        if name == "register":
            return self.register()
        if name == "addClient":
            self.transport.token = self.proxy.addClient()
            return self.transport.token
        if name == "token":
            self.transport.token = argument or None
            return argument
        if name == "run":
            params = {"tasks": [argument], "env": dict(os.environ)}
            return self.proxy.runCommand(["runTasks", params])
        if name == "command":
            return self.proxy.runCommand([argument])
        if name == "wait":
            return self.wait(argument)
        if name == "unregisterEventHandler":
            return self.proxy.unregisterEventHandler(self.handle)
        return getattr(self.proxy, name)()


def main(address, *steps):
    peer = Peer(address)
    for words in steps:
        try:
            peer.say(words, peer.step(words))
        except xmlrpc.client.Fault as fault:
            peer.say(words, {"fault": fault.faultCode, "text": fault.faultString})


main(*sys.argv[1:])
