# SPDX-License-Identifier: MIT
"""The log of interrupt.c: which calls leave the machine as it was, where a kill makes a difference, what power loss takes."""

import fnmatch
import posixpath
from typing import Container, Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Set


class Call(NamedTuple):
    point: str  # see interrupt.c
    name: str
    result: Optional[int]  # None: it did not return
    arguments: Sequence[str]  # paths, mostly

    @property
    def process(self) -> str:
        return self.point.partition(":")[0]

    @property
    def failed(self) -> bool:
        return self.result is not None and self.result < 0

    def __str__(self) -> str:
        return " ".join([self.point, self.name, *self.arguments])


def parse(log: str) -> List[Call]:
    calls = []
    for line in log.splitlines():
        point, name, result, *arguments = line.split("\t")
        calls.append(Call(point, name, None if result == "?" else int(result), arguments))
    return calls


# By their nature these change no file, and nothing outside of the processes that a kill takes.
SILENT = {"fsync", "fdatasync", "sync", "syncfs", "sync_file_range", "clone", "clone3", "fork", "vfork", "execve", "execveat",
          "connect", "bind", "sendto", "sendmsg", "sendmmsg", "flock"}
# What is changed here goes to processes that a kill takes, or away, or is a cache; the log of the handler is read by people
# alone.
NOWHERE = ("pipe", "socket", "anon_inode", "/memfd:*", "/dev/*", "/proc/*", "/var/cache/*", "*/handler.log")
KINDS = ("pipe", "socket", "anon_inode")  # of descriptors that are no files


def leaves_all(call: Call) -> bool:
    """Is the machine after the call, were all these processes killed, what it was before the call?"""
    if call.failed or call.name in SILENT:
        return True
    places = [argument for argument in call.arguments if argument.startswith("/") or argument in KINDS]
    return bool(places) and all(any(fnmatch.fnmatchcase(place, pattern) for pattern in NOWHERE) for place in places)


class Kill(NamedTuple):
    """Where to kill; call is the one that makes the difference."""

    option: str  # of interrupt.c
    call: Call

    def __str__(self) -> str:
        return f"{self.option[2:]} {self.call}"


def kills(calls: Iterable[Call]) -> List[Kill]:
    """
    Before the first call that changes something, between each two, and after the last.  Every other call is between
    two of these, and leaves the machine as it was; so a kill before or after it leaves what one of these kills leaves.
    Of the two ways to kill between two calls, after the one and before the other, each has its turn.
    """
    changing = [call for call in calls if not leaves_all(call)]
    if not changing:
        return []
    between = [Kill("--after", one) if number % 2 else Kill("--before", other)
               for number, (one, other) in enumerate(zip(changing, changing[1:]))]
    return [Kill("--before", changing[0]), *between, Kill("--after", changing[-1])]


def has_child(call: Call) -> bool:
    """Of the handler: has it started one just now, or does it write down what one says?"""
    started = call.name in ("clone", "clone3", "fork", "vfork") and not call.failed
    return call.process == "0" and (started or (call.name == "write" and call.arguments[0].endswith("/packages.log")))


# ---- power loss

class Loss(NamedTuple):
    call: Call
    why: str

    def __str__(self) -> str:
        return f"{self.call}: {self.why}"


class Order:
    """
    What the disk may not have yet: a file until fsync of it, a name in a directory until fsync of the directory.
    check: each rename, and each claim (the renames that say that the work is done), against that.  What syncfs is called
    for is taken to be a file system of its own.
    """

    # Lost with the power anyhow; logs; a lock, of which nobody reads anything when no process holds it.
    IGNORED = ("/dev/*", "/proc/*", "/run/*", "/tmp/*", "/memfd:*", "/var/log/*", "/var/lib/aadsshlogin/lock")

    def __init__(self) -> None:
        self._files: Set[str] = set()
        self._names: Dict[str, Set[str]] = {}  # of a directory: names in it
        self.losses: List[Loss] = []
        self.renames = self.claims = 0

    def _ignored(self, path: str) -> bool:
        return not path.startswith("/") or any(fnmatch.fnmatchcase(path, pattern) for pattern in self.IGNORED)

    def _name(self, path: str) -> None:
        if not self._ignored(path):
            self._names.setdefault(posixpath.dirname(path), set()).add(posixpath.basename(path))

    def _rename(self, call: Call) -> None:
        old, new = call.arguments[:2]
        if self._ignored(new):
            return
        self.renames += 1
        if old in self._files:
            self.losses.append(Loss(call, "its bytes may not be on the disk yet"))
            self._files.add(new)
        self._files.discard(old)
        self._name(old)
        self._name(new)

    def _sync(self, path: str) -> None:
        self._files.discard(path)
        self._names.pop(path, None)

    def _sync_all(self, place: str) -> None:
        def outside(path: str) -> bool:
            return path != place and not path.startswith(place.rstrip("/") + "/")

        self._files = set(filter(outside, self._files))
        self._names = {folder: names for folder, names in self._names.items() if outside(folder)}

    def _unsynced(self) -> Iterator[str]:
        yield from self._files
        for folder, names in self._names.items():
            yield from (f"the name {folder}/{name}" for name in names)

    def _claim(self, call: Call) -> None:
        self.claims += 1
        # What the claim itself is about to rename is synced after it.
        self.losses += [Loss(call, f"not on the disk yet: {what}") for what in sorted(self._unsynced())
                        if call.arguments[0] not in what]

    def play(self, calls: Iterable[Call], claims: Container[str]) -> "Order":
        """claims: points of the renames that say that all is done.  Several runs are played one after the other."""
        for call in calls:
            if call.failed or call.result is None:
                continue
            if call.point in claims:
                self._claim(call)
            path = call.arguments[0] if call.arguments else ""
            if call.name.startswith("rename"):
                self._rename(call)
            elif call.name in ("fsync", "fdatasync"):
                self._sync(path)
            elif call.name == "syncfs":
                self._sync_all(path)
            elif call.name in ("unlink", "unlinkat", "rmdir", "mkdir", "mkdirat", "mknod", "mknodat", "symlink", "symlinkat"):
                self._files.discard(path)
                self._names.pop(path, None)  # of a directory that went
                self._name(path)
            elif call.name in ("link", "linkat"):
                self._name(call.arguments[1])
            elif call.name in ("open", "openat", "openat2", "creat"):
                # Opened for writing, it may have been made.
                self._files.update([] if self._ignored(path) else [path])
                self._name(path)
            elif call.name in ("write", "writev", "pwrite64", "pwritev", "ftruncate", "truncate", "sendfile", "copy_file_range",
                               "fallocate", "fchmod", "fchmodat", "chmod", "fchown", "fchownat", "chown", "lchown", "fsetxattr"):
                self._files.update([] if self._ignored(path) else [path])
        return self
