# SPDX-License-Identifier: MIT
"""Many at once: handlers of any verbs, some of them killed, and first logins of one user and of many.

usage: together.py [--build DIR] [--sample] [--only TEXT] [--list] [--counts FILE]
"""

import argparse
import json
import random
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Callable, Dict, List, NamedTuple, Sequence, Tuple

sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parents[2] / "fakes")]

from azure.client import Azure  # noqa: E402
from lab import layer, login  # noqa: E402
from lab.faults import tally  # noqa: E402
from lab.faults.tally import ADMITTED, CONVERGED, KILLED, RESTORED, TOGETHER, TOLD, Tally  # noqa: E402
from lab.host import HANDOFF, Host, Outcome, Visitor  # noqa: E402
from lab.install import FIRST, LOGS, NEXT, Extension, handlers, settings, zip_of  # noqa: E402
from lab.login import Person, ssh, uid_of  # noqa: E402
from lab.machine import Machine, Result  # noqa: E402
from lab.place import DOMAIN, MEMORY, NOT_OURS, SETTINGS, WATCHED, in_cloud  # noqa: E402
from lab.rawssh import SUCCESS  # noqa: E402
from lab.snapshot import Snapshot, difference  # noqa: E402
from lab.teller import Teller, expect  # noqa: E402

HANDLERS, LOGINS = 20, 50
STATE, LOCK = "/var/lib/aadsshlogin/state.json", "/var/lib/aadsshlogin/lock"
LOG = f"{LOGS}/handler.log"
INDEX = "/etc/aadpasswd.db (detail "  # which holds the times of what it was made of
IDENTITY_MISSING, LOCK_HELD = 22, 26
KILLED_CODE = -signal.SIGKILL

# What is run together, and how often on average.  Those that only look may find others' work half done, and say so.
LOOK = ("check --json", "plan --json", "plan --json --for uninstall", "status --json")
WORK = ("install", "enable", "update", "uninstall")
CHOICE: Dict[str, int] = {"install": 3, "enable": 4, "update": 3, "uninstall": 3, "disable": 3, **dict.fromkeys(LOOK, 1)}

STEP = re.compile(r"\S+ \[(\d+)\] \w+ [a-z]+: [a-z ]+ in \d+ ms")
LAST = re.compile(r"\S+ \[(\d+)\] \w+ (?:(?:%s): |error \d+ )" % "|".join(WORK))
HELD = re.compile(r"is held by process \d+ \(aadssh-handler [a-z]+, version [0-9.]+\)")


class Run(NamedTuple):
    version: str
    verb: str
    result: Result


class Lab:
    """A machine without the agent, and both versions of the extension."""

    def __init__(self, machine: Machine, azure: Azure, build: Path, count: Tally) -> None:
        self.machine, self.azure, self.count = machine, azure, count
        self.versions = {version: Extension(machine, zip_of(build, version), version) for version in (FIRST, NEXT)}
        for extension in self.versions.values():
            extension.write_settings(settings(SETTINGS))
        self.before = self.snapshot()
        self.done(self.versions[FIRST].run("install"))
        self.installed = self.snapshot()
        self.done(self.versions[FIRST].run("uninstall"))
        self.check_restored()

    @staticmethod
    def done(result: Result) -> None:
        expect(result.returncode == 0, result)

    def snapshot(self) -> Snapshot:
        return self.machine.snapshot(WATCHED, NOT_OURS + MEMORY)

    def check_restored(self) -> None:
        with self.count.trial(RESTORED):
            changes = difference(self.before, self.snapshot())
            expect(not changes, "\n".join(changes))
            expect(not self.machine.exists(STATE) and not self.machine.exists(LOCK), "something is remembered")

    def check_local(self) -> None:
        with self.count.trial(ADMITTED):
            login.check_local(self.machine)

    def run(self, version: str, verb: str) -> Run:
        more = {"VERSION": version} if verb == "update" else {}
        return Run(version, verb, self.versions[version].run(verb, **more))

    def pids(self) -> List[str]:
        return list(handlers(self.machine))


# ---- handlers

def all_at_once(lab: Lab, chance: random.Random, kills: int) -> Tuple[List[Run], List[str]]:
    """Any verbs of both versions, of which some are killed some way on; returns the numbers of those, too."""
    verbs = chance.choices(list(CHOICE), list(CHOICE.values()), k=HANDLERS)
    versions = chance.choices((FIRST, NEXT), (2, 1), k=HANDLERS)
    with ThreadPoolExecutor(HANDLERS) as pool:
        runs = [pool.submit(lab.run, version, verb) for version, verb in zip(versions, verbs)]
        killed: List[str] = []
        for _ in range(kills):
            time.sleep(chance.uniform(0.5, 3))
            running = lab.pids()
            if running:
                killed.append(chance.choice(running))
                lab.machine.run(["kill", "-KILL", killed[-1]], check=False)
                lab.count.add(KILLED)
        return [run.result() for run in runs], killed


def check_run(run: Run, killed: Sequence[str]) -> None:
    code, out = run.result.returncode, run.result.stdout
    if killed and code in (KILLED_CODE, 128 + signal.SIGKILL):
        return
    if run.verb in LOOK:
        expect(0 <= code < 64 and json.loads(out), run)
    else:
        expect(code == 0 or (code == LOCK_HELD and run.verb in WORK and HELD.search(out)), run)


def check_log(lines: Sequence[str], killed: Sequence[str]) -> int:
    """
    One works at a time: between the first step of one and its last line, or its death, there is no step of another.
    Returns how many worked.
    """
    working, worked = "", 0
    for line in lines:
        step, last = STEP.match(line), LAST.match(line)
        if step and step[1] != working:
            expect(not working or working in killed, f"{working} works, and {step[1]} too:\n" + "\n".join(lines))
            working, worked = step[1], worked + 1
        elif last and last[1] == working:
            working = ""
    return worked


def any_verbs(seed: int, kills: int) -> Callable[[Lab], None]:
    def play(lab: Lab) -> None:
        chance = random.Random(seed)
        lab.machine.sh(f"rm -f {LOG}*")
        runs, killed = all_at_once(lab, chance, kills)
        for run in runs:
            with lab.count.trial(TOGETHER):
                check_run(run, killed)
        lines = lab.machine.read(LOG).splitlines()
        worked = check_log(lines, killed)
        waited = sum(bool(HELD.search(line)) for line in lines)
        print(f"             seed {seed}: {', '.join(f'{run.verb}={run.result.returncode}' for run in runs)}; "
              f"{worked} worked, {waited} waited", flush=True)
        expect(worked > 2 and waited > 2, "they did not meet")
        expect(not lab.pids(), "a handler runs on")
        lab.check_local()
        with lab.count.trial(CONVERGED):
            lab.done(lab.versions[FIRST].run("enable"))
            changes = [line for line in difference(lab.installed, lab.snapshot()) if INDEX not in line]
            expect(not changes, "\n".join(changes))
            expect(lab.versions[FIRST].run("check").returncode in (0, 1), "check")
        lab.check_local()
        lab.done(lab.versions[FIRST].run("uninstall"))
        lab.check_restored()
    return play


def uninstall_last(seed: int) -> Callable[[Lab], None]:
    def play(lab: Lab) -> None:
        """Without one more enable: whoever owns what they left takes it away."""
        all_at_once(lab, random.Random(seed), 0)
        owner = json.loads(lab.machine.read(STATE))["owner"] if lab.machine.exists(STATE) else FIRST
        lab.done(lab.versions[owner or FIRST].run("uninstall"))
        lab.check_restored()
        lab.check_local()
    return play


def held_for_long(lab: Lab) -> None:
    """Who waits has an end before the agent's, and says whom for."""
    lab.azure.fault("imds.token", hang=True)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(lab.run, FIRST, "install")
        deadline = time.monotonic() + 30
        while not (lab.machine.exists(LOCK) and "install" in lab.machine.read(LOCK)):
            expect(time.monotonic() < deadline, "install does not begin")
            time.sleep(0.1)
        (pid,) = lab.pids()
        lab.machine.run(["kill", "-STOP", pid])
        lab.azure.clear_faults()
        started = time.monotonic()
        try:
            second = lab.run(NEXT, "enable").result
            with lab.count.trial(TOLD):
                words = f"is held by process {pid} (aadssh-handler install, version {FIRST})"
                expect(second.returncode == LOCK_HELD and words in second.stdout, second)
                status = lab.versions[NEXT].status()
                expect(status["status"] == "error" and words in status["formattedMessage"]["message"], status)
                expect(time.monotonic() - started < 300, "the agent would have killed it")
        finally:
            lab.machine.run(["kill", "-CONT", pid])
        result = first.result().result  # the time in which an identity may yet come is over
        expect(result.returncode in (0, IDENTITY_MISSING), result)
    lab.done(lab.versions[FIRST].run("uninstall"))
    lab.check_restored()


def signing_in_meanwhile(lab: Lab) -> None:
    """Up and down between the versions, while people sign in: nobody is kept out at any moment."""
    person = Person(lab.machine, lab.azure, f"Alice@{DOMAIN}", "admin")
    lab.done(lab.run(FIRST, "install").result)
    stop = threading.Event()
    local = ssh("/root/.ssh/local", "local", ["sudo -n id -u"])

    def watch(argv: Sequence[str], name: str) -> int:
        tries = 0
        while not stop.is_set():
            with lab.count.trial(name):
                result = lab.machine.run(argv, check=False)
                expect(result.stdout == "0\n", result)
            tries += 1
        return tries

    with ThreadPoolExecutor(2) as pool:
        watches = [pool.submit(watch, person.argv("sudo -n id -u"), TOGETHER), pool.submit(watch, local, ADMITTED)]
        try:
            for version in (NEXT, FIRST, NEXT, FIRST):
                for verb in ("disable", "update", "install", "enable"):
                    lab.done(lab.run(version, verb).result)
        finally:
            stop.set()
        tries = [watch.result() for watch in watches]
    expect(min(tries) > 4, f"too few signed in: {tries}")
    print(f"             {tries[0]} logins of a user of the tenant, {tries[1]} of a local one", flush=True)
    lab.done(lab.run(FIRST, "uninstall --purge").result)
    lab.check_restored()


# ---- logins

KILLER = """
import os, random, sys, time
chance, killed, ends = random.Random(int(sys.argv[1])), 0, {}
while not os.path.exists('/run/lab/enough'):
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            if open(f'/proc/{pid}/comm').read() != 'aad_authorize\\n':
                continue
            if pid not in ends:
                ends[pid] = time.monotonic() + chance.uniform(0, 0.5) if chance.random() < 0.3 else float('inf')
            if time.monotonic() >= ends[pid]:
                os.kill(int(pid), 9)
                killed += 1
        except OSError:
            pass
    time.sleep(0.002)
print(killed)
"""


class Crowd:
    """A machine that people sign in to."""

    def __init__(self, host: Host, count: Tally) -> None:
        self.host, self.count = host, count
        host.start_main_sshd()
        host.configure()
        self.number = 0

    def people(self, size: int, *roles: str) -> List[Visitor]:
        """Never seen here; each gets the next of the roles, "" is none."""
        self.number += 1
        return [Visitor(self.host, f"Crowd{self.number}.{i}@contoso.com", roles[i % len(roles)] or None) for i in range(size)]

    def sign_in(self, people: Sequence[Visitor]) -> List[Outcome]:
        """All at once."""
        blobs = [person.certificate() for person in people]
        with ThreadPoolExecutor(len(people)) as pool:
            return list(pool.map(lambda pair: pair[0].login(pair[1]), zip(people, blobs)))

    def check_account(self, person: Visitor) -> None:
        trace, uid = self.host.trace(person.name), str(uid_of(person.name))
        expect([line.split(":")[2:4] for line in trace["passwd"]] == [[uid, uid]], trace)
        expect(len(trace["ledger"]) == 1 and uid in trace["ledger"][0], trace)
        expect(trace["home"] is not None and trace["home"][1] == int(uid), trace)
        expect(not trace["groups"] and not trace["records"], trace)

    def check_strangers(self, people: Sequence[Visitor]) -> None:
        """Nothing of those who may not get in."""
        for person in people:
            trace = self.host.trace(person.name)
            expect(not any(trace.values()), trace)

    def check_order(self) -> None:
        """One line a name and a uid; no lock is held, and nothing half-made lies about."""
        lines = [line.split(":") for line in self.host.text("/etc/aadpasswd").splitlines()]
        for field in (0, 1, 2):
            found = [line[field] for line in lines]
            expect(len(set(found)) == len(found), f"twice in /etc/aadpasswd: {sorted(found)}")
        machine = self.host.machine
        machine.sh("find /run/aadsshlogin /var/cache/aadsshlogin /var/lib/aadsshlogin -name '*lock' -exec flock -n {} true ';'")
        locked = machine.sh("find /run/aadsshlogin /var/cache/aadsshlogin /var/lib/aadsshlogin -name '*lock' "
                            "! -exec flock -n {} true ';' -print").stdout
        expect(not locked, f"still locked: {locked}")
        names = set(machine.sh("cd /etc; ls -A | grep -i aad").stdout.split())
        known = {"aadadmins", "aadpasswd", "aadpasswd.db", "aadsshlogin.conf", "aadsshlogin.conf.d", ".aadsshlogin.lock"}
        expect(names <= known, names)
        expect(not [path.name for path in self.host.path(HANDOFF).iterdir()], "records stay")

    def check_local(self) -> None:
        with self.count.trial(ADMITTED):
            self.host.check_local_sudo()


def the_same_user(crowd: Crowd) -> None:
    (person,) = crowd.people(1, "admin")
    for outcome in crowd.sign_in([person] * LOGINS):
        with crowd.count.trial(TOGETHER):
            expect(outcome.end == SUCCESS, outcome)
    with crowd.count.trial(CONVERGED):
        crowd.check_account(person)
        crowd.check_order()
        expect(person.ssh("sudo -n id -u").stdout == "0\n", "sudo")
    crowd.check_local()


def different_users(crowd: Crowd) -> None:
    people = crowd.people(LOGINS, "user", "", "admin", "user")
    strangers = people[1::4]
    for person, outcome in zip(people, crowd.sign_in(people)):
        with crowd.count.trial(TOGETHER):
            expect((outcome.end == SUCCESS) == (person not in strangers), outcome)
    with crowd.count.trial(CONVERGED):
        for person in people:
            if person not in strangers:
                crowd.check_account(person)
        crowd.check_strangers(strangers)
        crowd.check_order()
    crowd.check_local()


def some_killed(seed: int) -> Callable[[Crowd], None]:
    def play(crowd: Crowd) -> None:
        """Whose helper is killed does not get in, and does the next time; nobody else suffers."""
        machine = crowd.host.machine
        people = crowd.people(LOGINS - 10, "user", "admin") + crowd.people(1, "admin") * 10
        machine.sh("mkdir -p /run/lab; rm -f /run/lab/enough")
        killer = machine.popen(["python3", "-c", KILLER, str(seed)], stdout=subprocess.PIPE)
        try:
            outcomes = crowd.sign_in(people)
            crowd.check_local()
        finally:
            machine.sh("touch /run/lab/enough")
            killed = int(killer.communicate(timeout=30)[0])
        refused = sum(outcome.end != SUCCESS for outcome in outcomes)
        print(f"             seed {seed}: {killed} killed, {refused} of {len(people)} did not get in", flush=True)
        expect(0 < refused <= killed, "nobody was killed, or others suffered")
        crowd.count.add(KILLED, killed)
        for outcome in crowd.sign_in(people):
            with crowd.count.trial(TOGETHER):
                expect(outcome.end == SUCCESS, outcome)
        with crowd.count.trial(CONVERGED):
            for person in people:
                crowd.check_account(person)
            crowd.check_order()
    return play


class Row(NamedTuple):
    title: str
    play: "Callable[[Lab], None] | Callable[[Crowd], None]"
    place: str  # which machine it is played on
    sample: bool = False


ROWS: List[Row] = [
    *(Row(f"{HANDLERS} handlers of any verbs, seed {seed}", any_verbs(seed, 0), "handlers", seed == 1) for seed in (1, 2)),
    *(Row(f"{HANDLERS} handlers of any verbs, some killed, seed {seed}", any_verbs(seed, 4), "handlers", seed == 3)
      for seed in (3, 4)),
    Row(f"{HANDLERS} handlers of any verbs, then uninstall, seed 5", uninstall_last(5), "handlers"),
    Row("people sign in while versions come and go", signing_in_meanwhile, "versions"),
    Row("a handler that holds the lock for as long as another waits", held_for_long, "held"),
    Row(f"{LOGINS} first logins of one user", the_same_user, "logins", True),
    Row(f"{LOGINS} first logins of as many users, some without a role", different_users, "logins", True),
    *(Row(f"{LOGINS} first logins, whose helpers are killed, seed {seed}", some_killed(seed), "logins", seed == 6)
      for seed in (6, 7)),
]


def play(tell: Teller, count: Tally, build: Path, place: str, chosen: Sequence[Row]) -> None:
    with ExitStack() as stack:
        if place == "logins":
            on: object = Crowd(stack.enter_context(Host(build, "crowd")), count)
        else:
            on = Lab(*stack.enter_context(in_cloud(f"together-{place}")), build, count)
        for row in chosen:
            with tell.step(row.title):
                row.play(on)  # type: ignore[arg-type]


def play_all(arguments: argparse.Namespace, chosen: List[Row], tell: Teller, count: Tally) -> None:
    layer.ensure()
    places: Dict[str, List[Row]] = {}
    for row in chosen:
        places.setdefault(row.place, []).append(row)
    tell.play({place: lambda tell, place=place: play(tell, count, arguments.build, place, places[place]) for place in places})


if __name__ == "__main__":
    sys.exit(tally.lead(tally.options(__doc__), "many at once", ROWS, play_all))
