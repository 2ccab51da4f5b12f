# SPDX-License-Identifier: MIT
"""A machine that people sign in to, without the guest agent: packages installed, `aadsshlogin configure` run.

    >>> with Host(Path("build"), "matrix") as host:
    ...     visitor = Visitor(host, "a@contoso.com", "admin")
    ...     visitor.login()
"""

import base64
import dataclasses
import os
import re
import shlex
import stat
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence, Union

from azure import sshcert
from azure.client import Azure
from lab import layer
from lab.install import install_package
from lab.login import Session, ssh
from lab.machine import Machine, Result
from lab.rawssh import SUCCESS, Client, RsaKey
from lab.teller import expect

DOMAINS = ["contoso.com", "fabrikam.com", "contoso.onmicrosoft.com", "contoso.com.fabrikam.com"]
CONF = "/etc/aadsshlogin.conf"
HANDOFF, DECISIONS, CACHE = "/run/aadsshlogin/handoff", "/run/aadsshlogin/decisions", "/var/cache/aadsshlogin"
KEPT_RECORD = f"{HANDOFF}/1"  # process 1 makes no login: a row can keep a record here, and removes it
LEDGER = "/var/lib/aadsshlogin/users"
TAMPER = "/etc/ssh/lab-tamper"
SERVICE_USER = "aadsshlogin"
AS_SERVICE_USER = ["setpriv", f"--reuid={SERVICE_USER}", f"--regid={SERVICE_USER}", "--clear-groups", "env", "-i",
                   "PATH=/usr/sbin:/usr/bin:/sbin:/bin"]
PATIENCE = 5  # seconds for a log line to arrive

# sshd's key command on a port of its own: the real one, and then what a row does to its record.  It is
# root, so it can do more than whoever controls the runtime's user.
TAMPER_SCRIPT = f"""#!/bin/sh
made={HANDOFF}/$$ record={HANDOFF}/$PPID answer=/run/lab/answer.$$
{shlex.join(AS_SERVICE_USER)} /usr/sbin/aad_certhandler "$1" "$2" >$answer </dev/null
[ ! -e $made ] || . "/run/lab/tamper/$1" >/dev/null
rm -f $made
cat $answer
rm $answer
"""


class Outcome(NamedTuple):
    """How a login ended."""

    end: str  # see rawssh
    banner: str  # what the user was told
    log: List[str]  # lines about it


class Host:
    """The machine, its cloud, its sshds."""

    def __init__(self, build: Path, label: str) -> None:
        self.machine = Machine(hostname=label)
        self.build, self.label = build, label

    def __enter__(self) -> "Host":
        self.machine.start()
        self.azure = Azure.start(layer.LAB / f"azure-{self.label}", prefix=self.machine.network)
        self.machine.trust(self.azure.ca)
        self.machine.sh("install -d -m 755 /run/sshd /run/lab/tamper")
        self.machine.write(TAMPER, TAMPER_SCRIPT, 0o755)
        self.keys = {bits: self._new_key(bits) for bits in (2048,)}
        self.signers: Dict[str, sshcert.Signer] = {}
        self.tenants: Dict[str, str] = {}  # further ones that are allowed, by what they are for
        self.ports: List[int] = []  # where an sshd listens
        self.machine.write("/run/lab/visitor.pub", self.keys[2048].public)
        self.local_key = self._new_key(2048, "local")
        self.machine.sh("cat >>/home/local/.ssh/authorized_keys", input=self.local_key.public)
        install_package(self.machine, self.build)
        return self

    def __exit__(self, *_: object) -> None:
        self.azure.stop()
        self.machine.stop()

    def _new_key(self, bits: int, name: str = "") -> "UserKey":
        return UserKey(self.azure, name or f"rsa{bits}", bits)

    def key(self, bits: int) -> "UserKey":
        """The key pair of this size that everybody shares."""
        if bits not in self.keys:
            self.keys[bits] = self._new_key(bits)
        return self.keys[bits]

    def signer(self, name: str) -> sshcert.Signer:
        if name not in self.signers:
            self.signers[name] = sshcert.Signer(self.azure.key(name))
        return self.signers[name]

    def configure(self, **keywords: object) -> None:
        words = {"user_domains": " ".join(DOMAINS), **keywords}
        self.machine.run(["aadsshlogin", "configure", *(f"{name}={value}" for name, value in words.items())])

    def start_main_sshd(self) -> None:
        """The distribution's, patient, and saying what it does."""
        self.machine.allow_refusals("LogLevel VERBOSE", "MaxAuthTries 100", "MaxStartups 300")
        self.machine.start_sshd()
        self.ports.append(22)

    def start_sshd(self, port: int, *lines: str, before: Sequence[str] = ()) -> bool:
        """
        One more sshd, on this port: lines, then what the machine's own has.  before: a Match block, which thereby
        wins.  False, and no sshd: it does not know one of the lines.
        """
        path = f"/etc/ssh/lab-{port}.conf"
        text = [f"Port {port}", f"PidFile /run/sshd-{port}.pid", *lines, *before, "Match all", "Include /etc/ssh/sshd_config"]
        self.machine.write(path, "\n".join(text) + "\n")
        if self.machine.run(["/usr/sbin/sshd", "-t", "-f", path], check=False).returncode != 0:
            return False
        self.machine.sh(f"/usr/sbin/sshd -f {path}; until [ -s /run/sshd-{port}.pid ]; do sleep 0.02; done", timeout=10)
        self.ports.append(port)
        return True

    # What is there, seen from outside

    def path(self, inside: str) -> Path:
        return Path(f"/proc/{self.machine.pid}/root{inside}")

    def text(self, inside: str) -> str:
        try:
            return self.path(inside).read_text(encoding="utf-8", errors="backslashreplace")
        except FileNotFoundError:
            return ""

    def records(self, name: str = "") -> List[str]:
        """The hand-off records that name somebody."""
        found = []
        for path in self.path(HANDOFF).iterdir():
            if path.name == Path(KEPT_RECORD).name:
                continue
            try:
                text = path.read_text(errors="replace") if stat.S_ISREG(path.lstat().st_mode) else ""
            except FileNotFoundError:
                continue  # another login's, which took it
            if f"\nname {name}\n".lower() in text.lower():
                found.append(path.name)
        return found

    def trace(self, name: str) -> Dict[str, object]:
        """What the machine knows of somebody."""
        lower = name.lower()

        def about(path: str) -> List[str]:
            return [line for line in self.text(path).splitlines() if lower in re.split("[:, \t]", line)]

        home = None
        if "/" not in lower and 0 < len(lower) < 256 and "\0" not in lower:
            try:
                info = os.lstat(self.path("/home") / lower)
                home = (stat.filemode(info.st_mode), info.st_uid)
            except FileNotFoundError:
                pass
        return {"passwd": about("/etc/aadpasswd"), "ledger": about(LEDGER), "admins": about("/etc/aadadmins"),
                "groups": about("/etc/group"), "home": home, "records": self.records(name)}

    def mark(self) -> int:
        return self.path("/var/log/syslog").stat().st_size

    def log_since(self, mark: int) -> List[str]:
        with open(self.path("/var/log/syslog"), "rb") as log:
            log.seek(mark)
            return log.read().decode("utf-8", "backslashreplace").splitlines()

    def log_of(self, mark: int, words: Sequence[str]) -> List[str]:
        """Lines that hold one of the words, and what the same processes say."""
        lines = self.log_since(mark)
        processes = {match[0] for line in lines if any(word in line for word in words)
                     for match in [re.search(r"\S+\[\d+\]:", line)] if match}
        return [line for line in lines if any(process in line for process in processes)]

    def wait_log(self, mark: int, words: Sequence[str], pattern: str) -> List[str]:
        """The lines of log_of, as soon as the pattern is in one of them."""
        deadline = time.monotonic() + PATIENCE
        while True:
            lines = self.log_of(mark, words)
            if any(re.search(pattern, line) for line in lines) or time.monotonic() > deadline:
                return lines
            time.sleep(0.02)

    # What is done to it

    def ask_key_command(self, name: str, blob: bytes) -> Result:
        """As sshd does, and as the user that it does it as."""
        return self.machine.run([*AS_SERVICE_USER, "/usr/sbin/aad_certhandler", name, base64.b64encode(blob).decode()])

    def check_local(self) -> None:
        """A local administrator gets in: the first of the two rules."""
        with Client(self.machine, "local") as client:
            end = client.login(self.local_key.blob, self.local_key.private)
            expect(end == SUCCESS, f"the local administrator does not get in: {end} {client.said}")

    def check_local_sudo(self) -> None:
        result = self.machine.run(ssh("/root/.ssh/local", "local", ["id -un; sudo -n id -u"]), check=False)
        expect(result.stdout.split() == ["local", "0"], result)

    @contextmanager
    def edited(self, path: str, change: Callable[[str], str]) -> Iterator[None]:
        before = self.machine.read(path)
        after = change(before)
        expect(before != after, f"{path} is as it was")
        self.path(path).write_text(after, encoding="utf-8")
        try:
            yield
        finally:
            self.path(path).write_text(before, encoding="utf-8")

    @contextmanager
    def faulty(self, endpoint: str, **fields: Any) -> Iterator[None]:
        """A fault for everybody, and then none at all."""
        self.azure.fault(endpoint, **fields)
        try:
            yield
        finally:
            self.azure.clear_faults()

    def age_decision(self, oid: str, seconds: float) -> None:
        """Make what was decided about somebody older than it is."""
        self._age(f"{DECISIONS}/{oid}", "boottime", int(seconds * 1e9))

    def age_keys(self, tenant: str, seconds: int) -> None:
        """Make a tenant's kept keys, and the last look for newer ones, older than they are."""
        for word in ("fetched", "expires"):
            self._age(f"{CACHE}/keys-{tenant}", word, seconds)
        self.age_look(tenant, seconds)

    def age_look(self, tenant: str, seconds: int) -> None:
        self._age(f"{CACHE}/keys-{tenant}.tried", "tried", seconds)

    def _age(self, path: str, word: str, amount: int) -> None:
        def older(match: "re.Match[str]") -> str:
            return f"{word} {int(match[1]) - amount}"
        text = self.path(path).read_text(encoding="ascii")
        aged = re.sub(rf"(?m)^{word} (\d+)$", older, text)
        expect(aged != text, f"{path} has no {word}")
        self.path(path).write_text(aged, encoding="ascii")


class UserKey:
    """A key pair of somebody's."""

    def __init__(self, azure: Azure, name: str, bits: int) -> None:
        self.path = azure.dir / "users" / name
        self.path.parent.mkdir(mode=0o700, exist_ok=True)
        # OpenSSL makes keys of sizes that ssh-keygen refuses; the form is then ssh-keygen's.
        subprocess.run(["openssl", "genrsa", "-out", str(self.path), str(bits)], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.path.chmod(0o600)
        subprocess.run(["ssh-keygen", "-q", "-p", "-P", "", "-N", "", "-f", str(self.path)], check=True,
                       stdout=subprocess.DEVNULL)
        self.private = RsaKey(self.path)
        self.blob = self.private.blob
        self.public = sshcert.line(self.blob)
        self.path.with_name(f"{name}.pub").write_text(self.public, encoding="ascii")


class Visitor:
    """Somebody of a tenant who comes with a certificate."""

    def __init__(self, host: Host, upn: str, role: Optional[str] = None, *, oid: Optional[str] = None,
                 tenant: Optional[str] = None, bits: int = 2048) -> None:
        self.host, self.upn, self.name = host, upn, upn.lower()
        self.oid = host.azure.add_user(upn, oid)
        self.tenant = tenant or host.azure.tenant
        self.key = host.key(bits)
        if role:
            host.azure.assign(self.oid, role)

    def shape(self, **fields: object) -> sshcert.Certificate:
        """The certificate that Entra would issue, but for these fields."""
        return dataclasses.replace(sshcert.entra(self.key.blob, self.upn, self.oid, self.tenant), **fields)

    def certificate(self, signer: str = "tenant1", **fields: object) -> bytes:
        return self.shape(**fields).signed(self.host.signer(signer))

    def settle(self) -> None:
        """Have the account set up, as the first login would."""
        self.host.machine.run(["aaduseradd", self.name, self.oid])

    def login(self, blob: Optional[bytes] = None, *, name: Union[None, str, bytes] = None, port: int = 22,
              source: str = "127.0.0.1", pattern: str = "decision=", words: Sequence[str] = ()) -> Outcome:
        """One connection, one signed offer.  pattern: what the log is waited for; words: see log_of."""
        name = self.name if name is None else name
        mark = self.host.mark()
        with Client(self.host.machine, name, port, source) as client:
            end = client.login(blob or self.certificate(), self.key.private)
        lower = (name.decode("latin-1") if isinstance(name, bytes) else name).lower()
        words = [f" port {client.local_port} ", f'user="{self.name}"', f'user="{lower}"', *words]
        return Outcome(end, client.banner, self.host.wait_log(mark, words, pattern))

    # The real client, for those who get in

    def ssh(self, *command: str, name: Optional[str] = None, blob: Optional[bytes] = None) -> Result:
        return self.host.machine.run(self.argv(*command, name=name, blob=blob), check=False)

    def argv(self, *command: str, name: Optional[str] = None, blob: Optional[bytes] = None) -> List[str]:
        folder = self.key.path.with_name(re.sub("[^a-z0-9]", "-", self.name)[:80])
        folder.mkdir(exist_ok=True)
        certificate = folder / "certificate.pub"
        certificate.write_text(sshcert.line(blob or self.certificate()), encoding="ascii")
        return ssh(str(self.key.path), name or self.name, command, str(certificate))

    def session(self) -> Session:
        return Session(self.host.machine, self.argv("bash", "--norc"))
