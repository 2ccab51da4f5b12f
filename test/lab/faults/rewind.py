# SPDX-License-Identifier: MIT
"""
A machine that is put back: what it looked like is remembered, and restored file by file in a fraction of a second,
so that hundreds of cases can be tried in one machine.

    rewinder = Rewinder(machine)
    clean = rewinder.picture()
    ...
    rewinder.put_back(clean)

What is not put back: times of files, /tmp, logs and caches.  sshd is started anew, since it may have read what is gone.
"""

import hashlib
import os
import stat
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Tuple

from lab.machine import Machine
from lab.snapshot import Entry, Snapshot, difference, entry, lookup

TREES = ("/etc", "/home", "/opt", "/root", "/srv", "/usr", "/var")
UNSEEN = ("/var/log/*", "/var/cache/*", "/var/tmp/*")
RUNTIME = "/run/aadsshlogin"  # not on the overlay


class Picture(NamedTuple):
    files: Snapshot
    runtime: Tuple[Tuple[str, int, int, int, Optional[bytes]], ...]  # path, mode, owner, group, bytes of a file


class Rewinder:
    """Of one machine; the bytes that were seen are kept for all."""

    _bytes: Dict[str, bytes] = {}  # by their SHA-256

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.root = f"/proc/{machine.pid}/root"
        self._seen: Dict[str, Tuple[Tuple[int, ...], Optional[Entry]]] = {}

    def _look(self, path: str) -> Optional[Entry]:
        """As snapshot.entry(), but a file is read when it is another than last time alone."""
        try:
            info = os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        if not stat.S_ISREG(info.st_mode):
            return entry(path)
        key = (info.st_ino, info.st_mode, info.st_uid, info.st_gid, info.st_size, info.st_mtime_ns, info.st_ctime_ns)
        seen = self._seen.get(path)
        if seen and seen[0] == key:
            return seen[1]
        try:
            text = Path(path).read_bytes()
        except FileNotFoundError:
            return None
        digest = hashlib.sha256(text).hexdigest()
        self._bytes[digest] = text
        found = Entry("file", format(stat.S_IMODE(info.st_mode), "04o"), info.st_uid, info.st_gid, digest)
        self._seen[path] = (key, found)
        return found

    def picture(self) -> Picture:
        return Picture(self.machine.snapshot(TREES, UNSEEN, self._look), tuple(self._runtime()))

    def _runtime(self) -> "List[Tuple[str, int, int, int, Optional[bytes]]]":
        found = []
        for folder, _, files in os.walk(self.root + RUNTIME):
            for path in [folder, *(f"{folder}/{name}" for name in files)]:
                info = os.lstat(path)
                text = Path(path).read_bytes() if stat.S_ISREG(info.st_mode) else None
                found.append((path[len(self.root):], stat.S_IMODE(info.st_mode), info.st_uid, info.st_gid, text))
        return found

    def bytes_of(self, picture: Picture, path: str) -> Optional[bytes]:
        """Of a file as it was then; None: there was none."""
        found = lookup(picture.files, path)
        if found is None or found.kind != "file":
            return None
        return self._bytes[found.detail] if found.detail in self._bytes else Path(picture.files.base + path).read_bytes()

    def put_back(self, picture: Picture) -> None:
        now = self.picture()
        paths = [path for path in now.files.keys() | picture.files.keys()
                 if lookup(now.files, path) != lookup(picture.files, path)]
        for path in sorted(paths, reverse=True):
            self._remove(path, lookup(picture.files, path))
        for path in sorted(paths):
            self._make(path, lookup(picture.files, path), picture)
        if now.runtime != picture.runtime:
            self._put_back_runtime(picture)
        left = difference(picture.files, self.picture().files)
        if left:
            raise RuntimeError("the machine cannot be put back:\n" + "\n".join(left))
        self.restart_sshd()

    def _remove(self, path: str, wanted: Optional[Entry]) -> None:
        """A directory that is to stay is kept; what is below it went before."""
        here = self.root + path
        if not os.path.lexists(here):
            return
        is_folder = os.path.isdir(here) and not os.path.islink(here)
        if is_folder and not (wanted and wanted.kind == "directory"):
            os.rmdir(here)
        elif not is_folder:
            os.unlink(here)

    def _make(self, path: str, wanted: Optional[Entry], picture: Picture) -> None:
        here = self.root + path
        if wanted is None:
            return
        if wanted.kind == "directory":
            os.makedirs(here, exist_ok=True)
        elif wanted.kind == "link":
            os.symlink(wanted.detail, here)
        elif wanted.kind == "file":
            Path(here).write_bytes(self.bytes_of(picture, path) or b"")
        else:
            raise RuntimeError(f"{path} is none that can be put back")
        os.chown(here, wanted.uid, wanted.gid, follow_symlinks=False)
        if wanted.kind != "link":
            os.chmod(here, int(wanted.mode, 8))

    def _put_back_runtime(self, picture: Picture) -> None:
        self.machine.sh(f"rm -rf {RUNTIME}")
        for path, mode, uid, gid, text in picture.runtime:
            here = Path(self.root + path)
            if text is None:
                here.mkdir()
            else:
                here.write_bytes(text)
            os.chown(here, uid, gid)
            here.chmod(mode)

    def restart_sshd(self) -> None:
        """Open sessions stay."""
        if os.path.exists(f"{self.root}/run/sshd.pid"):
            self.machine.stop_sshd()
        self.machine.start_sshd()
