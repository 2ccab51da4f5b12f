# SPDX-License-Identifier: MIT
"""What a machine changed, file by file.

Everything that differs from the machine's base (the host, or another root) lies in the upper directory
of its overlay, so a snapshot is a walk over that directory alone; a path that is not in it is as the
base has it.
"""

import fnmatch
import hashlib
import os
import stat
from pathlib import Path
from typing import Callable, Dict, Iterable, List, NamedTuple, Optional


class Entry(NamedTuple):
    """One file; detail is a SHA-256, the target of a link, or a device number."""

    kind: str
    mode: str
    uid: int
    gid: int
    detail: str


class Snapshot(Dict[str, Optional[Entry]]):
    """Path -> what is there; None: the base has it, the machine has not."""

    def __init__(self, base: str) -> None:
        super().__init__()
        self.base = base.rstrip("/")  # in front of a path, as the host sees it; "" is the host



def entry(path: str) -> Optional[Entry]:
    """None if there is no such file, or the overlay's mark (a device 0/0) that it was removed."""
    try:
        info = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    rest = format(stat.S_IMODE(info.st_mode), "04o"), info.st_uid, info.st_gid
    if stat.S_ISREG(info.st_mode):
        return Entry("file", *rest, hashlib.sha256(Path(path).read_bytes()).hexdigest())
    if stat.S_ISDIR(info.st_mode):
        return Entry("directory", *rest, "")
    if stat.S_ISLNK(info.st_mode):
        return Entry("link", *rest, os.readlink(path))
    if stat.S_ISCHR(info.st_mode) and info.st_rdev == 0:
        return None
    return Entry("special", *rest, str(info.st_rdev))


def is_opaque(folder: str) -> bool:
    """Was the directory removed and made again, so that nothing of the base's shows through?"""
    return "trusted.overlay.opaque" in os.listxattr(folder, follow_symlinks=False)


def take(upper: str, paths: Iterable[str], exclude: Iterable[str], base: str = "/",
         look: Callable[[str], Optional[Entry]] = entry) -> Snapshot:
    """
    Look at and below paths, which are on the overlay (not /dev, /proc, /run, /sys, /tmp).
    look: in place of entry(), for who knows a quicker way
    """
    patterns = list(exclude)
    found = Snapshot(base)
    for top in paths:
        top = os.path.realpath(found.base + top)[len(found.base) :]  # /lib is a link in most
        if os.path.lexists(upper + top):
            found[top] = look(upper + top)
        for folder, folders, files in os.walk(upper + top):
            inside = folder[len(upper) :]
            names = folders + files
            for name in names:
                found[f"{inside}/{name}"] = look(f"{folder}/{name}")
            if is_opaque(folder) and os.path.isdir(found.base + inside):
                below = os.listdir(found.base + inside)
                found.update({f"{inside}/{name}": None for name in below if name not in names})
    for path in [path for path in found if any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns)]:
        del found[path]
    return found


def lookup(snapshot: Snapshot, path: str) -> Optional[Entry]:
    """The file as it was then: the machine's, or the base's where that shows through."""
    if path in snapshot:
        return snapshot[path]
    if any(snapshot.get(str(parent), "base") is None for parent in Path(path).parents):
        return None
    return entry(snapshot.base + path)


def difference(before: Snapshot, after: Snapshot) -> List[str]:
    """Readable lines, one for each path that came, went or changed; empty when nothing did."""
    lines = []
    for path in sorted(before.keys() | after.keys()):
        old, new = lookup(before, path), lookup(after, path)
        if old is None and new is not None:
            lines.append(f"new      {path} ({' '.join(map(str, new[:4]))})")
        elif old is not None and new is None:
            lines.append(f"gone     {path}")
        elif old is not None and new is not None and old != new:
            changes = [
                f"{field} {was} -> {now}"
                for field, was, now in zip(Entry._fields, old, new)
                if was != now
            ]
            lines.append(f"changed  {path} ({', '.join(changes)})")
    return lines
