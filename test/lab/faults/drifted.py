# SPDX-License-Identifier: MIT
"""
A machine on which the extension is in force, and whose owner, a hardening script, cloud-init or an upgrade changes
something: enable repairs what is ours, keeps what is theirs and says what it did, or ends with the line that is in its
way; and uninstall leaves the owner's version of everything.
"""

import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, NamedTuple, Optional, Sequence

from lab.faults.configured import BLOCK, OURS, Configured, as_settings, is_ours
from lab.faults.tally import ADMITTED, CONFIGURATIONS, CONVERGED, RESTORED, TOLD
from lab.install import install_package, settings
from lab.login import ssh
from lab.snapshot import Snapshot, difference, lookup
from lab.teller import expect

MAIN, DROPINS = "/etc/ssh/sshd_config", "/etc/ssh/sshd_config.d"
DROPIN = f"{DROPINS}/20-aadsshlogin.conf"
RULE = "/etc/sudoers.d/aad_admins"
CONF, USERS, ADMINS = "/etc/aadsshlogin.conf", "/etc/aadpasswd", "/etc/aadadmins"
NSSWITCH = "/etc/nsswitch.conf"

# How sshd_config is before all: as Debian has it, or with neither an Include nor an end of its last Match.
AS_SHIPPED = "true"
NO_INCLUDE = f"sed -i '/^Include/d' {MAIN}; printf 'Match User git\\n\\tPermitTTY no\\n' >>{MAIN}"

WATCHED = ["/etc", "/srv", "/usr/sbin", "/usr/libexec", "/usr/lib/pam.d", "/usr/lib/x86_64-linux-gnu/security",
           "/usr/share/aadsshlogin", "/var/lib/aadsshlogin"]
# Backups of useradd and userdel, and what belongs to the packages' owner.
NOT_WATCHED = ["/etc/passwd-", "/etc/group-", "/etc/shadow-", "/etc/gshadow-", "/etc/subuid-", "/etc/subgid-"]


class Drift(NamedTuple):
    """One change of somebody else's."""

    title: str
    change: str  # a script, run while the extension is in force
    step: str = ""  # whose substatus tells; "": nothing of ours is to be repaired
    words: Sequence[str] = ()  # there, or in the message of an error
    code: int = 0  # of enable
    off: Optional[int] = None  # of uninstall, when that comes before anything is mended
    mend: str = ""  # what the owner does after having read the error
    owners: Optional[str] = None  # the same change where we never were; by default the very same
    base: str = AS_SHIPPED
    packages: bool = False  # they are the extension's, and not there before
    sample: bool = False


class Owned:
    """The machine of the shapes, with an sshd that listens."""

    def __init__(self, lab: Configured) -> None:
        self.lab, self.machine, self.extension = lab, lab.machine, lab.extension
        self.kept = tempfile.TemporaryDirectory(prefix="drift-")
        self.clean: Snapshot  # how all is between two rows

    def __enter__(self) -> "Owned":
        self.lab.clear()
        self.extension.forget()
        self.extension.write_settings(settings({"userDomains": ["contoso.com"], "roleBackend": "static"}))
        self.machine.write("/etc/aadsshlogin.roles", "11111111-2222-4333-8444-555555555555 user\n")
        self.machine.start_sshd()
        self._keep()
        return self

    def __exit__(self, *_: object) -> None:
        self.kept.cleanup()

    def snapshot(self) -> Snapshot:
        return self.machine.snapshot(WATCHED, NOT_WATCHED)

    def _keep(self) -> None:
        """From now on this is how it is between two rows."""
        self.clean = self.snapshot()
        shutil.rmtree(f"{self.kept.name}/etc", ignore_errors=True)
        subprocess.run(["cp", "-a", str(self.lab.path("/etc")), self.kept.name], check=True)

    def restore(self) -> None:
        """/etc as it is between two rows."""
        now = self.snapshot()
        for line in difference(self.clean, now):
            path = line.split(None, 1)[1].split(" (", 1)[0]
            if path.startswith("/etc/"):
                self._restore(path, lookup(self.clean, path) is not None)
        left = difference(self.clean, self.snapshot())
        expect(not left, f"the lab does not find back: {left}")

    def _restore(self, path: str, existed: bool) -> None:
        there, kept = self.lab.path(path), Path(f"{self.kept.name}{path}")
        if existed and kept.is_dir() and there.is_dir() and not there.is_symlink():
            shutil.copystat(kept, there)
            os.chown(there, kept.stat().st_uid, kept.stat().st_gid)
            return
        if there.is_dir() and not there.is_symlink():
            shutil.rmtree(there)
        elif os.path.lexists(there):
            there.unlink()
        if existed:
            subprocess.run(["cp", "-a", str(kept), str(there)], check=True)

    @contextmanager
    def without_packages(self, wanted: bool) -> Iterator[None]:
        if not wanted:
            yield
            return
        self.machine.run(["dpkg", "--purge", "aadsshlogin"])
        self._keep()
        try:
            yield
        finally:
            install_package(self.machine, self.lab.build)
            self._keep()

    # What the product does

    def run(self, verb: str) -> "tuple[int, dict]":
        """Its exit code and its status, which must not contradict each other."""
        result = self.extension.run(verb)
        status = self.extension.status()
        expect(status is not None, f"{verb} leaves no status: {result}")
        expect(status["code"] == result.returncode and (status["status"] == "success") == (result.returncode == 0),
               f"{verb} ended with {result.returncode}, and the status says {status}")
        return result.returncode, status

    def must(self, verb: str) -> dict:
        code, status = self.run(verb)
        expect(code == 0, f"{verb} ended with {code}: {status['formattedMessage']['message']}")
        return status

    def verdict(self) -> int:
        folder = self.extension.folder
        return self.machine.run([f"{folder}/bin/aadssh-shim", "check"], check=False, cwd=folder).returncode

    # What holds

    def check_local(self) -> None:
        result = self.machine.run(ssh("/root/.ssh/local", "local", ["id -un; sudo -n id -u"]), check=False)
        expect(result.stdout.split() == ["local", "0"], result)

    def check_in_force(self) -> None:
        said = self.lab.ask("sshd_config")
        for name, lines in said.items():
            found = as_settings(lines)
            expect(all(found.get(word) == value for word, value in BLOCK.items()) == is_ours(name), f"{name}: {lines}")
        names = self.machine.run(["getent", "passwd", OURS[0]]).stdout
        expect(names.startswith(f"{OURS[0]}:"), names)
        expect("(aad_users)" in self.machine.run(["id", OURS[0]], check=False).stdout, "the groups")
        for service in ("sshd", "sudo", "sudo-i"):
            lines = [line.split()[0:1] + line.split()[-2:] for line in self.machine.read(f"/etc/pam.d/{service}").splitlines()
                     if line.startswith(("account", "-account", "@include common-account"))]
            expect(lines and "pam_aad.so" in lines[0], f"{service}: {lines}")


def part(status: dict, step: str) -> str:
    found = [entry["formattedMessage"]["message"] for entry in status["substatus"] if entry["name"] == step]
    return found[0] if found else ""


def play(owned: Owned, row: Drift) -> None:
    with owned.without_packages(row.packages):
        try:
            play_there(owned, row)
        except BaseException:
            owned.extension.run("uninstall")
            raise
        finally:
            owned.extension.forget()
            owned.machine.sh("rm -rf /srv/*")
            owned.restore()


def play_there(owned: Owned, row: Drift) -> None:
    tally, machine = owned.lab.tally, owned.machine
    machine.sh(row.base)
    machine.sh(row.change if row.owners is None else row.owners)
    machine.sh(row.mend or "true")
    wanted = owned.snapshot()
    machine.sh("rm -rf /srv/*")
    owned.restore()
    machine.sh(row.base)
    owned.must("install")
    owned.must("enable")
    machine.sh(row.change)
    with tally.trial(ADMITTED):
        owned.check_local()
    with tally.trial(TOLD):
        told(owned, row)
    if row.off is None:
        with tally.trial(CONFIGURATIONS):
            if row.mend:
                machine.sh(row.mend)
                owned.must("enable")
            in_force(owned)
    else:
        taken_off(owned, row)
    with tally.trial(ADMITTED):
        owned.check_local()
    with tally.trial(RESTORED):
        owned.must("uninstall")
        owned.extension.forget()
        left = difference(wanted, owned.snapshot())
        expect(not left, "\n".join(left))
    with tally.trial(ADMITTED):
        owned.check_local()


def told(owned: Owned, row: Drift) -> None:
    before = owned.verdict()
    expect((before == 2) == bool(row.step or row.code), f"check ended with {before}")
    code, status = owned.run("enable")
    message = status["formattedMessage"]["message"]
    expect(code == row.code, f"enable ended with {code}: {message} {status['substatus']}")
    text = message if code else part(status, row.step)
    expect(code == 0 or "\n" in message, f"no remedy: {message}")
    for word in row.words:
        expect(word in text, f"{word!r} is not in {text!r}")
    if not code:
        changed = [entry["name"] for entry in status["substatus"] if entry["formattedMessage"]["message"].startswith("changed")]
        expect(row.step in changed if row.step else not changed, f"changed: {changed}")


def taken_off(owned: Owned, row: Drift) -> None:
    with owned.lab.tally.trial(CONFIGURATIONS):
        code, status = owned.run("uninstall")
        message = status["formattedMessage"]["message"]
        expect(code == row.off, f"uninstall ended with {code}: {message}")
        expect(not code or all(word in message for word in row.words), message)
        owned.check_local()
        owned.machine.sh(row.mend or "true")


def in_force(owned: Owned) -> None:
    with owned.lab.tally.trial(CONVERGED):
        again = owned.extension.run("enable")
        expect(again.returncode == 0 and ("nothing to do" in again.stdout or ", 0 changed" in again.stdout), again)
        expect(owned.verdict() != 2, "check finds something after all")
    owned.check_in_force()
