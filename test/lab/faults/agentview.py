# SPDX-License-Identifier: MIT
"""What the guest agent does to the extension, and what comes of it: statuses, settings, updates, restarts, removals.

Most rows are led by the real guest agent, on a machine that is as before when the row ends; the others run the commands
as the agent would, where it cannot be brought to it.

usage: agentview.py [--build DIR] [--sample] [--only TEXT] [--list] [--counts FILE]
"""

import argparse
import hashlib
import json
import os
import queue
import signal
import sys
import threading
import time
import zipfile
from contextlib import contextmanager
from pathlib import Path
from typing import Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence

sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parents[2] / "fakes")]

from azure.model import Extension as Wanted  # noqa: E402
from azure.model import ExtensionStatus  # noqa: E402
from lab import layer  # noqa: E402
from lab.faults import tally  # noqa: E402
from lab.faults.tally import ADMITTED, CONFIGURATIONS, CONVERGED, RESTORED, TOLD, Tally  # noqa: E402
from lab.install import FIRST, LIB, LOGS, NAME, NEXT, SEQUENCE, Extension, handlers, settings, zip_of  # noqa: E402
from lab.login import Person  # noqa: E402
from lab.machine import Machine, Result  # noqa: E402
from lab.place import DOMAIN, MEMORY, NOT_OURS, SETTINGS, WATCHED, Place, in_cloud  # noqa: E402
from lab.snapshot import difference  # noqa: E402
from lab.teller import Teller, expect  # noqa: E402

AT_ONCE = 3  # machines with an agent, which mostly waits
STATE, LOCK = "/var/lib/aadsshlogin/state.json", "/var/lib/aadsshlogin/lock"
CONF, SECRET = "/etc/aadsshlogin.conf", "/etc/aadsshlogin.secret"
SHIM = "bin/aadssh-shim"
KEPT_OUTPUT = 3200  # bytes that the agent keeps of each stream
MESSAGE_MAX = 1000


def folder(version: str) -> str:
    return f"{LIB}/{NAME}-{version}"


def altered(package: Path, target: Path, change: Callable[[str, bytes], Optional[bytes]]) -> Path:
    """
    A copy of a zip; change gets each file and says what becomes of it, None: it is left out.  A shim that was changed
    counts as packed so.
    """
    with zipfile.ZipFile(package) as old:
        whole = {entry.filename: old.read(entry) for entry in old.infolist() if not entry.is_dir()}
    files = {name: change(name, data) for name, data in whole.items()}
    hashes = [hashlib.sha256(found[SHIM] or b"").hexdigest().encode() for found in (whole, files)]
    files["SHA256SUMS"] = whole["SHA256SUMS"].replace(*hashes)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as new:
        for name, data in files.items():
            if data is not None:
                new.writestr(name, data)
    return target


class Guest(Place):
    """A machine with the guest agent, which each row gets clean and leaves clean."""

    def __init__(self, build: Path, label: str, count: Tally) -> None:
        super().__init__(build, label)
        self.count = count

    def __enter__(self) -> "Guest":
        super().__enter__()
        self.agent.start()
        self.azure.goal_state([])
        self.azure.settle()
        self.person = Person(self.machine, self.azure, f"alice@{DOMAIN}", "admin")
        self.before = self.snapshot()
        return self

    def snapshot(self):  # type: ignore[no-untyped-def]
        return self.machine.snapshot(WATCHED, NOT_OURS + MEMORY)

    def ask(self, *extensions: Wanted) -> ExtensionStatus:
        with self.count.trial(CONFIGURATIONS):
            return super().ask(*extensions)

    def again(self, version: str = FIRST) -> ExtensionStatus:
        """One more goal state that asks for the same."""
        return self.ask(Wanted(NAME, version, public=SETTINGS, seq=self.seq))

    def offer(self, version: str, package: Path) -> None:
        """From now on the cloud has this zip for the version, and the machine no copy of another."""
        self.azure.publish(package, NAME, version)
        self.machine.sh(f"rm -f {LIB}/{NAME}__{version}.zip")

    @contextmanager
    def offering(self, version: str, change: Callable[[str, bytes], Optional[bytes]]) -> Iterator[None]:
        whole = zip_of(self.build, version)
        self.offer(version, altered(whole, self.azure.dir / "altered.zip", change))
        try:
            yield
        finally:
            self.offer(version, whole)

    def tell(self, report: Optional[ExtensionStatus], handler: str, status: Optional[str], *words: str) -> None:
        """Does the agent report this, and is each word in what people read?"""
        with self.count.trial(TOLD):
            expect(report is not None and (report.handler, report.status) == (handler, status), report)
            for word in words:
                expect(word in report.message or word in report.status_message, f"{word!r} is not in {report}")

    def check_in_force(self, report: ExtensionStatus) -> None:
        with self.count.trial(CONVERGED):
            self.tell(report, "Ready", "success")
            self.check_people()

    def check_people(self) -> None:
        """Who has a role gets in, and local administrators do."""
        result = self.person.run("sudo -n id -u")
        expect(result.stdout == "0\n", result)
        self.check_local()

    def check_local(self) -> None:
        with self.count.trial(ADMITTED):
            self.check_local_users()

    def remove(self, version: str) -> None:
        """Uninstall through the agent: nothing is left, and the agent has nothing more to report."""
        self.ask(Wanted(NAME, version, public=SETTINGS, seq=self.seq, state="uninstall"))
        with self.count.trial(TOLD):
            expect(self.azure.extension(NAME) is None, self.azure.extension(NAME))
        self.check_restored()

    def check_restored(self) -> None:
        with self.count.trial(RESTORED):
            changes = difference(self.before, self.snapshot())
            expect(not changes, "\n".join(changes))
            expect(not self.machine.exists(STATE), self.machine.run(["cat", STATE], check=False).stdout)
        self.check_local()

    def status_of(self, version: str, seq: int) -> Dict[str, object]:
        return json.loads(self.machine.read(f"{folder(version)}/status/{seq}.status"))[0]["status"]

    def sent(self, verb: str) -> bool:
        """Did the agent send an event that the verb left?"""
        return any(event.get("Context1", "").startswith(f"{verb}: ") for event in self.azure.telemetry())

    def handlers(self) -> List[str]:
        """Command lines of the handler's processes."""
        return list(handlers(self.machine).values())

    def wait_until(self, what: str, done: Callable[[], bool], seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not done():
            expect(time.monotonic() < deadline, f"it takes too long until {what}: {self.handlers()}")
            time.sleep(0.05)


# ---- settings and sequence numbers

def no_settings(guest: Guest) -> None:
    machine = guest.machine
    report = guest.ask(Wanted(NAME, FIRST, settings=False))
    guest.tell(report, "Ready", None)
    expect(machine.read(f"{folder(FIRST)}/config/0.settings") == "", "0.settings is not empty")
    expect("user_domains *" in machine.read(CONF), machine.read(CONF))
    expect(guest.status_of(FIRST, 0)["status"] == "success", guest.status_of(FIRST, 0))
    expect(not machine.exists(f"{folder(FIRST)}/heartbeat.log"), "there is a heartbeat, and nobody asked for it")

    guest.seq = 4
    guest.check_in_force(guest.install())
    expect(f"user_domains {DOMAIN}" in machine.read(CONF), machine.read(CONF))
    machine.sh(f"touch {folder(FIRST)}/config/0.settings")  # the newest is not the one that counts
    guest.check_in_force(guest.again())
    expect(f"user_domains {DOMAIN}" in machine.read(CONF), "the settings of another number were taken")

    guest.seq = 2
    guest.check_in_force(guest.install(logLevel="debug"))
    expect("log_level debug" in machine.read(CONF), machine.read(CONF))
    guest.remove(FIRST)


NULL_SETTINGS = {
    "null": {"runtimeSettings": [{"handlerSettings": {"publicSettings": None}}]},
    "an empty object": {"runtimeSettings": [{"handlerSettings": {"publicSettings": {}}}]},
    "no public settings": {"runtimeSettings": [{"handlerSettings": {}}]},
}


def null_settings(guest: Guest) -> None:
    for text in NULL_SETTINGS.values():
        guest.seq += 1
        report = guest.ask(Wanted(NAME, FIRST, raw=json.dumps(text), seq=guest.seq))
        guest.tell(report, "Ready", "success")
    guest.check_in_force(guest.install())
    guest.remove(FIRST)


def protected(guest: Guest) -> None:
    for number, cipher in enumerate(("des3", "aes128", "aes256")):
        guest.seq += 1
        proxy = f"http://somebody:secret{number}@127.0.0.1:3128"
        secret = "\ufeff" * (number == 1) + json.dumps({"proxy": proxy})
        report = guest.ask(Wanted(NAME, FIRST, public=SETTINGS, protected=secret, cipher=cipher, seq=guest.seq))
        guest.tell(report, "Ready", "success")
        expect(proxy in guest.machine.read(SECRET), f"{cipher}: {guest.machine.read(SECRET)}")
    guest.seq += 1
    unknown = "AB" * 20
    report = guest.ask(Wanted(NAME, FIRST, public=SETTINGS, protected={}, thumbprint=unknown, seq=guest.seq))
    guest.tell(report, "NotReady", "error", unknown)
    guest.check_in_force(guest.install())
    expect(not guest.machine.exists(SECRET), "the secret stays")
    guest.remove(FIRST)


def long_words(guest: Guest) -> None:
    """What the agent cuts off is never the cause, nor what to do about it."""
    guest.check_in_force(guest.install())
    for name in ("x" * 20000, "\u20ac" * 8000, "\\\"\n\x01" * 3000):
        report = guest.install(**{name: 1})
        guest.tell(report, "NotReady", "error", "error 53", "the nearest known one is", "mend the setting")
        with guest.count.trial(TOLD):
            expect(len(report.status_message) <= MESSAGE_MAX and report.status_message.count("\n") == 1, report)
            expect(report.status_code == 53 and report.status_message.isascii(), report)
    guest.check_people()
    guest.check_in_force(guest.install())
    guest.remove(FIRST)


# ---- updates

def update(guest: Guest) -> None:
    machine = guest.machine
    guest.check_in_force(guest.install())
    report = guest.again(NEXT)
    guest.check_in_force(report)
    expect(report.version == NEXT and f"version {NEXT}" in report.status_message, report)
    expect(machine.read(f"{folder(NEXT)}/mrseq") == str(guest.seq), "mrseq")
    expect(not machine.exists(folder(FIRST)), "the old folder stays")
    machine.sh(f"rm {folder(NEXT)}/status/*")  # the number was seen, and nothing is to do: the status comes all the same
    guest.check_in_force(guest.again(NEXT))
    for verb in ("install", "enable", "disable", "update", "uninstall"):
        guest.wait_until(f"the agent sends an event of {verb}", lambda: guest.sent(verb))
    guest.remove(NEXT)


def downgrade(guest: Guest) -> None:
    guest.check_in_force(guest.install(NEXT))
    report = guest.again(FIRST)
    guest.check_in_force(report)
    expect(report.version == FIRST and f"version {FIRST}" in report.status_message, report)
    expect(json.loads(guest.machine.read(STATE))["owner"] == FIRST, guest.machine.read(STATE))
    installed = guest.machine.run(["dpkg-query", "-W", "-f", "${Version}", "aadsshlogin"]).stdout
    expect(installed.endswith(FIRST), installed)
    guest.check_in_force(guest.again(NEXT))
    guest.remove(NEXT)


def break_packages(name: str, data: bytes) -> Optional[bytes]:
    return data[:-100] + bytes(100) if name.startswith("packages/") else data


def leave_programs_out(name: str, data: bytes) -> Optional[bytes]:
    return None if name.endswith("/aadssh-handler") else data


def break_programs(name: str, data: bytes) -> Optional[bytes]:
    return b"\x7fELF, and no more" if name.endswith("/aadssh-handler") else data


def with_shim(does: str, verb: str = "update") -> Callable[[str, bytes], Optional[bytes]]:
    """The shim, but for this verb: "$@" is the handler's command."""
    def change(name: str, data: bytes) -> Optional[bytes]:
        if name != SHIM:
            return data
        script = f'#!/bin/sh\nset -- "${{0%/*}}/$(uname -m)/aadssh-handler" "$@"\n[ "$2" != {verb} ] || {{ {does}; }}\nexec "$@"\n'
        return script.encode()
    return change


BEGUN = 'until grep -qs transitioning status/*.status; do sleep 0.01; done'
KILLED_AT_ONCE = with_shim(f'"$@" & {BEGUN}; kill -KILL $! $$')
KILLED_LATER = with_shim(f'"$@" & {BEGUN}; sleep 0.5; kill -KILL $! $$')
KILLED_WHEN_DONE = with_shim('"$@"; kill -KILL $$')
INSTALL_KILLED = with_shim('kill -KILL $$', "install")


class Failure(NamedTuple):
    change: Callable[[str, bytes], Optional[bytes]]  # of the new version's zip
    words: Sequence[str]  # of the report
    status: str  # of the extension, as reported
    before: Callable[[Guest], None] = lambda _: None
    after: Callable[[Guest], None] = lambda _: None


def unchanged(_: str, data: bytes) -> bytes:
    return data


FAILURES: Dict[str, Failure] = {
    "its packages are damaged": Failure(break_packages, ["damaged"], "error"),
    "it has no program for this machine": Failure(leave_programs_out, ["architecture"], "error"),
    "its program does not start": Failure(break_programs, ["start"], "error"),
    "the identity is gone": Failure(unchanged, ["identity"], "error", lambda guest: guest.azure.set_identity(False),
                                    lambda guest: guest.azure.set_identity(True)),
    "sshd's configuration is broken": Failure(
        unchanged, ["error 25", "Nonsense"], "error",
        lambda guest: guest.machine.sh("echo 'Nonsense yes' >/etc/ssh/sshd_config.d/zz.conf") and None,
        lambda guest: guest.machine.sh("rm /etc/ssh/sshd_config.d/zz.conf") and None),
    "it is killed at once": Failure(KILLED_AT_ONCE, ["Non-zero exit code"], "transitioning"),
    "it is killed later": Failure(KILLED_LATER, ["Non-zero exit code"], "transitioning"),
}


def failing_update(title: str) -> Callable[[Guest], None]:
    failure = FAILURES[title]

    def play(guest: Guest) -> None:
        """Sign-in goes on in the meantime, and after the way back."""
        wanted = dict(public={**SETTINGS, "identityWait": 0}, seq=7)
        if not guest.machine.exists(folder(FIRST)):
            guest.check_in_force(guest.ask(Wanted(NAME, FIRST, **wanted)))
        with guest.offering(NEXT, failure.change):
            failure.before(guest)
            guest.machine.sh(f"rm -rf {folder(NEXT)}")  # else the agent unpacks over what another try left there
            try:
                guest.tell(guest.ask(Wanted(NAME, NEXT, **wanted)), "NotReady", failure.status, *failure.words)
            finally:
                failure.after(guest)
            guest.check_people()
            guest.check_in_force(guest.ask(Wanted(NAME, FIRST, **wanted)))
    return play


def mended_update(guest: Guest) -> None:
    """The same version again, of which nothing is wrong any more, and off."""
    failing_update("its packages are damaged")(guest)
    guest.seq = 7
    guest.check_in_force(guest.again(NEXT))
    guest.remove(NEXT)


def removed_after_failure(guest: Guest) -> None:
    """The new version did its work and was killed; the agent then removes the old one, and has no other command for it."""
    guest.check_in_force(guest.install())
    with guest.offering(NEXT, KILLED_WHEN_DONE):
        guest.tell(guest.again(NEXT), "NotReady", "success", "Non-zero exit code")
        guest.check_people()
        guest.remove(NEXT)


def install_killed(guest: Guest) -> None:
    """Behind an update the agent removes the old version and installs the new one: that ends before it began."""
    guest.check_in_force(guest.install())
    with guest.offering(NEXT, INSTALL_KILLED):
        guest.tell(guest.again(NEXT), "NotReady", None, "Non-zero exit code")
        guest.check_people()
    guest.check_in_force(guest.again(NEXT))
    guest.remove(NEXT)


def failing_downgrade(guest: Guest) -> None:
    """The higher version is gone when the lower one cannot be installed: sign-in goes on, by what is there."""
    guest.check_in_force(guest.install(NEXT, identityWait=0))
    wanted = Wanted(NAME, FIRST, public={**SETTINGS, "identityWait": 0}, seq=guest.seq)
    guest.azure.set_identity(False)
    try:
        guest.tell(guest.ask(wanted), "NotReady", None, "identity")
    finally:
        guest.azure.set_identity(True)
    guest.check_people()
    guest.check_in_force(guest.ask(wanted))
    guest.remove(FIRST)


# ---- what else becomes of an extension

def disabled(guest: Guest) -> None:
    """By the goal state, as old ones could: sign-in stays, and the next enable has nothing to do."""
    guest.check_in_force(guest.install())
    report = guest.ask(Wanted(NAME, FIRST, public=SETTINGS, seq=guest.seq, state="disabled"))
    guest.tell(report, "NotReady", "success", "disabled")
    guest.check_people()
    guest.check_in_force(guest.again())
    guest.remove(FIRST)


def dropped(guest: Guest) -> None:
    """Out of the goal state the agent deletes the folder and runs nothing."""
    for first, second in ((FIRST, FIRST), (FIRST, NEXT), (NEXT, FIRST)):
        guest.check_in_force(guest.install(first))
        guest.ask()
        expect(not guest.machine.exists(folder(first)), "the agent kept the folder")
        guest.check_people()
        guest.check_in_force(guest.install(second))
        guest.remove(second)


def no_exec(guest: Guest) -> None:
    """Nothing on /var may be run: the agent says so, sign-in goes on."""
    machine = guest.machine
    machine.sh("mount --bind /var /var")

    def mounted(option: str) -> None:
        machine.sh(f"mount -o remount,bind,{option} /var")

    mounted("noexec")
    guest.tell(guest.install(), "NotReady", None, "code: 126", "Permission denied")
    guest.check_restored()
    mounted("exec")
    guest.check_in_force(guest.again())
    mounted("noexec")
    guest.tell(guest.again(), "NotReady", "success", "code: 126")
    guest.check_people()
    guest.ask(Wanted(NAME, FIRST, public=SETTINGS, seq=guest.seq, state="uninstall"))
    guest.check_people()
    mounted("exec")
    guest.remove(FIRST)
    machine.sh("umount /var")


def gone_by_hand(guest: Guest) -> None:
    """The owner removed the packages and spoilt what is remembered: it can be removed all the same."""
    guest.check_in_force(guest.install())
    guest.machine.sh(f"dpkg --purge aadsshlogin; echo '{{' >{STATE}", env={"DEBIAN_FRONTEND": "noninteractive"})
    guest.remove(FIRST)


def agent_killed(verb: str) -> Callable[[Guest], None]:
    def play(guest: Guest) -> None:
        """The agent dies while the verb runs, and another begins it again beside the one that goes on."""
        azure, machine = guest.azure, guest.machine
        version = FIRST
        if verb != "install":
            guest.check_in_force(guest.install())
        if verb == "update":
            version = NEXT
        azure.fault("imds.token", hang=True)
        guest.seq += 1
        azure.goal_state([Wanted(NAME, version, public={**SETTINGS, "logLevel": "debug"}, seq=guest.seq)])
        running = f"aadssh-handler {verb} "
        guest.wait_until(f"{verb} runs", lambda: any(running in line for line in guest.handlers()))
        time.sleep(0.3)
        guest.agent.kill()
        expect([line for line in guest.handlers() if running in line], "the verb died with the agent")
        guest.agent.start()
        guest.wait_until(f"{verb} runs twice", lambda: sum(running in line for line in guest.handlers()) >= 2)
        time.sleep(0.5)
        azure.clear_faults()
        azure.settle()
        report = azure.extension(NAME)
        guest.check_in_force(report)
        expect((report.seq, report.version) == (guest.seq, version), report)
        guest.wait_until("nothing runs any more", lambda: not guest.handlers())
        expect("log_level debug" in machine.read(CONF), machine.read(CONF))
        guest.remove(version)
    return play


def agent_killed_at_the_end(guest: Guest) -> None:
    """The same while the extension is uninstalled, and waits for somebody."""
    guest.check_in_force(guest.install())
    holder = guest.machine.popen(["flock", LOCK, "sleep", "600"])
    try:
        guest.azure.goal_state([Wanted(NAME, FIRST, public=SETTINGS, seq=guest.seq, state="uninstall")])
        guest.wait_until("uninstall runs", lambda: any("aadssh-handler uninstall" in line for line in guest.handlers()))
        guest.agent.kill()
        guest.agent.start()
        guest.wait_until("uninstall runs twice",
                         lambda: sum("aadssh-handler uninstall" in line for line in guest.handlers()) >= 2)
    finally:
        os.killpg(holder.pid, signal.SIGKILL)
        holder.wait()
    guest.azure.settle()
    guest.wait_until("nothing runs any more", lambda: not guest.handlers())
    with guest.count.trial(TOLD):
        expect(guest.azure.extension(NAME) is None, guest.azure.extension(NAME))
    guest.check_restored()


class Row(NamedTuple):
    title: str
    play: Callable[[Guest], None]
    sample: bool = False
    group: str = ""  # of rows that one machine plays one after the other; the last leaves it clean


AGENT_ROWS: List[Row] = [
    Row("out of the goal state and back, in the same, a higher and a lower version", dropped),
    *(Row(f"the agent is killed during {verb}", agent_killed(verb), verb == "update")
      for verb in ("update", "install", "enable")),
    Row("the agent is killed during uninstall", agent_killed_at_the_end),
    *(Row(f"an update fails: {title}", failing_update(title), title == "its program does not start", "updates")
      for title in FAILURES),
    Row("an update fails, and goes well when what was wrong is mended", mended_update, True, "updates"),
    Row("an update is killed when it is done, and the old version removed", removed_after_failure, True),
    Row("no settings, then such of other numbers, higher and lower", no_settings),
    Row("settings that are null, empty or not there", null_settings),
    Row("protected settings: 3DES, AES, of a key that is not there", protected),
    Row("names of settings that are longer than what the agent keeps", long_words),
    Row("an update, then its status lost", update),
    Row("a downgrade, and up again", downgrade),
    Row("a downgrade fails when the higher version is gone", failing_downgrade),
    Row("an update is through, and the install behind it killed", install_killed),
    Row("disabled by the goal state, and enabled again", disabled),
    Row("/var mounted noexec", no_exec),
    Row("packages purged and state spoilt by hand, then uninstalled", gone_by_hand),
]


# ---- what the agent cannot be brought to, with its commands run as it would

class Hand:
    """A machine without the agent, and the unpacked extension."""

    def __init__(self, machine: Machine, build: Path, count: Tally) -> None:
        self.machine, self.count = machine, count
        self.extension = Extension(machine, zip_of(build, FIRST))

    def run(self, verb: str, code: int = 0, *words: str, **variables: Optional[str]) -> Result:
        """variables: of the environment, None: without it; words: in what it prints"""
        with self.count.trial(CONFIGURATIONS):
            result = self.extension.run(verb, **variables)
            expect(result.returncode == code, result)
            for word in words:
                expect(word in result.stdout, f"{word!r} is not in {result}")
            expect(len(result.stdout) <= KEPT_OUTPUT and len(result.stderr) <= KEPT_OUTPUT, result)
        return result

    def told(self, status: str, *words: str, name: str = f"{SEQUENCE}.status") -> None:
        """What the agent would report."""
        with self.count.trial(TOLD):
            path = f"{folder(FIRST)}/status/{name}"
            found = json.loads(self.machine.read(path))[0]["status"]
            expect(found["status"] == status, found)
            for word in words:
                expect(word in found["formattedMessage"]["message"], f"{word!r} is not in {found}")

    @contextmanager
    def kept_folder(self) -> Iterator[None]:
        """Whatever becomes of the extension's folder, it is back afterwards."""
        with self.machine.changed(f"rm -rf /root/kept; cp -a {folder(FIRST)} /root/kept",
                                  f"chattr -f -i {folder(FIRST)} || true; umount -q {folder(FIRST)} || true; "
                                  f"rm -rf {folder(FIRST)}; mv /root/kept {folder(FIRST)}"):
            yield


ENVIRONMENTS: Dict[str, "tuple[object, int, Sequence[str]]"] = {
    "without the folder of events": ({"eventsFolder": None}, 0, []),
    "without the heartbeat's file": ({"heartbeatFile": None}, 0, []),
    "without the folder of logs": ({"logFolder": None}, 53, ["logFolder"]),
    "without the folder of settings": ({"configFolder": None}, 53, ["configFolder"]),
    "without the folder of statuses": ({"statusFolder": None}, 53, ["statusFolder"]),
    "with a relative folder": ({"statusFolder": "status"}, 53, ["statusFolder"]),
    "with a number for a folder": ({"logFolder": 1}, 53, ["logFolder"]),
    "an object instead of a list": ("{\"handlerEnvironment\": {}}", 53, ["HandlerEnvironment.json"]),
    "an empty list": ("[]", 53, ["HandlerEnvironment.json"]),
    "a second entry in the list": ("second", 0, []),
    "empty": ("", 53, ["HandlerEnvironment.json"]),
    "half-written": ("[{\"name\": \"x\", \"handlerEnv", 53, ["HandlerEnvironment.json"]),
    "not there": (None, 53, ["HandlerEnvironment.json"]),
}


def environment_text(machine: Machine, change: object) -> str:
    whole = json.loads(machine.read(f"{folder(FIRST)}/HandlerEnvironment.json"))
    if change == "second":
        return json.dumps(whole + [{"handlerEnvironment": {}}])
    if isinstance(change, dict):
        folders = {**whole[0]["handlerEnvironment"], **change}
        whole[0]["handlerEnvironment"] = {name: value for name, value in folders.items() if value is not None}
        return json.dumps(whole)
    return str(change)


def environment(title: str) -> Callable[[Hand], None]:
    change, code, words = ENVIRONMENTS[title]

    def play(hand: Hand) -> None:
        """Right or wrong, the status says so, where the agent looks for it; disable and uninstall do without."""
        path = f"{folder(FIRST)}/HandlerEnvironment.json"
        with hand.kept_folder():
            if change is None:
                hand.machine.run(["rm", path])
            else:
                hand.machine.write(path, environment_text(hand.machine, change))
            for verb in ("install", "enable", "update"):
                hand.machine.sh(f"rm -f {folder(FIRST)}/status/*")
                hand.run(verb, code, *words)
                hand.told("error" if code else "success", *words)
            hand.run("disable")
            hand.run("uninstall")
    return play


def sequence_absent(hand: Hand) -> None:
    """As the agent itself does without one: the settings file that was modified last counts, not the highest."""
    config = f"{folder(FIRST)}/config"
    with hand.kept_folder():
        for number, domain in ((9, "nine.example"), (2, "two.example"), (11, "eleven.example")):
            hand.machine.write(f"{config}/{number}.settings", settings({"userDomains": [domain]}))
        hand.machine.write(f"{config}/x.12.settings", settings({"userDomains": ["x.example"]}))
        hand.machine.sh(f"touch -d '1 hour ago' {config}/*; touch {config}/2.settings")
        hand.run("install", ConfigSequenceNumber=None)
        hand.told("success", name="2.status")
        expect("user_domains two.example" in hand.machine.read(CONF), hand.machine.read(CONF))
        hand.run("enable", ConfigSequenceNumber="11")
        hand.told("success", name="11.status")
        expect("user_domains eleven.example" in hand.machine.read(CONF), hand.machine.read(CONF))
        hand.run("uninstall", ConfigSequenceNumber=None)


def sequence_wrong(hand: Hand) -> None:
    for number in ("-1", "seven", "7 ", "", "99999999999999999999"):
        hand.run("install", 53, "ConfigSequenceNumber", ConfigSequenceNumber=number)
        hand.run("disable", ConfigSequenceNumber=number)
        hand.run("uninstall", ConfigSequenceNumber=number)
    hand.run("install", 53, "12.settings", ConfigSequenceNumber="12")
    hand.told("error", "12.settings", name="12.status")


def multi_config(hand: Hand) -> None:
    """One instance a VM: who asks for another is told so."""
    with hand.kept_folder():
        hand.machine.sh(f"mv {folder(FIRST)}/config/{SEQUENCE}.settings {folder(FIRST)}/config/first.{SEQUENCE}.settings")
        for verb in ("install", "enable", "update"):
            hand.run(verb, 53, "ConfigExtensionName", "first", ConfigExtensionName="first")
        hand.run("disable", ConfigExtensionName="first")


def no_scripts(hand: Hand) -> None:
    """The agent's folder is elsewhere, and nothing on /var may be run: dpkg cannot run a package's scripts there."""
    other = folder(FIRST).replace("/var/lib", "/opt")
    hand.machine.sh('mkdir -p "${2%/*}"; cp -a "$1" "$2"; sed -i "s|/var/lib/waagent|/opt/waagent|g" "$2/HandlerEnvironment.json"',
                    folder(FIRST), other)
    argv = ["env", "-i", *hand.extension.environment(AZURE_GUEST_AGENT_EXTENSION_PATH=other), "/bin/sh", "-c"]
    with hand.machine.changed("mount --bind /var /var; mount -o remount,bind,noexec /var", "umount /var"):
        result = hand.machine.run([*argv, f"{other}/bin/aadssh-shim install"], check=False, cwd=other)
        expect(result.returncode == 52 and "/var/lib/dpkg/info is mounted noexec" in result.stdout, result)
    for verb in ("install", "enable", "uninstall"):
        hand.machine.run([*argv, f"{other}/bin/aadssh-shim {verb}"], cwd=other)
    status = json.loads(hand.machine.read(f"{other}/status/{SEQUENCE}.status"))[0]["status"]
    expect(status["status"] == "success", status)
    hand.machine.sh("rm -r /opt/waagent")


# What is done to the machine, and what mends it; {folder} is the extension's.
BROKEN: Dict[str, "tuple[str, str]"] = {
    "no folder of settings": ("rm -r {folder}/config", "true"),
    "no settings": ("rm {folder}/config/*", "true"),
    "settings that are no JSON": ("echo '{{' >{folder}/config/7.settings", "true"),
    "no folder of statuses": ("rm -r {folder}/status", "true"),
    "a file for the folder of statuses": ("rm -r {folder}/status; touch {folder}/status", "true"),
    "no HandlerEnvironment.json": ("rm {folder}/HandlerEnvironment.json", "true"),
    "no folder of logs": ("mv {logs} {logs}.kept", "rm -rf {logs}; mv {logs}.kept {logs}"),
    "a read-only folder": ("mount --bind {folder} {folder}; mount -o remount,bind,ro {folder}", "umount {folder}"),
    "a state that is spoilt": ("mkdir -p /var/lib/aadsshlogin; echo '{{' >/var/lib/aadsshlogin/state.json",
                               "rm -f /var/lib/aadsshlogin/state.json"),
    "a directory for the state": ("rm -f /var/lib/aadsshlogin/state.json; mkdir -p /var/lib/aadsshlogin/state.json",
                                  "rmdir /var/lib/aadsshlogin/state.json"),
    "no program for this machine": ("rm -r {folder}/bin/$(uname -m)", "true"),
    "a program that does not start": ("printf '\\177ELF' >{folder}/bin/$(uname -m)/aadssh-handler", "true"),
    "a program that may not be run": ("chmod 644 {folder}/bin/$(uname -m)/aadssh-handler", "true"),
    "no manifest folder": ("rm -r {folder}/manifest", "true"),
    "the packages gone by hand": ("dpkg --purge aadsshlogin >&2", "true"),
    "a full disk": ("mount -t tmpfs -o size=16k,mode=700 tmpfs {folder}/status; head -c 16384 /dev/zero >{folder}/status/x || true",
                    "umount {folder}/status"),
}


def disable(title: str) -> Callable[[Hand], None]:
    before, after = (text.format(folder=folder(FIRST), logs=LOGS) for text in BROKEN[title])

    def play(hand: Hand) -> None:
        """A disable that fails stops updates and removals (the agent runs it before both): it never does."""
        hand.run("install")
        try:
            with hand.kept_folder(), hand.machine.changed(before, after):
                hand.run("disable")
        finally:
            hand.run("uninstall")
    return play


class HandRow(NamedTuple):
    title: str
    play: Callable[[Hand], None]
    sample: bool = False


HAND_ROWS: List[HandRow] = [
    *(HandRow(f"HandlerEnvironment.json {title}", environment(title), title in ("half-written", "without the folder of logs"))
      for title in ENVIRONMENTS),
    HandRow("several settings, and no sequence number", sequence_absent, True),
    HandRow("sequence numbers that are none, or have no settings", sequence_wrong),
    HandRow("an instance's name, as of multi-config", multi_config, True),
    HandRow("the agent's folder elsewhere, /var mounted noexec", no_scripts),
    *(HandRow(f"disable with {title}", disable(title), title in ("no folder of settings", "a program that does not start"))
      for title in BROKEN),
]

ROWS: "List[Row | HandRow]" = [*AGENT_ROWS, *HAND_ROWS]


# ---- playing them

def play_agent(tell: Teller, count: Tally, build: Path, todo: "queue.SimpleQueue[List[Row]]") -> None:
    """Group after group on one machine; after a row that broke, on another."""
    while True:
        try:
            left = todo.get_nowait()
        except queue.Empty:
            return
        while left:
            with Guest(build, f"view{threading.get_ident() % 10000}", count) as guest:
                held = True
                while left and held:
                    held, row = False, left.pop(0)
                    with tell.step(row.title):
                        row.play(guest)
                        held = True
                    if held and not left and not todo.empty():
                        left = todo.get_nowait()


def groups(chosen: Sequence[Row]) -> List[List[Row]]:
    """The longest first, so that the machines end together."""
    names = dict.fromkeys(row.group or row.title for row in chosen)
    found = [[row for row in chosen if (row.group or row.title) == name] for name in names]
    return sorted(found, key=len, reverse=True)


def play_hand(tell: Teller, count: Tally, build: Path, chosen: Sequence[HandRow]) -> None:
    with in_cloud("viewhand") as (machine, _):
        hand = Hand(machine, build, count)
        for row in chosen:
            before = machine.snapshot(WATCHED, NOT_OURS + MEMORY)
            with tell.step(row.title):
                row.play(hand)
                with count.trial(RESTORED):
                    changes = difference(before, machine.snapshot(WATCHED, NOT_OURS + MEMORY))
                    expect(not changes, "\n".join(changes))
            hand.extension.forget()


def play_all(arguments: argparse.Namespace, chosen: List[Row], tell: Teller, count: Tally) -> None:
    layer.ensure()
    todo: "queue.SimpleQueue[List[Row]]" = queue.SimpleQueue()
    for group in groups([row for row in chosen if row in AGENT_ROWS]):
        todo.put(group)
    by_hand = [row for row in chosen if row in HAND_ROWS]
    chapters = {f"agent {number}": lambda tell: play_agent(tell, count, arguments.build, todo)
                for number in range(min(AT_ONCE, todo.qsize()))}
    if by_hand:
        chapters["by hand"] = lambda tell: play_hand(tell, count, arguments.build, by_hand)
    tell.play(chapters)


if __name__ == "__main__":
    sys.exit(tally.lead(tally.options(__doc__), "the agent's view", ROWS, play_all))
