# SPDX-License-Identifier: MIT
"""Each verb on a real machine, with one system call of the handler that fails: whichever, with any error that it may have.

usage: errors.py [--build DIR] [--list] [--only TEXT] [--sample] [--counts FILE]    as root; exit status 1 if anything is lost

interrupt.c lists the handler's calls, and has one of them fail.  Of calls of one name for the same file, with the same
error, the first and the last are tried.  After each: an exit code of the table, and a status that says what is; with
EINTR the verb succeeds.  After a success all is in force; after a failure the machine is as before, or the next run
brings it where it was to go; uninstall leaves it as it was before it all.  Where two failures leave the same files, byte
by byte, what follows is tried once.  test/unit/test_faults.c does the same with every single call into libc.
"""

import contextlib
import fnmatch
import hashlib
import json
import os
import re
import sys
import threading
from pathlib import Path
from typing import Callable, Dict, List, NamedTuple, Optional, Sequence, Set

sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parents[2] / "fakes")]

from lab import rows  # noqa: E402
from lab.faults.rewind import Picture, Rewinder  # noqa: E402
from lab.faults.tally import ADMITTED, CONVERGED, FAILED, RESTORED, TOLD, Tally, options  # noqa: E402
from lab.install import FIRST, SEQUENCE, Extension, zip_of  # noqa: E402
from lab.login import ssh  # noqa: E402
from lab.machine import ENVIRONMENT, Machine, Result  # noqa: E402
from lab.place import in_cloud  # noqa: E402
from lab.snapshot import difference  # noqa: E402
from lab.teller import Teller, expect  # noqa: E402

AT_ONCE = 2  # machines
TABLE = {0, 20, 21, 22, 23, 24, 25, 26, 27, 51, 52, 53}
UNREACHED, WRONG = 99, 98  # of interrupt.c

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
STATE = "/var/lib/aadsshlogin"
UNSETTLED = ["/var/lib/dpkg/*", "/var/lib/waagent/*/status/*", "/var/lib/waagent/*/mrseq", "/etc/ld.so.cache", "/etc/.pwd.lock", "/etc/aadpasswd.db",
             f"{STATE}/state.json", f"{STATE}/seal", f"{STATE}/lock"]
MEMORY = [*UNSETTLED, STATE, f"{STATE}/original", f"{STATE}/original/*", "/etc/passwd-", "/etc/group-", "/etc/shadow-", "/etc/gshadow-"]
LITTER = ["*aadssh-new", "*/event.tmp"]


class Fault(NamedTuple):
    point: str
    name: str
    what: str  # the file, as a rule
    error: str

    def __str__(self) -> str:
        return f"{self.point} {self.name} {self.what}: {self.error}"


def plain(text: str) -> str:
    """A path without what differs from run to run."""
    return re.sub(r"/proc/\d+", "/proc/N", re.sub(r"\[\d+\]|\d{9,}", "N", text))


def opens(name: str) -> bool:
    """Which of the calls it is, is the libc's choice."""
    return KIND.get(name) == "open"


def possible(log: str) -> List[Fault]:
    """Everything that may go wrong, once the program has come to its own work: what comes before is the loader's."""
    found = []
    lines = [line.split("\t") for line in log.splitlines()]
    begun = next(number for number, line in enumerate(lines) if opens(line[1]) and line[3:4] == ["/"])  # of sys_open()
    for point, name, _, *arguments in lines[begun + 1:]:
        creates = opens(name) and len(arguments) > 1 and int(arguments[1]) & (os.O_CREAT | os.O_WRONLY | os.O_RDWR)
        for error in MAKES if creates else ERRORS.get(KIND.get(name, name), []):
            found.append(Fault(point, name, plain(arguments[0] if arguments else ""), error))
    return found


def faults(log: str) -> List[Fault]:
    """The first and the last of those that are alike."""
    first: Dict[object, Fault] = {}
    last: Dict[object, Fault] = {}
    for fault in possible(log):
        key = (fault.point.count("."), *fault[1:])
        first.setdefault(key, fault)
        last[key] = fault
    return [*first.values(), *(fault for key, fault in last.items() if fault != first[key])]


class Lab:
    def __init__(self, machine: Machine, build: Path, tally: Tally) -> None:
        self.machine, self.tally = machine, tally
        self.interrupt = str(build.resolve() / "test/lab/faults/interrupt")
        self.rewinder = Rewinder(machine)
        self.extension = Extension(machine, zip_of(build, FIRST))
        self.clean = self.rewinder.picture()

    def run(self, verb: str) -> Result:
        return self.extension.run(verb)

    def traced(self, verb: str, *words: str) -> "tuple[Result, str]":
        """How it ended, and the log of interrupt.c."""
        variables = {"PATH": ENVIRONMENT["PATH"], "LANG": "C.UTF-8", "AZURE_GUEST_AGENT_EXTENSION_PATH": self.extension.folder,
                     "AZURE_GUEST_AGENT_EXTENSION_VERSION": FIRST, "ConfigSequenceNumber": str(SEQUENCE)}
        program = f"{self.extension.folder}/bin/{os.uname().machine}/aadssh-handler"
        argv = ["env", "-i", *(f"{name}={value}" for name, value in variables.items()), self.interrupt, "--log", "/run/errors.log", "--every",
                *words, "--", program, verb]
        result = self.machine.run(argv, check=False, cwd=self.extension.folder, timeout=120)
        expect(result.returncode != WRONG, result)
        return result, Path(self.rewinder.root + "/run/errors.log").read_text(encoding="ascii")

    def status(self) -> Optional[dict]:
        path = Path(self.rewinder.root + f"{self.extension.folder}/status/{SEQUENCE}.status")
        return json.loads(path.read_bytes())[0]["status"] if path.exists() else None

    def check_local(self) -> None:
        with self.tally.trial(ADMITTED):
            login = self.machine.run(ssh("/root/.ssh/local", "local", ["sudo -n id -u"]), check=False)
            expect(login.stdout.strip() == "0", login)


class Row(NamedTuple):
    title: str
    verb: str
    prepare: Callable[[Lab], None]
    most: int  # of the faults, evenly spread
    sample: int
    strict: bool = True  # a failure leaves the machine as it was


def differs(one: Picture, other: Picture, exclude: Sequence[str]) -> List[str]:
    lines = difference(one.files, other.files)
    return [line for line in lines if not any(fnmatch.fnmatchcase(line.split()[1], pattern) for pattern in exclude)]


def digest(picture: Picture) -> str:
    """Of what a later run can see, without times."""
    told = sorted((path, found) for path, found in picture.files.items() if not any(fnmatch.fnmatchcase(path, pattern) for pattern in UNSETTLED))
    return hashlib.sha256(repr((told, [entry[:4] for entry in picture.runtime])).encode()).hexdigest()


class Trial:
    """One row on one machine."""

    def __init__(self, lab: Lab, row: Row) -> None:
        self.lab, self.row = lab, row
        lab.rewinder.put_back(lab.clean)
        row.prepare(lab)
        self.begin = lab.rewinder.picture()
        result = lab.run(row.verb)
        expect(result.returncode == 0, result)
        self.end = lab.rewinder.picture()
        lab.rewinder.put_back(self.begin)
        result, log = lab.traced(row.verb)
        expect(result.returncode == 0, result)
        self.faults = faults(log)

    def fail(self, fault: Fault) -> "Optional[tuple[Fault, Result]]":
        """
        What failed, and how it ended.  How often the handler looks whether a child has ended differs from run to run, so
        that it may be another call than what was meant; None if it cannot fail so.
        """
        self.lab.rewinder.put_back(self.begin)
        result, log = self.lab.traced(self.row.verb, "--fail", f"{fault.point}={fault.error}")
        met = [other for other in possible(log) if (other.point, other.error) == (fault.point, fault.error)]
        return (met[0], result) if met and result.returncode != UNREACHED else None

    def check_told(self, fault: Fault, result: Result) -> None:
        with self.lab.tally.trial(TOLD):
            code, status = result.returncode, self.lab.status()
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
            result = self.lab.run(self.row.verb)
            expect(result.returncode == 0, result)
            now = self.lab.rewinder.picture()
            found = differs(self.end, now, UNSETTLED) + [path for path in now.files if any(fnmatch.fnmatchcase(path, litter) for litter in LITTER)]
            expect(not found, "after the next run:\n" + "\n".join(found[:20]))
        with self.lab.tally.trial(RESTORED):
            result = self.lab.run("uninstall")
            expect(result.returncode == 0, result)
            found = differs(self.lab.clean, self.lab.rewinder.picture(), UNSETTLED)
            expect(not found, "after uninstall:\n" + "\n".join(found[:20]))
        self.lab.check_local()


class Progress:
    """What several machines found out about one row."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.queue: List[Fault] = []
        self.most = self.total = self.tried = self.harmless = self.unreached = 0
        self.seen: Set[object] = set()
        self.broken: List[str] = []

    def take(self) -> Optional[Fault]:
        """Until as many were tried as shall be."""
        with self.lock:
            return self.queue.pop(0) if self.queue and self.tried < self.most else None

    def is_new(self, key: object) -> bool:
        with self.lock:
            new = key not in self.seen
            self.seen.add(key)
            return new


def try_fault(trial: Trial, fault: Fault, progress: Progress) -> None:
    met = trial.fail(fault)
    if met is None:
        progress.unreached += 1
        return
    with trial.lab.tally.trial(FAILED):
        fault, result = met
        progress.tried += 1
        progress.harmless += result.returncode == 0
        trial.check_told(fault, result)
        now = trial.lab.rewinder.picture()
        trial.check_machine(result, now)
        if progress.is_new((result.returncode == 0, digest(now))):
            trial.lab.check_local()
            trial.follow()


def spread(found: Sequence[Fault]) -> List[Fault]:
    """In an order of which every beginning is spread evenly, as the golden section does it."""
    return [fault for _, fault in sorted(((number * 0.6180339887 % 1, fault) for number, fault in enumerate(found)))]


def work(lab: Lab, row: Row, progress: Progress, most: int, first: bool, ready: threading.Barrier) -> None:
    try:
        trial = Trial(lab, row)
        if first:
            progress.queue, progress.total, progress.most = spread(trial.faults), len(trial.faults), most
        ready.wait()
    except BaseException:
        ready.abort()
        raise
    for fault in iter(progress.take, None):
        try:
            try_fault(trial, fault, progress)
        except Exception as error:  # it is told with all the others
            progress.broken.append(f"{fault}\n{error}")  # or what came in its place
            print(f"     lost: {row.title}: {progress.broken[-1][:1500]}", flush=True)


def play(labs: Sequence[Lab], row: Row, most: int) -> str:
    """Returns what was tried; raises when anything is lost."""
    progress, ready, errors = Progress(), threading.Barrier(len(labs)), []

    def share(number: int, lab: Lab) -> None:
        try:
            work(lab, row, progress, most, number == 0, ready)
        except threading.BrokenBarrierError:
            pass
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=share, args=item) for item in enumerate(labs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    told = (f"{progress.tried} of {progress.total} faults, {progress.harmless} did not matter, {progress.unreached} points not reached, "
            f"{len(progress.seen)} different machines after them")
    expect(not progress.broken, f"{told}; {len(progress.broken)} lost, see above")
    return told


# ---- the rows

def nothing(_: Lab) -> None:
    pass


def installed(lab: Lab) -> None:
    result = lab.run("install")
    expect(result.returncode == 0, result)
    lab.machine.sh(f"rm -f {lab.extension.folder}/status/*")  # as with a new sequence number


def drifted(lab: Lab) -> None:
    installed(lab)
    lab.machine.sh("sed -i 's/ aad//' /etc/nsswitch.conf; sed -i /pam_aad/d /etc/pam.d/sshd /etc/pam.d/sudo; "
                   "rm /etc/ssh/sshd_config.d/20-aadsshlogin.conf /etc/sudoers.d/aad_admins /etc/aadsshlogin.conf")


ROWS: List[Row] = [
    Row("install", "install", nothing, 60, 5),
    Row("enable of what drifted", "enable", drifted, 50, 4),
    Row("update", "update", installed, 25, 2),
    Row("uninstall", "uninstall", installed, 40, 3, strict=False),
]


def main() -> int:
    parser = options(__doc__)
    parser.add_argument("--most", type=int, default=0, help="at most so many faults of each row, evenly spread")
    arguments = parser.parse_args()
    chosen = rows.choose(parser, arguments, ROWS, lambda row: row.sample)
    tally, tell = Tally(), Teller(chapters=False)
    with contextlib.ExitStack() as stack:
        labs = []
        for number in range(AT_ONCE):
            machine, _ = stack.enter_context(in_cloud(f"errors{number}"))
            labs.append(Lab(machine, arguments.build, tally))
        for row in chosen:
            most = arguments.most or (row.sample if arguments.sample else row.most)
            with tell.step(row.title):
                print(f"     {row.title}: {play(labs, row, most)}", flush=True)
    tally.write(arguments.counts)
    return tell.summary("the errors")


if __name__ == "__main__":
    sys.exit(main())
