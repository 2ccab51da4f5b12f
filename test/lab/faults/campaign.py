# SPDX-License-Identifier: MIT
"""
What kills.py and errors.py share: a verb is run again and again from where it begins, each time with something else
that interrupt.c does to it, on several machines that take the cases of a row from one queue.
"""

import argparse
import contextlib
import fnmatch
import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable, Iterable, List, Optional, Sequence, Set, Tuple

from lab.faults.rewind import Rewinder
from lab.faults.tally import ADMITTED, Tally, lead, options
from lab.install import FIRST, NEXT, SEQUENCE, Extension, zip_of
from lab.login import check_local
from lab.machine import Machine, Result
from lab.place import in_cloud
from lab.teller import Teller, expect
from lab.userland import MANAGERS, RED_HAT_9, os_release, put_on

AT_ONCE = 2  # machines
UNREACHED, WRONG = 99, 98  # of interrupt.c
STATE = "/var/lib/aadsshlogin"
UPDATE = {"VERSION": NEXT, "AZURE_GUEST_AGENT_UPDATING_FROM_VERSION": FIRST}


def matches(path: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns)


class Lab:
    """One machine, with two versions of the extension.  A row says which verb of which version, with which variables."""

    def __init__(self, machine: Machine, build: Path, tally: Tally) -> None:
        self.machine, self.tally = machine, tally
        self.rewinder = Rewinder(machine)
        self.interrupt = str(build.resolve() / "test/lab/faults/interrupt")
        self.extensions = {version: Extension(machine, zip_of(build, version), version) for version in (FIRST, NEXT)}
        self.packages = self.known_packages()
        self.clean = self.rewinder.picture()

    def known_packages(self) -> str:
        """All that the package manager knows, with their states, and what it finds wrong."""
        if self.machine.exists("/usr/bin/dpkg"):
            return self.machine.sh("dpkg-query -W -f '${db:Status-Abbrev} ${Package}\\n' | grep -v '^un'; dpkg --audit").stdout
        return self.machine.sh("rpm -qa | sort").stdout

    def run(self, row: Any) -> Result:
        return self.extensions[row.version].run(row.verb, **row.variables)

    def traced(self, row: Any, *words: str) -> Tuple[Result, str]:
        """How it ended, and the log of interrupt.c, which takes the words."""
        extension, log = self.extensions[row.version], "/run/interrupt.log"
        program = f"{extension.folder}/bin/{os.uname().machine}/aadssh-handler"
        argv = ["env", "-i", *extension.environment(**row.variables), self.interrupt, "--log", log, *words, "--", program, row.verb]
        result = self.machine.run(argv, check=False, cwd=extension.folder, timeout=180)
        expect(result.returncode != WRONG, result)
        return result, Path(self.rewinder.root + log).read_text(encoding="ascii")

    def status(self, row: Any) -> Optional[dict]:
        """Raises unless the file is absent or whole."""
        path = Path(self.rewinder.root + f"{self.extensions[row.version].folder}/status/{SEQUENCE}.status")
        return json.loads(path.read_bytes())[0]["status"] if path.exists() else None

    def check_local(self) -> None:
        """sshd and sudo take their configuration, and a local user gets in and is root."""
        with self.tally.trial(ADMITTED):
            self.machine.sh("/usr/sbin/sshd -t; visudo -cq")
            check_local(self.machine)


def be_red_hat(machine: Machine) -> None:
    put_on(machine, RED_HAT_9, os_release("rhel-9.6"))


# ---- from a clean machine to where a verb begins

def nothing(_: Lab) -> None:
    pass


def installed(lab: Lab) -> None:
    result = lab.extensions[FIRST].run("install")
    expect(result.returncode == 0, result)
    lab.machine.sh(f"rm -f {lab.extensions[FIRST].folder}/status/*")  # as with a new sequence number


def updated(lab: Lab) -> None:
    """To the next version, as far as the agent leads it before the update."""
    installed(lab)
    lab.machine.sh(f"cp -p {lab.extensions[FIRST].folder}/mrseq {lab.extensions[NEXT].folder}/")


# ---- trying

class Campaign:
    """The cases of one row."""

    def __init__(self, title: str, most: int) -> None:
        """most: of the cases, those that are not reached do not count; 0: all"""
        self.title, self.most = title, most
        self.tried = self.unreached = self.total = 0
        self.broken: List[str] = []
        self._seen: Set[object] = set()
        self._queue: List[Any] = []
        self._lock = threading.Lock()

    @property
    def different(self) -> int:
        return len(self._seen)

    def is_new(self, key: object) -> bool:
        with self._lock:
            new = key not in self._seen
            self._seen.add(key)
            return new

    def lose(self, what: object) -> None:
        """It is told with all the others."""
        self.broken.append(str(what))
        print(f"     lost: {self.title}: {str(what)[:6000]}", flush=True)

    def _take(self) -> Any:
        with self._lock:
            if not self._queue or (self.most and self.tried >= self.most):
                return None
            self.tried += 1
            return self._queue.pop(0)

    def _work(self, trial: Any, attempt: Callable[[Any, Any], bool]) -> None:
        for case in iter(self._take, None):
            try:
                reached = attempt(trial, case)
            except Exception as error:
                self.lose(f"{case}\n{error}")
                continue
            with self._lock:
                self.tried -= not reached
                self.unreached += not reached

    def play(self, trials: Sequence[Any], cases: Iterable[Any], attempt: Callable[[Any, Any], bool]) -> None:
        """A trial is one machine's, attempt(trial, case) says whether the case came about, and raises when it is lost."""
        self._queue = list(cases)
        self.total = len(self._queue)
        with ThreadPoolExecutor(len(trials)) as pool:
            list(pool.map(lambda trial: self._work(trial, attempt), trials))


def on_each(labs: Sequence[Lab], begin: Callable[[Lab], Any]) -> List[Any]:
    with ThreadPoolExecutor(len(labs)) as pool:
        return list(pool.map(begin, labs))


def campaigns(doc: Optional[str], name: str, table: Sequence[Any], play: Callable[[Sequence[Lab], Any, int], str],
              of_rpm: Callable[[Any], bool] = lambda _: False) -> int:
    """
    A part's main function.
    of_rpm: is the row for a machine of Red Hat's?
    play: gets the machines, a row and how many cases at most; returns what was tried, and raises when anything is lost
    """
    def play_all(arguments: argparse.Namespace, chosen: List[Any], tell: Teller, tally: Tally) -> None:
        play_on(arguments, [row for row in chosen if not of_rpm(row)], tell, tally)
        play_on(arguments, [row for row in chosen if of_rpm(row)], tell, tally, be_red_hat, MANAGERS)

    def play_on(arguments: argparse.Namespace, these: List[Any], tell: Teller, tally: Tally, *machine_like: Any) -> None:
        with contextlib.ExitStack() as stack:
            places = [stack.enter_context(in_cloud(f"{name}{number}", *machine_like)) for number in range(AT_ONCE * bool(these))]
            labs = [Lab(machine, arguments.build, tally) for machine, _ in places]
            for row in these:
                with tell.step(row.title):
                    most = arguments.most or (row.sample if arguments.sample else row.most)
                    print(f"     {row.title}: {play(labs, row, most)}", flush=True)

    parser = options(doc)
    parser.add_argument("--most", type=int, default=0, help=f"at most so many {name} of each row")
    return lead(parser, f"the {name}", table, play_all)
