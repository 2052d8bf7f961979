"""Generates random values, pickles them, and checks the values that come back.

stdin: frames (32-bit big-endian length + pickle), one for each sent value. stdout: for each value a
frame with its pickle and a frame with its exact description, and one line with the result.
"""

import collections
import datetime
import decimal
import pickle
import random
import struct
import sys


class Thing:
    def __init__(self, **state):
        self.__dict__.update(state)

    def __eq__(self, other):
        return type(other) is Thing and other.__dict__ == self.__dict__


def value(chance, depth):
    kind = chance.randrange(18 if depth > 0 else 9)
    if kind == 0:
        return chance.choice([None, True, False])
    if kind == 1:
        return chance.choice([0, -1, 255, 256, 65535, 65536, -(2**31), 2**31, 2**53, -(2**53) - 1])
    if kind == 2:
        return chance.randrange(-(2 ** chance.randrange(1, 2100)), 2 ** chance.randrange(1, 2100))
    if kind == 3:
        return chance.choice([0.0, -0.0, 1.5, float("inf"), float("-inf"), float("nan"), 1e300])
    if kind == 4:
        return chance.uniform(-1e6, 1e6)
    if kind in (5, 6):
        alphabet = "abc \n\\'\"\u00e9\u20ac\U0001f600\ud800\udc00x"
        return "".join(chance.choice(alphabet) for _ in range(chance.choice([0, 1, 3, 10, 300])))
    if kind == 7:
        return chance.randbytes(chance.choice([0, 1, 5, 255, 256, 300]))
    if kind == 8:
        return bytearray(chance.randbytes(chance.choice([0, 1, 5, 300])))
    many = [value(chance, depth - 1) for _ in range(chance.choice([0, 1, 2, 3, 4, 12]))]
    if kind in (9, 10, 11):
        return many
    if kind in (12, 13):
        return tuple(many)
    if kind in (14, 15):
        return {key(chance): each for each in many}
    if kind == 16:
        return {key(chance) for _ in many}
    return frozenset(key(chance) for _ in many)


def key(chance):
    return chance.choice([
        chance.randrange(1000), "key%d" % chance.randrange(50), chance.random(), None,
        (chance.randrange(9), "x"), b"k%d" % chance.randrange(9), 2 ** 60 + chance.randrange(9),
    ])


def special(chance):
    return chance.choice([
        lambda: datetime.datetime(2026, 1, 2, 3, 4, 5, 6),
        lambda: decimal.Decimal("1.50"),
        lambda: collections.OrderedDict(a=1, b=[2]),
        lambda: collections.defaultdict(list, a=[1]),
        lambda: Thing(a=1, b="x", c=[Thing()]),
        lambda: 3 + 4j,
        lambda: range(3, 9),
        lambda: [chance.random(), Thing(x=(1,))],
    ])()


def said(it):
    if it is None:
        return "N"
    if it is True:
        return "T"
    if it is False:
        return "F"
    if type(it) is int:
        return "i%x" % it
    if type(it) is float:
        return "f" + ("nan" if it != it else struct.pack(">d", it).hex())
    if type(it) is str:
        return "s" + it.encode("utf-16-be", "surrogatepass").hex()
    if type(it) is bytes:
        return "b" + it.hex()
    if type(it) is bytearray:
        return "B" + it.hex()
    if type(it) is list:
        return "[" + ",".join(map(said, it)) + "]"
    if type(it) is tuple:
        return "(" + ",".join(map(said, it)) + ")"
    if type(it) is dict:
        return "{" + ",".join(said(k) + ":" + said(v) for k, v in it.items()) + "}"
    if type(it) is set:
        return "<" + ",".join(sorted(map(said, it))) + ">"
    if type(it) is frozenset:
        return "|" + ",".join(sorted(map(said, it))) + "|"
    return "?"


def write(body):
    sys.stdout.buffer.write(struct.pack(">i", len(body)) + body)


def read():
    (length,) = struct.unpack(">i", sys.stdin.buffer.read(4))
    return sys.stdin.buffer.read(length)



def main(seed, count):
    chance = random.Random(seed)
    values = []
    for number in range(count):
        it = special(chance) if number % 10 == 0 else value(chance, 4)
        values.append(it)
        write(pickle.dumps(it, number % 6))
        write((said(it) if number % 10 else "").encode())
    sys.stdout.buffer.flush()
    for number, it in enumerate(values):
        back = pickle.loads(read())
        same = back == it if number % 10 == 0 else said(back) == said(it)
        if not same:
            print("value %d came back as %r instead of %r" % (number, back, it))
            return
    print("all the same")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
