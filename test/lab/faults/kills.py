# SPDX-License-Identifier: MIT
"""Each verb killed wherever that makes a difference, and power loss: nobody is out, nothing is half done, the next run heals.

usage: kills.py [--build DIR] [--list] [--only TEXT] [--sample] [--counts FILE]    as root; exit status 1 if anything is lost

interrupt.c lists the system calls by which a verb changes something, and kills it, and all that it started, at one of
them; calls.py says which kills are worth a try and why the others are like one of them.  After each kill, at that
moment: sshd takes its configuration, a local user gets in and is root by sudo, every file is as it was before or as it
is in the end, and the status does not say success.  Then the verb runs again and must end where an undisturbed run
ends; and uninstall, after that and right after the kill, must leave the machine as it was before it all.

Where two kills leave the same files, byte by byte, what follows is tried once.
"""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple

sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parents[2] / "fakes")]

from lab.faults import calls  # noqa: E402
from lab.faults.campaign import (  # noqa: E402
    STATE, UNREACHED, UPDATE, Campaign, Lab, campaigns, installed, matches, nothing, on_each, updated)
from lab.faults.rewind import Picture  # noqa: E402
from lab.faults.tally import CONVERGED, KILLED, LOST_POWER, RESTORED, TOLD  # noqa: E402
from lab.install import FIRST, LOGS, NEXT, SEQUENCE  # noqa: E402
from lab.snapshot import difference, lookup  # noqa: E402
from lab.teller import expect  # noqa: E402

KILLED_CODE = 128 + 9  # of interrupt.c
PACKAGES_CODE = 24  # a package manager failed
STATE_FILE = f"{STATE}/state.json"
DPKG = "/usr/bin/dpkg"

# What no run leaves as another did: databases and caches of others, what the agent is told, what holds times of files.
UNSETTLED = ["/var/lib/dpkg/*", "/var/lib/waagent/*/status/*", "/var/lib/aadsshlogin/lock", "/etc/ld.so.cache", "/etc/.pwd.lock",
             "/etc/aadpasswd.db", "/var/lib/aadsshlogin/seal", "/var/lib/rpm/*",
             # Of a useradd that was killed when it made its lock, empty or with its number: nobody takes these away, and
             # a name is too little for us to know whose a file is.
             "/etc/passwd.[0-9]*", "/etc/group.[0-9]*", "/etc/shadow.[0-9]*", "/etc/gshadow.[0-9]*", "/etc/sub?id.[0-9]*"]
ACCOUNTS = [f"/etc/{name}" for name in ("passwd", "group", "shadow", "gshadow", "subuid", "subgid")]
# What useradd and userdel keep of before is another after two of them, and the lock of one that was killed stays until the
# next takes it over; after uninstall both are as before.
BACKUPS = [f"{path}{end}" for path in ACCOUNTS for end in ("-", ".lock")]
# Of which old or new is not the question: what dpkg, useradd and userdel have in their hands or keep of before, and what
# the handler notes of that.
UNJUDGED = [*UNSETTLED, "*.dpkg-new", "*.dpkg-tmp", "*.dpkg-dist", STATE_FILE, f"{STATE}/unfinished",
            *BACKUPS, *(f"{path}+" for path in ACCOUNTS)]
ON_THE_WAY = ["*/.*.aadssh-new", "*;????????"]  # the handler's, and rpm's
# The agent takes this folder away after uninstall.
FORGOTTEN = [*UNSETTLED, "/var/lib/waagent/*/mrseq", "/var/lib/waagent/*/.mrseq.aadssh-new"]


class Start(NamedTuple):
    """Where a verb begins, and where it ends undisturbed."""

    clean: Picture  # before the extension came
    begin: Picture
    end: Picture


class Row(NamedTuple):
    title: str
    verb: str
    prepare: Callable[[Lab], None]  # from a clean machine to where the verb begins
    version: str = FIRST
    variables: Dict[str, str] = {}
    children: bool = False  # killed at the calls of its children alone
    alone: bool = False  # what it started runs on, as when the guest agent kills it
    program: str = ""  # this is killed instead, wherever it runs, and the handler goes on
    renames: int = 0  # kills after one, of which the next run must have the name synced
    most: int = 0  # kills, evenly spread; 0: all
    sample: int = 0  # kills of the sample
    changes: bool = True  # is anything to be done?
    of_rpm: bool = False  # on a machine of Red Hat's
    added: str = ""  # what the owner does to the machine after prepare, and what therefore stays


# ---- looking

def text_of(state: Optional[bytes]) -> Optional[bytes]:
    """state.json without times, and without what tells a run that went on from one that did all."""
    if state is None:
        return None
    whole = json.loads(state)
    kept = {name: text for name, text in whole.items() if name not in ("since", "last", "steps")}
    return json.dumps({**kept, "verb": whole["last"]["verb"], "code": whole["last"]["code"]}).encode()


def differs(lab: Lab, one: Picture, other: Picture, exclude: Sequence[str]) -> List[str]:
    """As snapshot.difference(); state.json is compared by what it says."""
    def without(picture: Picture) -> Picture:
        kept = type(picture.files)(picture.files.base)
        kept.update({path: found for path, found in picture.files.items() if not matches(path, exclude)})
        return picture._replace(files=kept)

    lines = difference(without(one).files, without(other).files)
    states = [text_of(lab.rewinder.bytes_of(picture, STATE_FILE)) for picture in (one, other)]
    lines = [line for line in lines if STATE_FILE not in line.split() or None in states]
    return lines + [f"changed  {STATE_FILE}: {states[0]!r} -> {states[1]!r}"] * (None not in states and states[0] != states[1])


def digest(picture: Picture) -> str:
    """Of everything that a later run can see but times."""
    told = sorted((path, found) for path, found in picture.files.items() if not matches(path, ["/var/lib/waagent/*/status/*"]))
    return hashlib.sha256(repr((told, picture.runtime)).encode()).hexdigest()


def half_done(lab: Lab, start: Start, now: Picture) -> Iterator[str]:
    """Files that are neither as they were nor as they will be, and new ones that nobody knows."""
    for path in now.files.keys() | start.begin.files.keys() | start.end.files.keys():
        if matches(path, UNJUDGED) or matches(path, ON_THE_WAY):
            continue
        found = lookup(now.files, path)
        known = [lookup(picture.files, path) for picture in (start.begin, start.end)]
        if found not in known and not (found and found.kind == "directory"):
            yield f"{path} is {found}, neither {known[0]} nor {known[1]}"


def litter(picture: Picture, clean: Picture) -> List[str]:
    return [path for path in picture.files if matches(path, ON_THE_WAY) and not matches(path, FORGOTTEN)
            and lookup(picture.files, path) and path not in clean.files]


# ---- trying

def is_own(call: calls.Call) -> bool:
    return call.process == "0"


class Trial:
    """One row on one machine."""

    def __init__(self, lab: Lab, row: Row, campaign: Campaign) -> None:
        self.lab, self.row, self.campaign = lab, row, campaign
        lab.rewinder.put_back(lab.clean)
        lab.machine.sh(row.added or "true")
        clean = lab.rewinder.picture()
        lab.rewinder.put_back(lab.clean)
        row.prepare(lab)
        lab.machine.sh(row.added or "true")
        begin = lab.rewinder.picture()
        result = lab.run(row)
        expect(result.returncode == 0, result)
        self.start = Start(clean, begin, lab.rewinder.picture())
        self.uninstall()
        lab.rewinder.put_back(begin)
        code, self.calls = self.traced()
        expect(code == 0, f"traced, it ends with {code}")
        self.same_end()

    def traced(self, *words: str) -> "Tuple[int, List[calls.Call]]":
        result, log = self.lab.traced(self.row, *["--children"] * self.row.children, *words)
        return result.returncode, calls.parse(log)

    def same_end(self) -> None:
        found = differs(self.lab, self.start.end, self.lab.rewinder.picture(), [*UNSETTLED, *BACKUPS])
        expect(not found, "it ends elsewhere:\n" + "\n".join(found))

    def kills(self) -> List[calls.Kill]:
        """At the calls of the handler, or of its children alone, or of one program; or while it has children."""
        if self.row.program:
            these = {call.process for call in self.calls if call.name == "execve" and not call.failed
                     and call.arguments[0] == self.row.program}
            expect(these, f"{self.row.program} is never run")
            return calls.kills(call for call in self.calls if call.process in these)
        if self.row.alone:
            return [calls.Kill("--after", call) for call in self.calls if calls.has_child(call)]
        return calls.kills(call for call in self.calls if (call.process != "0") == self.row.children)

    def claims(self, run: Iterable[calls.Call]) -> Set[str]:
        """The renames that say that the verb succeeded: the last ones of state.json and of the status."""
        status = f"{self.lab.extensions[self.row.version].folder}/status/{SEQUENCE}.status"
        found = {path: call.point for call in run if call.name.startswith("rename") and not call.failed
                 for path in (status, STATE_FILE) if call.arguments[-1] == path}
        expect(status in found, "no status was published")
        return set(found.values())

    def order(self) -> calls.Order:
        """What dpkg does for its own files is dpkg's: the calls of the handler alone count."""
        return calls.Order().play(filter(is_own, self.calls), self.claims(self.calls))

    def renames(self) -> List[calls.Call]:
        """After each of these a name in /etc is not on the disk that the next run finds as it shall be."""
        return [call for call in self.calls if is_own(call) and call.name.startswith("rename") and not call.failed
                and call.arguments[-1].startswith("/etc/")]

    def order_of_next(self, rename: calls.Call) -> calls.Order:
        """Of a run that was killed there, and the one after it."""
        self.lab.rewinder.put_back(self.start.begin)
        code, killed = self.traced("--after", rename.point)
        expect(code == KILLED_CODE, f"killed, it ends with {code}")
        code, after = self.traced()
        expect(code == 0, f"after a kill it ends with {code}")
        claims = self.claims(after)
        order = calls.Order().play(filter(is_own, killed), ()).play(filter(is_own, after), claims)
        first = next(number for number, call in enumerate(after) if call.point in claims)
        if not any(call.name == "syncfs" and not call.failed for call in after[:first]):
            order.losses.append(calls.Loss(after[first], "what the killed run left was not synced"))
        return order

    def check_moment(self, now: Picture) -> None:
        self.lab.check_local()
        found = list(half_done(self.lab, self.start, now))
        expect(not found, "half done:\n" + "\n".join(found[:10]))

    def check_status(self, now: Picture) -> None:
        """It says success only when all is done, or when there was nothing to do."""
        with self.lab.tally.trial(TOLD):
            status = self.lab.status(self.row)
            if self.row.changes and status and status["status"] == "success":
                self.same_end()

    def again(self) -> None:
        with self.lab.tally.trial(CONVERGED):
            result = self.lab.run(self.row)
            expect(result.returncode == 0, result)
            status = self.lab.status(self.row)
            expect(status and status["status"] == "success", status)
            self.same_end()

    def uninstall(self) -> None:
        """By each version, as the agent would that has both; the machine is as before then."""
        with self.lab.tally.trial(RESTORED):
            for version in dict.fromkeys([FIRST, self.row.version]):
                result = self.lab.extensions[version].run("uninstall")
                expect(result.returncode == 0, result)
            now = self.lab.rewinder.picture()
            found = differs(self.lab, self.start.clean, now, FORGOTTEN) + litter(now, self.start.clean)
            expect(not found, "not as before:\n" + "\n".join(found))
            known = self.lab.known_packages()
            if known != self.lab.packages:
                changed = sorted({*self.lab.packages.splitlines()} ^ {*known.splitlines()})
                expect(False, "\n".join([*changed, "and was told:", self.lab.machine.sh(f"tail -n 40 {LOGS}/*.log").stdout]))

    def follow(self, killed: Picture) -> None:
        """What comes after a kill; when the handler was killed alone, while its children are at work still."""
        if self.row.alone:
            self.lab.check_local()
            self.again()
            self.uninstall()
            return
        self.check_moment(killed)
        if self.row.verb != "uninstall":
            self.uninstall()
            self.lab.rewinder.put_back(killed)
        self.again()
        self.uninstall()

    def attempt(self, kill: calls.Kill) -> bool:
        """Put the machine to where the verb begins, and kill it there."""
        self.lab.rewinder.put_back(self.start.begin)
        code, _ = self.traced(kill.option, kill.call.point, *["--alone"] * self.row.alone)
        if code == UNREACHED:
            return False
        with self.lab.tally.trial(KILLED):
            expect(code in ((0, PACKAGES_CODE) if self.row.program else (KILLED_CODE,)), f"killed, it ends with {code}")
            killed = self.lab.rewinder.picture()
            self.check_status(killed)
            if self.campaign.is_new(digest(killed)) or self.row.alone:
                self.follow(killed)
        return True


def spread(cases: Sequence[Any]) -> List[Any]:
    """In an order of which every beginning is spread evenly, as the golden section does it."""
    return [cases[number] for _, number in sorted((number * 0.6180339887 % 1, number) for number in range(len(cases)))]


def play(labs: Sequence[Lab], row: Row, most: int) -> str:
    """Returns what was tried; raises when anything is lost."""
    campaign = Campaign(row.title, most)
    trials = on_each(labs, lambda lab: Trial(lab, row, campaign))
    order = trials[0].order()
    campaign.play(trials, spread(trials[0].kills()), Trial.attempt)
    orders = [order, *(trials[0].order_of_next(call) for call in spread(trials[0].renames())[:row.renames])]
    for order in orders:
        labs[0].tally.add(LOST_POWER, order.renames + order.claims, min(len(order.losses), order.renames + order.claims))
        for loss in order.losses:
            campaign.lose(f"to the power: {loss}")
    told = (f"{len(trials[0].calls)} calls; {campaign.tried} of {campaign.total} kills, {campaign.different} different machines after them, "
            f"{campaign.unreached} points not reached; {sum(order.renames for order in orders)} renames and "
            f"{sum(order.claims for order in orders)} claims, {sum(len(order.losses) for order in orders)} before their time")
    expect(not campaign.broken, f"{told}; {len(campaign.broken)} lost, see above")
    return told


# ---- the rows

# An administrator, a hardening script and an upgrade took away and changed what is ours, ...
DRIFT = r"""
sed -i '/AuthorizedKeysCommand/d' /etc/ssh/sshd_config.d/20-aadsshlogin.conf
sed -i 's/ aad//' /etc/nsswitch.conf
sed -i '/pam_aad/d' /etc/pam.d/sshd /etc/pam.d/sudo
rm /etc/sudoers.d/aad_admins /etc/aadsshlogin.conf
rm "$(dpkg -L aadsshlogin | grep pam_aad.so)" /usr/sbin/aad_certhandler
"""
# ... and added what is theirs.
ADDED = r"""
for file in /etc/ssh/sshd_config /etc/nsswitch.conf /etc/pam.d/sudo; do echo '# mine' >>$file; done
"""


def drifted(lab: Lab) -> None:
    installed(lab)
    lab.machine.sh(DRIFT)


ROWS: List[Row] = [
    Row("install, on a clean machine", "install", nothing, renames=2, sample=7),
    Row("enable, of what an owner changed", "enable", drifted, renames=1, sample=5, added=ADDED),
    Row("update", "update", updated, NEXT, UPDATE, sample=4),
    Row("uninstall", "uninstall", installed, renames=1, sample=5),
    Row("install, at calls of its children", "install", nothing, children=True, most=40, sample=4),
    Row("update, at calls of its children", "update", updated, NEXT, UPDATE, children=True, most=20),
    Row("uninstall, at calls of its children", "uninstall", installed, children=True, most=30),
    Row("install of rpm's, at calls of its children", "install", nothing, children=True, most=24, sample=2, of_rpm=True),
    Row("update of rpm's, at calls of its children", "update", updated, NEXT, UPDATE, children=True, most=12, of_rpm=True),
    Row("uninstall of rpm's, at calls of its children", "uninstall", installed, children=True, most=12, of_rpm=True),
    Row("install, the handler alone", "install", nothing, alone=True, most=16),
    Row("uninstall, the handler alone", "uninstall", installed, alone=True, most=12),
    Row("install, dpkg alone", "install", nothing, children=True, alone=True, program=DPKG, most=20),
    Row("uninstall, dpkg alone", "uninstall", installed, children=True, alone=True, program=DPKG, most=12),
    Row("disable", "disable", installed, changes=False),
]


if __name__ == "__main__":
    sys.exit(campaigns(__doc__, "kills", ROWS, play, lambda row: row.of_rpm))
