# SPDX-License-Identifier: MIT
"""
In the machine of hostile.py: put something else in a file's place, run a verb, look, put the file back.

Standard input holds the work as JSON: {"handler", "folder", "environment", "files", "people", "cases": [[path, shape,
verb]]}; each case's outcome is a line of JSON on standard output.  Only the standard library is there.
"""

import ctypes
import hashlib
import json
import os
import shutil
import socket
import stat
import subprocess
import sys
import time
from typing import Callable, Dict, List, Optional

KEPT = ["/run/lab-kept", "/var/lib/lab-kept"]  # on the file systems of the files
HOME = "/home/local"
CANARIES = ("/etc/shadow", f"{HOME}/canary", f"{HOME}/copy")
DANGLING = f"{HOME}/nothing"
PATIENCE = 40  # seconds; a verb that takes longer hangs
FIRST_NAMES = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}


# ---- what takes a file's place: each gets the path and where the file itself is kept

def link_to(target: str) -> Callable[[str, str], None]:
    return lambda path, kept: os.symlink(target, path)


def link_to_a_users_copy(path: str, kept: str) -> None:
    """What it holds would do; whose it is must not."""
    os.symlink(f"{HOME}/copy", path)


def loop(path: str, kept: str) -> None:
    os.symlink(os.path.basename(path), path)


def two_links(path: str, kept: str) -> None:
    shutil.copy2(kept, path)
    give_as(kept, path)
    os.link(path, f"{HOME}/second")


def fifo(path: str, kept: str) -> None:
    os.mkfifo(path, 0o644)


def directory(path: str, kept: str) -> None:
    os.mkdir(path, 0o755)


def device(path: str, kept: str) -> None:
    """It never ends."""
    os.mknod(path, 0o644 | stat.S_IFCHR, os.makedev(1, 5))


def listening_socket(path: str, kept: str) -> None:
    """bind takes short paths alone, so from the folder."""
    os.chdir(os.path.dirname(path))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.basename(path))
    os.chdir("/")


def give_as(kept: str, path: str) -> None:
    info = os.stat(kept)
    os.chown(path, info.st_uid, info.st_gid)
    os.chmod(path, stat.S_IMODE(info.st_mode))


def copied(path: str, kept: str) -> None:
    shutil.copy2(kept, path)
    give_as(kept, path)


def with_flag(flag: str) -> Callable[[str, str], None]:
    def place(path: str, kept: str) -> None:
        copied(path, kept)
        subprocess.run(["chattr", f"+{flag}", path], check=True, stderr=subprocess.DEVNULL)
    return place


def huge(path: str, kept: str) -> None:
    copied(path, kept)
    os.truncate(path, 1 << 30)


def foreign_owner(path: str, kept: str) -> None:
    copied(path, kept)
    shutil.chown(path, "local", "local")


def writable_by_all(path: str, kept: str) -> None:
    copied(path, kept)
    os.chmod(path, 0o666)


SHAPES: Dict[str, Callable[[str, str], None]] = {
    "a link to a user's file": link_to_a_users_copy,
    "a link to the passwords": link_to("/etc/shadow"),
    "a link to nothing": link_to(DANGLING),
    "a link to itself": loop,
    "a second link": two_links,
    "a FIFO": fifo,
    "a directory": directory,
    "a device": device,
    "a socket": listening_socket,
    "an immutable file": with_flag("i"),
    "an append-only file": with_flag("a"),
    "a huge file": huge,
    "a file of a user's": foreign_owner,
    "a file that all can write": writable_by_all,
}
# Of the folder around it.
FOLDERS = {"in a folder that a group can write": 0o020, "in a folder that all can write": 0o002}


# ---- looking

def fingerprint(path: str) -> Optional[List[object]]:
    """Of the passwords without the line of our own user, whom the package makes and removes."""
    try:
        info = os.lstat(path)
    except OSError:
        return None
    what: object = ""
    if stat.S_ISREG(info.st_mode) and info.st_size < 1 << 24:
        with open(path, "rb") as file:
            lines = [line for line in file if path != "/etc/shadow" or not line.startswith(b"aadsshlogin:")]
        what = hashlib.sha256(b"".join(lines)).hexdigest()
    elif stat.S_ISLNK(info.st_mode):
        what = os.readlink(path)
    return [stat.S_IFMT(info.st_mode), stat.S_IMODE(info.st_mode), info.st_uid, info.st_gid, what]


class Outcome(dict):
    """code: of a program, None when it did not end; seconds; said"""


def run(argv: List[str], environment: Dict[str, str], seconds: float = PATIENCE, user: int = 0) -> Outcome:
    def become() -> None:
        """Without a library that looks up who that is."""
        if user:
            os.setgroups([])
            os.setresgid(user, user, user)
            os.setresuid(user, user, user)
    started = time.monotonic()
    try:
        process = subprocess.Popen(argv, preexec_fn=become, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, start_new_session=True, cwd="/")
    except FileNotFoundError as error:
        return Outcome(code=127, seconds=0, said=str(error))  # uninstalled, as far as it went
    try:
        said, _ = process.communicate(timeout=seconds)
        code: Optional[int] = process.returncode
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        said, _ = process.communicate()
        code = None
    return Outcome(code=code, seconds=round(time.monotonic() - started, 2), said=said.decode(errors="replace")[-2000:])


class Machine:
    def __init__(self, work: dict) -> None:
        self.work, self.files = work, work["files"]
        self.people = work["people"]  # {"key command": argv, "key user": uid, "sudo": uid, "local": uid}
        for folder in KEPT:
            os.makedirs(folder, mode=0o700, exist_ok=True)

    def verb(self, verb: str) -> Outcome:
        for name in os.listdir(f"{self.work['folder']}/status"):
            self.remove(f"{self.work['folder']}/status/{name}")
        return run([self.work["handler"], verb], self.work["environment"])

    @staticmethod
    def remove(path: str) -> None:
        subprocess.run(["chattr", "-i", "-a", path], check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        elif os.path.lexists(path):
            os.unlink(path)

    def status(self) -> Optional[dict]:
        path = f"{self.work['folder']}/status/{self.work['sequence']}.status"
        try:
            if not stat.S_ISREG(os.lstat(path).st_mode):
                return None
            with open(path, encoding="utf-8") as file:
                return json.load(file)[0]["status"]
        except (OSError, ValueError) as error:
            return {"status": f"unreadable: {error}"}

    def local_works(self) -> bool:
        sudo = run(["sudo", "-n", "id", "-u"], FIRST_NAMES, 10, self.people["local"])
        return sudo["code"] == 0 and sudo["said"].strip() == "0"

    def sshd_works(self) -> bool:
        return run(["/usr/sbin/sshd", "-t"], FIRST_NAMES, 5)["code"] == 0

    def entra_key(self) -> Outcome:
        return run(self.people["key command"], {"PATH": "/usr/bin"}, 60, self.people["key user"])

    def entra_sudo(self) -> Outcome:
        return run(["sudo", "-n", "id", "-u"], FIRST_NAMES, 60, self.people["sudo"])

    def look(self) -> Dict[str, object]:
        return {path: fingerprint(path) for path in self.files}

    def prepare(self, path: str, shape: str, kept: str) -> Callable[[], None]:
        """Returns what puts all back."""
        folder = os.path.dirname(path)
        for canary in CANARIES[1:]:
            if not os.path.exists(canary):
                with open(canary, "w", encoding="ascii") as file:
                    file.write("a user's own\n")
                shutil.chown(canary, "local", "local")
        if shape in FOLDERS:
            mode = stat.S_IMODE(os.stat(folder).st_mode)
            os.chmod(folder, mode | FOLDERS[shape])
            return lambda: os.chmod(folder, mode)
        shutil.copyfile(path, f"{HOME}/copy")
        os.rename(path, kept)

        def mend() -> None:
            self.remove(path)
            os.rename(kept, path)
            self.remove(f"{HOME}/second")
        try:
            SHAPES[shape](path, kept)
        except BaseException:
            mend()
            raise
        return mend

    def case(self, path: str, shape: str, verb: str) -> dict:
        kept = f"{KEPT[not path.startswith('/run/')]}/{os.path.basename(path)}"
        before, started = self.look(), time.monotonic()
        try:
            mend = self.prepare(path, shape, kept)
        except (OSError, subprocess.CalledProcessError) as error:
            return {"impossible": str(error)}
        canaries = [fingerprint(canary) for canary in CANARIES]
        told: dict = {"local before": self.local_works(), "sshd before": self.sshd_works()}
        try:
            told["verb"] = self.verb(verb)
            told["status"] = self.status()
            told["key"], told["sudo"] = self.entra_key(), self.entra_sudo()
            told["local after"], told["sshd after"] = self.local_works(), self.sshd_works()
            told["harmed"] = [canary for canary, was in zip(CANARIES, canaries) if fingerprint(canary) != was]
            if os.path.lexists(DANGLING):
                told["harmed"].append(DANGLING)
                self.remove(DANGLING)
            told["left"] = fingerprint(path)
        finally:
            mend()
        if verb == "uninstall":
            told["again"] = self.verb("uninstall")
            told["gone"] = [path for path in self.work["ours"] if os.path.lexists(path)]
            told["install"] = self.verb("install")
        told["mended"] = self.verb("enable")
        after = self.look()
        told["seconds"] = round(time.monotonic() - started, 2)
        told["changed"] = [name for name in self.files if after[name] != before[name]]
        told["entra"] = self.entra_key()["said"].startswith("cert-authority")
        return told


def main() -> None:
    # Of a machine that was put back nothing may be left in the caller's group of processes either.
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
    work = json.load(sys.stdin)
    machine = Machine(work)
    for path, shape, verb in work["cases"]:
        outcome = machine.case(path, shape, verb)
        print(json.dumps({"path": path, "shape": shape, "asked": verb, **outcome}), flush=True)


if __name__ == "__main__":
    main()
