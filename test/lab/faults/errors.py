# SPDX-License-Identifier: MIT
"""Each verb on a real machine, with one system call of the handler that fails: whichever, with any error that it may have.

usage: errors.py [--build DIR] [--list] [--only TEXT] [--sample] [--counts FILE]    as root; exit status 1 if anything is lost

interrupt.c lists the handler's calls, and has one of them fail.  Of calls of one name for the same file, with the same
error, the first and the last are tried; of forks and the like, which name no file, each.  After each: an exit code of
the table, and a status that says what is; with EINTR the verb succeeds.  After a success all is in force; after a failure
the machine is as before, or the next run brings it where it was to go; uninstall leaves it as it was before it all.
Where two failures leave the same files, byte by byte, what follows is tried once.  test/unit/test_faults.c does the same
with every single call into libc.
"""

import hashlib
import os
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Callable, Dict, List, NamedTuple, Sequence, Set

sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parents[2] / "fakes")]

from lab.faults.campaign import (  # noqa: E402
    STATE, UNREACHED, UPDATE, Campaign, Lab, campaigns, installed, matches, nothing, on_each, updated)
from lab.faults.rewind import Picture  # noqa: E402
from lab.faults.tally import CONVERGED, FAILED, RESTORED, TOLD  # noqa: E402
from lab.install import FIRST, NEXT  # noqa: E402
from lab.machine import Result  # noqa: E402
from lab.snapshot import difference  # noqa: E402
from lab.teller import expect  # noqa: E402

TABLE = {0, 20, 21, 22, 23, 24, 25, 26, 27, 51, 52, 53}

MAKES = ["ENOSPC", "EIO", "ENOMEM", "EROFS", "EMFILE", "EINTR"]
ERRORS: Dict[str, List[str]] = {
    "open": ["EIO", "ENOMEM", "EMFILE", "EINTR"], "read": ["EIO", "EINTR"], "pread64": ["EIO"], "write": ["ENOSPC", "EIO", "EINTR"],
    "fsync": ["ENOSPC", "EIO", "EINTR"], "ftruncate": ["EIO", "EINTR"], "rename": ["ENOSPC", "EIO", "ENOMEM", "EROFS"],
    "unlink": ["EIO", "ENOMEM", "EROFS"], "mkdir": ["ENOSPC", "EIO", "ENOMEM", "EROFS"], "symlink": ["ENOSPC", "EIO", "EROFS"],
    "fchmod": ["EIO", "EROFS"], "fchown": ["EIO", "EROFS"], "stat": ["EIO", "ENOMEM"], "readlink": ["EIO", "ENOMEM"],
    "getdents": ["EIO", "ENOMEM"], "fork": ["ENOMEM", "EAGAIN"], "pipe": ["EMFILE", "ENOMEM"], "memfd_create": ["EMFILE", "ENOMEM"],
    "dup": ["EMFILE", "EINTR"], "execve": ["EIO", "ENOMEM"], "socket": ["EMFILE", "ENOMEM"], "connect": ["EINTR", "ENOMEM"],
    "send": ["EINTR", "ENOMEM"], "recv": ["EINTR", "ENOMEM"], "poll": ["EINTR", "ENOMEM"], "wait": ["EINTR"], "flock": ["EINTR", "ENOMEM"],
    "fcntl": ["EMFILE"], "statfs": ["EIO"], "mmap": ["ENOMEM"], "nanosleep": ["EINTR"], "chdir": ["EIO", "ENOMEM"],
}
# The kernel's names of one kind.
KINDS = {
    "open": "open openat openat2", "read": "read readv", "write": "write writev", "fsync": "fsync fdatasync", "rename": "rename renameat renameat2",
    "unlink": "unlink unlinkat rmdir", "mkdir": "mkdir mkdirat", "symlink": "symlink symlinkat", "fchmod": "fchmod fchmodat chmod",
    "fchown": "fchown fchownat chown", "stat": "stat lstat fstat newfstatat statx", "readlink": "readlink readlinkat",
    "getdents": "getdents getdents64", "fork": "fork vfork clone clone3", "pipe": "pipe pipe2", "dup": "dup dup2 dup3", "send": "sendto sendmsg",
    "recv": "recvfrom recvmsg", "poll": "poll ppoll", "wait": "wait4 waitid", "nanosleep": "nanosleep clock_nanosleep", "statfs": "statfs fstatfs",
}
KIND = {name: kind for kind, names in KINDS.items() for name in names.split()}
UNSETTLED = ["/var/lib/dpkg/*", "/var/lib/waagent/*/status/*", "/var/lib/waagent/*/mrseq", "/etc/ld.so.cache", "/etc/.pwd.lock", "/etc/aadpasswd.db",
             f"{STATE}/state.json", f"{STATE}/seal", f"{STATE}/lock"]
MEMORY = [*UNSETTLED, STATE, f"{STATE}/original", f"{STATE}/original/*", "/etc/passwd-", "/etc/group-", "/etc/shadow-", "/etc/gshadow-"]
LITTER = ["*aadssh-new", "*/event.tmp"]


class Fault(NamedTuple):
    process: str  # see interrupt.c
    name: str
    ordinal: int  # of the calls of this name for the same file
    what: str  # a pattern of the file, as a rule
    error: str

    def __str__(self) -> str:
        return f"{self.process}:{self.name}:{self.ordinal}:{self.what}={self.error}"  # as interrupt.c takes it


def pattern(text: str) -> str:
    """A path, but for what differs from run to run: numbers of processes, times, addresses."""
    return re.sub(r"(?<=/proc/)\d+|(?<=/event-)\d+|(?<=/\.event-)\d+|\d{9,}|\[\d+\]", "*", text)


def opens(name: str) -> bool:
    """Which of the calls it is, is the libc's choice."""
    return KIND.get(name) == "open"


def possible(log: str) -> List[Fault]:
    """Everything that may go wrong, once the program has come to its own work: what comes before is the loader's."""
    found = []
    ordinals: Counter = Counter()
    begun = False
    for point, name, _, *arguments in (line.split("\t") for line in log.splitlines()):
        process, what = point.partition(":")[0], pattern(arguments[0] if arguments else "")
        ordinals[process, name, what] += 1
        begun = begun or opens(name) and what == "/"  # by sys_open()
        creates = opens(name) and len(arguments) > 1 and int(arguments[1]) & (os.O_CREAT | os.O_WRONLY | os.O_RDWR)
        errors = MAKES if creates else ERRORS.get(KIND.get(name, name), [])
        found += [Fault(process, name, ordinals[process, name, what], what, error) for error in errors * begun]
    # Lines of processes that run together come in any order.
    return sorted(found, key=lambda fault: [int(part) for part in fault.process.split(".")])


def faults(log: str) -> List[Fault]:
    """
    The first and the last of those that are alike, each where no file tells them apart, in an order that depends on
    nothing else: one of each call and error, then the next of each.
    """
    alike: Dict[object, List[Fault]] = {}
    for fault in possible(log):
        alike.setdefault((fault.process.count("."), fault.name, fault.what, fault.error), []).append(fault)
    chosen: Set[Fault] = set()
    for same in alike.values():
        chosen.update(same[:1] if by_chance(same[0]) else [same[0], same[-1]] if same[0].what else same)
    turns: Counter = Counter()
    ordered = []
    for fault in sorted(chosen, key=lambda fault: hashlib.sha256(str(fault).encode()).digest()):
        kind = fault.process.count("."), fault.name, fault.error
        turns[kind] += 1
        ordered.append((turns[kind], fault))
    return [fault for _, fault in sorted(ordered, key=lambda item: item[0])]


def by_chance(fault: Fault) -> bool:
    """How often it is called differs from run to run, as with what another program says, in one piece or in two."""
    return (KIND.get(fault.name, fault.name) in ("poll", "wait", "nanosleep", "mmap") or fault.what in ("pipe", "socket")
            or fault.what.endswith("/packages.log"))


class Row(NamedTuple):
    title: str
    verb: str
    prepare: Callable[[Lab], None]
    most: int  # of the faults
    sample: int
    strict: bool = True  # a failure leaves the machine as it was
    version: str = FIRST
    variables: Dict[str, str] = {}


def differs(one: Picture, other: Picture, exclude: Sequence[str]) -> List[str]:
    return [line for line in difference(one.files, other.files) if not matches(line.split()[1], exclude)]


def digest(picture: Picture) -> str:
    """Of what a later run can see, without times."""
    told = sorted((path, found) for path, found in picture.files.items() if not matches(path, UNSETTLED))
    return hashlib.sha256(repr((told, [entry[:4] for entry in picture.runtime])).encode()).hexdigest()


class Trial:
    """One row on one machine."""

    def __init__(self, lab: Lab, row: Row, campaign: Campaign) -> None:
        self.lab, self.row, self.campaign = lab, row, campaign
        self.harmless = 0
        lab.rewinder.put_back(lab.clean)
        row.prepare(lab)
        self.begin = lab.rewinder.picture()
        result = lab.run(row)
        expect(result.returncode == 0, result)
        self.end = lab.rewinder.picture()
        lab.rewinder.put_back(self.begin)
        result, log = lab.traced(row, "--every")
        expect(result.returncode == 0, result)
        self.faults = faults(log)

    def check_told(self, fault: Fault, result: Result) -> None:
        with self.lab.tally.trial(TOLD):
            code, status = result.returncode, self.lab.status(self.row)
            expect(code in TABLE, result)
            expect(code == 0 or fault.error != "EINTR", result)
            expect(status and (status["status"], status["code"]) == ("error" if code else "success", code), (status, result))
            message = status["formattedMessage"]["message"]
            expect(code == 0 or "\n" in message and not message.startswith("\n"), f"no cause or no remedy: {message!r}")

    def check_machine(self, result: Result, now: Picture) -> None:
        if result.returncode == 0:
            found = differs(self.end, now, UNSETTLED)
        else:
            found = differs(self.begin, now, MEMORY) if self.row.strict else []
        expect(not found, "\n".join([str(result), *found[:20]]))

    def follow(self) -> None:
        """The next run, and uninstall."""
        with self.lab.tally.trial(CONVERGED):
            result = self.lab.run(self.row)
            expect(result.returncode == 0, result)
            now = self.lab.rewinder.picture()
            found = differs(self.end, now, UNSETTLED) + [path for path in now.files if matches(path, LITTER)]
            expect(not found, "after the next run:\n" + "\n".join(found[:20]))
        with self.lab.tally.trial(RESTORED):
            for version in dict.fromkeys([FIRST, self.row.version]):
                result = self.lab.extensions[version].run("uninstall")
                expect(result.returncode == 0, result)
            found = differs(self.lab.clean, self.lab.rewinder.picture(), UNSETTLED)
            expect(not found, "after uninstall:\n" + "\n".join(found[:20]))
        self.lab.check_local()

    def attempt(self, fault: Fault) -> bool:
        self.lab.rewinder.put_back(self.begin)
        result, _ = self.lab.traced(self.row, "--every", "--fail", str(fault))
        if result.returncode == UNREACHED:
            return False
        with self.lab.tally.trial(FAILED):
            self.harmless += result.returncode == 0
            self.check_told(fault, result)
            now = self.lab.rewinder.picture()
            self.check_machine(result, now)
            if self.campaign.is_new((result.returncode == 0, digest(now))):
                self.lab.check_local()
                self.follow()
        return True


def play(labs: Sequence[Lab], row: Row, most: int) -> str:
    """Returns what was tried; raises when anything is lost."""
    campaign = Campaign(row.title, most)
    trials = on_each(labs, lambda lab: Trial(lab, row, campaign))
    campaign.play(trials, trials[0].faults, Trial.attempt)
    told = (f"{campaign.tried} of {campaign.total} faults, {sum(trial.harmless for trial in trials)} did not matter, "
            f"{campaign.unreached} not reached, {campaign.different} different machines after them")
    expect(not campaign.broken, f"{told}; {len(campaign.broken)} lost, see above")
    return told


# ---- the rows

def drifted(lab: Lab) -> None:
    installed(lab)
    lab.machine.sh("sed -i 's/ aad//' /etc/nsswitch.conf; sed -i /pam_aad/d /etc/pam.d/sshd /etc/pam.d/sudo; "
                   "rm /etc/ssh/sshd_config.d/20-aadsshlogin.conf /etc/sudoers.d/aad_admins /etc/aadsshlogin.conf")


ROWS: List[Row] = [
    Row("install", "install", nothing, 60, 5),
    Row("enable of what drifted", "enable", drifted, 50, 4),
    Row("update, of what is in force", "update", installed, 25, 2),
    Row("update, to the next version", "update", updated, 25, 2, strict=False, version=NEXT, variables=UPDATE),
    Row("uninstall", "uninstall", installed, 40, 3, strict=False),
]


if __name__ == "__main__":
    sys.exit(campaigns(__doc__, "errors", ROWS, play))
