# SPDX-License-Identifier: MIT
"""
A machine with a shape of configuration: what the real programs say of its people before the product is set up, while it
is, and after it is taken off again.

For root and local users nothing may ever differ; for Entra users what sshd_config's block says, and nothing else; and
every byte, mode, owner, access list and link is as before afterwards.
"""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Callable, Dict, List, Mapping, Sequence

from azure.client import Azure
from lab import layer
from lab.faults.shapes import DROPINS, MACHINES, MAIN, NSSWITCH, PAM, SHAPES, SSHD, Shape
from lab.faults.tally import ADMITTED, CONFIGURATIONS, CONVERGED, RESTORED, TOLD, Tally
from lab.install import FIRST, Extension, install_package, settings, zip_of
from lab.machine import Machine, Result
from lab.snapshot import Snapshot, difference
from lab.teller import expect

EDITED = ["ssh", "pam.d", "nsswitch.conf"]  # of /etc
WATCHED = ["/etc", "/srv", "/usr/lib/pam.d", "/usr/etc", "/var/lib/aadsshlogin"]
CONF = {
    "tenant": "11111111-1111-4111-8111-111111111111",
    "resource_id": "/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/g/providers/Microsoft.Compute"
                   "/virtualMachines/vm",
    "authority": "https://login.microsoftonline.com",
    "resource_manager": "https://management.azure.com",
    "cloud": "microsoftonline.com",
    "role_backend": "static",
}

# Modules of PAM that shapes name, where Debian has them.
PACKAGES = ("libpam-sss", "libpam-ldapd",
            "google-compute-engine-oslogin", "libnss-extrausers", "acl", "attr")

Said = Mapping[str, List[str]]  # what a program said, by what it was asked

NEIGHBOUR = "x@corp.local"  # a local user with a name like somebody's of a domain
LOCALS = ["root", "local", NEIGHBOUR]
OURS = ["entra.user@contoso.com", "0f0f0f0f-1111-4222-8333-444455556666"]

# What sshd says of our users while we are there, whatever it said before.
BLOCK = {
    "authenticationmethods": ["publickey"],
    "pubkeyauthentication": ["yes"],
    "authorizedkeyscommand": ["/usr/sbin/aad_certhandler %u %k"],
    "authorizedkeyscommanduser": ["aadsshlogin"],
    "authorizedkeysfile": ["none"],
}
CLIENTS = ["host=localhost,addr=127.0.0.1,laddr=127.0.0.1,lport=22", "host=a.corp.example,addr=10.1.2.3,laddr=10.0.0.4,lport=2222"]

ASK_SSHD = """
for who in "$@"; do
	echo "= $who"
	/usr/sbin/sshd -T -C "$who" 2>/tmp/said || { echo "ended with $?"; cat /tmp/said; }
done
"""
ASK_PAM = """
for who in "$@"; do
	echo "= $who"
	/run/lab/pamdriver $who || :
done
"""
ASK_NAMES = """
for who in "$@"; do
	echo "= $who"
	getent passwd "$who" || echo "ended with $?"
	id "$who" 2>/dev/null || :
done
echo "= the rest"
for what in passwd 'passwd 0' 'group root' 'initgroups local' 'shadow root' 'hosts localhost' 'services ssh'; do
	getent $what || echo "$what: ended with $?"
done
getent group | grep -v '^aad_' || :
"""


def sections(text: str) -> Dict[str, List[str]]:
    """The lines below each `= NAME`."""
    found: Dict[str, List[str]] = {}
    lines: List[str] = []
    for line in text.splitlines():
        if line.startswith("= "):
            lines = found[line[2:]] = []
        else:
            lines.append(line)
    return found


class Configured:
    """The machine, with the packages and the extension on it; neither is in force."""

    def __init__(self, build: Path, tally: Tally) -> None:
        self.machine = Machine(hostname="shapes", optional=PACKAGES)
        self.build, self.tally = build, tally
        self.kept = tempfile.TemporaryDirectory(prefix="shapes-")  # what is edited, as the machine came

    def __enter__(self) -> "Configured":
        self.machine.start()
        self.azure = Azure.start(layer.LAB / "azure-shapes", prefix=self.machine.network)
        self.machine.trust(self.azure.ca)
        install_package(self.machine, self.build)
        self.extension = Extension(self.machine, zip_of(self.build, FIRST))
        self.machine.sh(f"""install -d -m 755 /run/lab /run/sshd /usr/lib/pam.d
            echo '{NEIGHBOUR}:x:4711:4711::/:/bin/sh' >>/etc/passwd
            echo '{NEIGHBOUR}:x:4711:' >>/etc/group
            echo '{NEIGHBOUR}:*:19000:0:99999:7:::' >>/etc/shadow
            echo 'expired:x:4712:4712::/:/bin/sh' >>/etc/passwd
            echo 'expired:*:10000:0:90:7::10001:' >>/etc/shadow""")
        driver = Path(self.kept.name) / "pamdriver"
        source = layer.CHECKOUT / "test/script/pamdriver.c"
        subprocess.run(["cc", "-O1", "-I", str(self.build), "-o", str(driver), str(source), "-lpam"], check=True)
        shutil.copy(driver, self.path("/run/lab/pamdriver"))
        for name in EDITED:
            subprocess.run(["cp", "-a", str(self.path(f"/etc/{name}")), self.kept.name], check=True)
        self.module = self.machine.sh("find /usr/lib /lib -name pam_aad.so | head -n 1").stdout.strip()
        return self

    def __exit__(self, *_: object) -> None:
        self.azure.stop()
        self.machine.stop()
        self.kept.cleanup()

    # The files

    def path(self, inside: str) -> Path:
        return Path(f"/proc/{self.machine.pid}/root{inside}")

    def snapshot(self) -> Snapshot:
        return self.machine.snapshot(WATCHED)

    def attributes(self) -> Dict[str, object]:
        """What a snapshot does not tell of the files that are edited: further attributes, flags, links."""
        found: Dict[str, object] = {}
        for folder in ("/etc/ssh", "/etc/pam.d", "/etc"):
            for path in self.path(folder).iterdir():
                if path.is_file() and not path.is_symlink():
                    names = sorted(os.listxattr(path))
                    found[f"{folder}/{path.name}"] = path.stat().st_nlink, [(name, os.getxattr(path, name)) for name in names]
        return found

    def clear(self) -> None:
        """The files of all kinds of shapes as the machine came, without those of the lab."""
        self.machine.sh("cd /etc; rm -rf ssh pam.d nsswitch.conf /srv/* /usr/lib/pam.d/* /usr/etc/nsswitch.conf")
        for name in EDITED:
            subprocess.run(["cp", "-a", f"{self.kept.name}/{name}", str(self.path("/etc/"))], check=True)

    def put(self, shape: Shape) -> None:
        self.clear()
        {SSHD: self._put_sshd, NSSWITCH: self._put_nsswitch, PAM: self._put_pam}[shape.kind](shape)
        if shape.script:
            self.machine.sh(shape.script)

    def _put_sshd(self, shape: Shape) -> None:
        self.path(MAIN).unlink()
        shutil.rmtree(self.path(DROPINS))
        self._put_tree(SHAPES / SSHD / shape.name, "/etc/ssh")
        self.path(DROPINS).mkdir(exist_ok=True)

    def _put_nsswitch(self, shape: Shape) -> None:
        source = MACHINES / shape.name / "etc/nsswitch.conf"
        source = source if shape.distribution else SHAPES / NSSWITCH / shape.name
        self.path("/etc/nsswitch.conf").write_bytes(source.read_bytes())

    def _put_pam(self, shape: Shape) -> None:
        if not shape.distribution:
            self._put_tree(SHAPES / PAM / shape.name, "/etc/pam.d")
            return
        for name in ("sshd", "sudo", "sudo-i"):
            self.path(f"/etc/pam.d/{name}").unlink()
        for folder in ("/etc/pam.d", "/usr/lib/pam.d"):
            if (MACHINES / shape.name / folder[1:]).exists():
                self._put_tree(MACHINES / shape.name / folder[1:], folder)
        # Debian's sudo has a service of its own for login shells, that of some does not; and libpam before 1.6 does
        # not look in the vendor's folder for what is included.
        self.machine.sh("for folder in /etc/pam.d /usr/lib/pam.d; do\n"
                        "[ ! -e $folder/sudo ] || cp $folder/sudo $folder/sudo-i\ndone")

    def _put_tree(self, source: Path, inside: str) -> None:
        for path in sorted(source.rglob("*")):
            target = self.path(f"{inside}/{path.relative_to(source)}")
            if path.is_symlink():
                target.unlink(missing_ok=True)
                target.symlink_to(os.readlink(path))
            elif path.is_dir():
                target.mkdir(mode=0o755, exist_ok=True)
            else:
                target.write_bytes(path.read_bytes())
                target.chmod(0o644)

    # What the programs say

    def ask(self, kind: str) -> Dict[str, List[str]]:
        return {SSHD: self._ask_sshd, NSSWITCH: self._ask_names, PAM: self._ask_pam}[kind]()

    def _ask_sshd(self) -> Dict[str, List[str]]:
        words = [f"user={user},{client}" for user in LOCALS + OURS for client in CLIENTS]
        return sections(self.machine.sh(ASK_SSHD, *words).stdout)

    def _ask_names(self) -> Dict[str, List[str]]:
        return sections(self.machine.sh(ASK_NAMES, *LOCALS, *OURS).stdout)

    def _ask_pam(self) -> Dict[str, List[str]]:
        words = [f"{service} {user}{ruser}" for user in (*LOCALS, "expired", *OURS)
                 for service, ruser in (("sshd", ""), ("sudo", f" {user}"), ("sudo-i", f" {user}"))]
        return sections(self.machine.sh(ASK_PAM, *words).stdout)

    @staticmethod
    def check_same(before: Said, now: Said, who: Callable[[str], bool]) -> None:
        for name in filter(who, before):
            expect(before[name] == now.get(name), f"{name}: {changes(before[name], now.get(name, []))}")

    # The product

    def configure(self, domains: str) -> Result:
        words = [f"{name}={value}" for name, value in {**CONF, "user_domains": domains}.items()]
        return self.machine.run(["aadsshlogin", "configure", *words], check=False)

    def install(self, domains: str) -> "tuple[int, str]":
        """What the extension ends with, and its message."""
        self.extension.write_settings(settings({"userDomains": domains.split(), "roleBackend": "static"}))
        result = self.extension.run("install")
        status = self.extension.status()
        expect(status and status["code"] == result.returncode, f"{result} and {status}")
        self.extension.forget()
        return result.returncode, status["formattedMessage"]["message"]


def changes(before: Sequence[str], after: Sequence[str]) -> List[str]:
    return [f"- {line}" for line in before if line not in after] + [f"+ {line}" for line in after if line not in before]


def is_ours(name: str) -> bool:
    return any(user in name for user in OURS)


def is_not_ours(name: str) -> bool:
    return not is_ours(name)


def as_settings(lines: Sequence[str]) -> Dict[str, List[str]]:
    found: Dict[str, List[str]] = {}
    for line in lines:
        word, _, value = line.partition(" ")
        found.setdefault(word.lower(), []).append(value)
    return found


def check_sshd(before: Said, during: Said) -> None:
    """Of our users sshd says what it said before, but for our block."""
    for name in filter(is_ours, before):
        wanted = {**as_settings(before[name]), **BLOCK}
        now = as_settings(during[name])
        differing = [word for word in wanted.keys() | now.keys() if wanted.get(word) != now.get(word)]
        expect(not differing, f"{name}: {[(word, wanted.get(word), now.get(word)) for word in differing]}")


def check_names(before: Said, during: Said) -> None:
    for name in filter(is_ours, before):
        expect(before[name] == ["ended with 2"], f"somebody knew {name} before: {before[name]}")
        line = during[name][0].split(":")
        expect(len(line) == 7 and line[0] == name and line[2] == line[3] and 10000000 <= int(line[2]) <= 99999999, during[name])
        expect("(aad_users)" in during[name][1], during[name])


def check_pam(_: Said, during: Said) -> None:
    for name in filter(is_ours, during):
        expect(not during[name][-1].startswith("result 0:"), f"{name} is let in without a certificate: {during[name]}")


CHECKS = {SSHD: check_sshd, NSSWITCH: check_names, PAM: check_pam}


def play(lab: Configured, shape: Shape) -> None:
    """One shape: before, during and after."""
    lab.put(shape)
    try:
        play_there(lab, shape)
    finally:
        lab.machine.run(["aadsshlogin", "unconfigure"], check=False)


def play_there(lab: Configured, shape: Shape) -> None:
    said, files, attributes = lab.ask(shape.kind), lab.snapshot(), lab.attributes()
    if shape.kind == PAM:
        expect(shape.closed != said["sshd local"][-1].startswith("result 0:"), f"as the shape is: {said['sshd local']}")
    with lab.tally.trial(CONFIGURATIONS):
        result = lab.configure(shape.domains)
        if shape.code:
            refused(lab, shape, result)
        else:
            taken(lab, shape, result, said)
            lab.machine.run(["aadsshlogin", "unconfigure"])
    with lab.tally.trial(RESTORED):
        left = difference(files, lab.snapshot())
        expect(not left, "\n".join(left))
        now = lab.attributes()
        expect(attributes == now, {path: (attributes.get(path), now.get(path)) for path in attributes.keys() | now.keys()
                                   if attributes.get(path) != now.get(path)})
    with lab.tally.trial(ADMITTED):
        lab.check_same(said, lab.ask(shape.kind), lambda _: True)


def refused(lab: Configured, shape: Shape, result: Result) -> None:
    expect(result.returncode == 1, f"it was taken: {result.stdout}")
    with lab.tally.trial(TOLD):
        code, message = lab.install(shape.domains)
        expect(code == shape.code, f"the extension ended with {code}: {message}")
        for word in shape.words:
            expect(word in message, f"{word!r} is not in {message!r}")
            expect(word in result.stderr, f"{word!r} is not in {result.stderr!r}")


def taken(lab: Configured, shape: Shape, result: Result, said: Said) -> None:
    expect(result.returncode == 0, f"{result.stderr}{result.stdout}")
    for word in shape.words:
        expect(word in result.stdout, f"{word!r} is not in {result.stdout!r}")
    during = lab.ask(shape.kind)
    with lab.tally.trial(ADMITTED):
        lab.check_same(said, during, is_not_ours)
    CHECKS[shape.kind](said, during)
    with lab.tally.trial(CONVERGED):
        again = lab.configure(shape.domains)
        expect(again.returncode == 0 and " changed" not in again.stdout, again)
    if shape.kind == PAM:
        without_module(lab, said)


def without_module(lab: Configured, said: Said) -> None:
    """A break in the runtime locks no local user out."""
    lab.machine.run(["mv", lab.module, f"{lab.module}.away"])
    try:
        lab.check_same(said, lab.ask(PAM), is_not_ours)
    finally:
        lab.machine.run(["mv", f"{lab.module}.away", lab.module])
