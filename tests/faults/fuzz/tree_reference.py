"""Makes random trees of inputs, edits them, and reports what a fingerprint must detect.

Reads and writes lines of JSON: {"op": "new" | "edit", "root": ..., "seed": ...} is answered by
{"state": ..., "problem": ..., "done": ...}. `state` is the same for two trees if and only if their
fingerprints must be the same; `problem` says that a tree must have no fingerprint.
"""

import errno
import hashlib
import json
import os
import random
import shutil
import socket
import stat
import sys

SKIPPED = {b".git", b"node_modules", b".simmer"}
NAMES = [b"a.txt", b"b.txt", b"c", b"d", b"e", b".hidden", b"\xc3\xa4", b"\xef\xbf\xbd", b"x" * 255,
         b"node_modules", b"Z z", b"new\nline", b"q\"uote"]
STRANGE = [b"\xff", b"\xfe", b"a\xff.txt", b"\xc3"]
ABSENT = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}
PROC = os.stat("/proc").st_dev if os.path.exists("/proc") else None


class Problem(Exception):
    """The tree must have no fingerprint."""


def decodable(name):
    try:
        name.decode("utf-8")
        return True
    except UnicodeDecodeError:
        return False


def sha(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def content(path, info):
    mode = info.st_mode
    if stat.S_ISDIR(mode):
        return "folder"
    if stat.S_ISREG(mode):
        return "kernel" if info.st_dev == PROC else sha(path)
    return f"{stat.S_IFMT(mode)} {info.st_rdev}"


def describe(path):
    info = os.lstat(path)
    if stat.S_ISLNK(info.st_mode):
        target = os.readlink(path)
        if not decodable(target):
            raise Problem(path)
        try:
            there = content(path, os.stat(path))
        except OSError as error:
            if error.errno not in ABSENT:
                raise
            there = "absent"
        return f"link {target!r} {there}"
    is_program = stat.S_ISREG(info.st_mode) and info.st_mode & 0o100
    return f"{content(path, info)}{' x' if is_program else ''}"


def walk(folder, files, way=()):
    """`way`: the real paths of the folders above. The walk does not enter one of them again."""
    way = (*way, os.path.realpath(folder))
    for entry in os.scandir(folder):
        name = entry.name
        is_folder = entry.is_dir(follow_symlinks=False)
        if is_folder and name.lower() in SKIPPED:
            continue
        if not decodable(name):
            raise Problem(entry.path)
        if not is_folder:
            files[entry.path] = describe(entry.path)
        if is_folder or leads_on(entry):
            if os.path.realpath(entry.path) not in way:
                walk(entry.path, files, way)


def leads_on(entry):
    """Whether an entry is a link to a folder whose files are inputs."""
    if not entry.is_symlink() or entry.name.lower() in SKIPPED:
        return False
    try:
        info = os.stat(entry.path)
    except OSError as error:
        if error.errno not in ABSENT:
            raise
        return False
    real = os.path.realpath(entry.path)
    return stat.S_ISDIR(info.st_mode) and info.st_dev != PROC \
        and os.path.basename(real).lower() not in SKIPPED


def state(root):
    base = os.path.join(root, b"src")
    files = {}
    try:
        info = os.stat(base)
        if stat.S_ISDIR(info.st_mode):
            walk(base, files)
        else:
            files[base] = describe(base)
    except Problem as problem:
        return None, repr(problem.args[0])
    except OSError as error:
        if error.errno not in ABSENT:
            return None, repr(error)
    text = "\n".join(f"{path!r} {files[path]}" for path in sorted(files))
    return hashlib.sha256(text.encode()).hexdigest() if files else "", None


class Editor:
    def __init__(self, root, seed):
        self.root = root
        self.random = random.Random(seed)

    def folders(self):
        found = [os.path.join(self.root, b"src"), os.path.join(self.root, b"ext")]
        for folder, names, _ in os.walk(found[0]):
            found += [os.path.join(folder, name) for name in names
                      if len(folder) < 600 and not os.path.islink(os.path.join(folder, name))]
        return [each for each in found if os.path.isdir(each)] or [self.root]

    def some(self):
        paths = []
        for folder in self.folders():
            paths += [os.path.join(folder, name) for name in os.listdir(folder)]
        return self.random.choice(paths) if paths else None

    def place(self):
        names = STRANGE if self.random.random() < 0.003 else NAMES
        return os.path.join(self.random.choice(self.folders()), self.random.choice(names))

    def inside(self, path):
        """Rejects a path that links lead out of the root, so that no edit changes other files."""
        root = os.path.realpath(self.root)
        if os.path.commonpath([root, os.path.realpath(path)]) != root:
            raise ValueError(path)

    def write(self, path):
        kind = self.random.random()
        self.inside(path)
        flags = os.O_WRONLY | os.O_CREAT | os.O_NONBLOCK
        descriptor = os.open(path, flags | (os.O_TRUNC if kind < 0.5 else 0), 0o644)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return
            if kind > 0.95:
                # Sparse, and larger than one read.
                os.ftruncate(descriptor, 2_500_000)
                os.lseek(descriptor, self.random.randrange(2_500_000), os.SEEK_SET)
            os.write(descriptor, self.random.choice([b"", b"1", b"2", b"33"]))
        finally:
            os.close(descriptor)

    def edit(self):
        pick = self.random.choice
        # No hard links: the kernel does not report writes by a name that was made later.
        act = pick(["write"] * 6 + ["change"] * 4 + ["sly", "mkdir", "mkdir", "remove", "remove",
                    "rename", "rename", "link", "link", "fifo", "socket", "device", "chmod",
                    "swap"] + (["deep"] if self.random.random() < 0.05 else []))
        path = self.place()
        other = self.some()
        for each in (path, other):
            if each:
                self.inside(os.path.dirname(each))
        if act == "write":
            self.write(path)
        elif act == "change" and other:
            self.write(other)
        elif act == "sly" and other and os.path.isfile(other) and not os.path.islink(other):
            # The same size, with the old times restored.
            info = os.stat(other)
            with open(other, "r+b") as file:
                file.write(pick([b"3", b"4"])[: info.st_size])
            os.utime(other, ns=(info.st_atime_ns, info.st_mtime_ns))
        elif act == "mkdir":
            os.mkdir(path)
        elif act == "remove" and other:
            shutil.rmtree(other) if os.path.isdir(other) and not os.path.islink(other) \
                else os.remove(other)
        elif act == "rename" and other:
            os.rename(other, path)
        elif act == "swap" and other:
            third = self.some()
            self.inside(os.path.dirname(third))
            aside = os.path.join(self.root, b"aside")
            os.rename(other, aside)
            try:
                os.rename(third, other)
                os.rename(aside, third)
            except OSError:
                os.rename(aside, other)
        elif act == "link":
            target = pick([b"a.txt", b"../ext/a.txt", b"loop", b".", b"..", b"nowhere", b"/dev/zero",
                           b"/dev/null", b"/proc/self/maps", b"/proc/kmsg", b"d",
                           os.path.join(self.root, b"ext", b"b.txt"),
                           b"../ext", b"e", self.root, os.path.join(self.root, b"ext", b"d"),
                           pick([b"\xff", b"ok"])])
            os.symlink(target, path)
        elif act == "fifo":
            os.mkfifo(path)
        elif act == "socket":
            here = os.open(".", os.O_RDONLY)
            try:
                # The path of a socket is limited to about 100 bytes.
                os.chdir(os.path.dirname(path))
                listener = socket.socket(socket.AF_UNIX)
                listener.bind(os.path.basename(path))
                listener.close()
            finally:
                os.fchdir(here)
                os.close(here)
        elif act == "device":
            os.mknod(path, 0o644 | stat.S_IFCHR, os.makedev(1, pick([3, 5])))
        elif act == "chmod" and other and not os.path.islink(other):
            # Only modes that the owner can read: root would ignore the others.
            os.chmod(other, pick([0o644, 0o755, 0o700]) if not os.path.isdir(other) else 0o755)
        elif act == "deep":
            here = os.open(".", os.O_RDONLY)
            try:
                os.chdir(os.path.join(self.root, b"src"))
                for _ in range(18):
                    os.mkdir(b"l" * 250)
                    os.chdir(b"l" * 250)
            finally:
                os.fchdir(here)
                os.close(here)


def main():
    editors = {}
    for line in sys.stdin:
        request = json.loads(line)
        root = request["root"].encode()
        if request["op"] == "new":
            for name in (b"src", b"ext"):
                path = os.path.join(root, name)
                if os.path.islink(path) or os.path.isfile(path):
                    os.remove(path)
                shutil.rmtree(path, ignore_errors=True)
                os.makedirs(path, exist_ok=True)
            editors[root] = Editor(root, request["seed"])
        editor = editors[root]
        count = 0
        for _ in range(request["edits"]):
            try:
                editor.edit()
                count += 1
            except (OSError, ValueError, TypeError):
                # Random edits may be impossible. Only the resulting tree matters.
                pass
        value, problem = state(root)
        print(json.dumps({"state": value, "problem": problem, "done": count}), flush=True)


main()
