"""Reads lines with two pickles in hex each, and prints how many pairs Python finds equal.

Classes are created from their names, so that their modules need not be installed.
"""

import io
import pickle
import sys

CLASSES = {}


class Named:
    def __init__(self, *args):
        self.args = args

    def __new__(cls, *args, **kwargs):
        made = object.__new__(cls)
        made.given = (args, kwargs)
        return made

    def __eq__(self, other):
        return type(self) is type(other) and self.__dict__ == other.__dict__

    def __hash__(self):
        return 1


class Loader(pickle.Unpickler):
    def find_class(self, module, name):
        if module == "collections":
            return super().find_class(module, name)
        return CLASSES.setdefault((module, name), type(name, (Named,), {"__module__": module}))


def load(text):
    return Loader(io.BytesIO(bytes.fromhex(text))).load()


same = 0
for line in sys.stdin:
    ours, theirs = line.split()
    if load(ours) == load(theirs):
        same += 1
    else:
        print("not the same:", load(ours), load(theirs))
print(same, "the same")
