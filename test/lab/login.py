# SPDX-License-Identifier: MIT
"""People who sign in: the real ssh, run in the machine."""

import hashlib
import subprocess
import time
from pathlib import Path
from typing import Callable, List, Optional, Sequence

from azure.client import Azure
from lab.machine import Machine, Result
from lab.teller import expect

UID_FIRST, UID_LAST, UID_RESERVED = 10000000, 99999999, 16

OPTIONS = ["-F", "none", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
           "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o", "ConnectTimeout=20"]


SUDO = {
    "sudo": "sudo -n id -u",
    "sudo -i": "sudo -n -i id -u",
    "sudo -s": "sudo -n -s id -u",
    "sudoedit": "echo edited | SUDO_EDITOR='tee -a' sudoedit -n /root/notes",
}


def uid_of(name: str) -> int:
    """The name-to-uid function as the design says it, written a second time on purpose."""
    size = UID_LAST - UID_FIRST + 1
    number = int.from_bytes(hashlib.sha256(b"aad-uid-v1\0" + name.lower().encode()).digest()[:8], "big")
    return UID_FIRST + UID_RESERVED + number % (size - UID_RESERVED)


def ssh(key: str, name: str, command: Sequence[str], certificate: Optional[str] = None) -> List[str]:
    argv = ["ssh", *OPTIONS, "-i", key]
    if certificate:
        argv += ["-o", f"CertificateFile={certificate}"]
    return [*argv, "-l", name, "127.0.0.1", *command]


def check_local(machine: Machine) -> None:
    """A local user gets in and is root by sudo."""
    for _ in range(3):
        login = machine.run(ssh("/root/.ssh/local", "local", ["sudo -n id -u"]), check=False)
        # A listener that reads its configuration anew does not answer for a moment.
        if "refused" not in login.stderr and "reset" not in login.stderr:
            break
        time.sleep(0.1)
    expect(login.stdout.strip() == "0", login)


class Session:
    """A login that stays open: a shell that takes one command after another."""

    def __init__(self, machine: Machine, argv: List[str]) -> None:
        self._process = machine.popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.run("true")

    def run(self, command: str) -> "tuple[int, str]":
        """Returns the command's exit code and what it printed."""
        self._process.stdin.write(f"{{ {command}\n}} </dev/null 2>&1; echo \"=done $?\"\n")
        self._process.stdin.flush()
        lines = []
        for line in self._process.stdout:
            if line.startswith("=done "):
                return int(line.split()[1]), "".join(lines)
            lines.append(line)
        raise ConnectionError("the session ended: " + "".join(lines))

    def close(self) -> None:
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(timeout=20)


class Person:
    """Somebody of the tenant, with the key and certificate that az would make."""

    def __init__(self, machine: Machine, azure: Azure, upn: str, role: Optional[str] = None) -> None:
        self.machine, self.azure, self.upn, self.name = machine, azure, upn, upn.lower()
        self.oid = azure.add_user(upn)
        if role:
            azure.assign(self.oid, role)
        self.key = azure.user_key(self.name.replace("@", "."))
        self.certificate = azure.certificate(f"{self.key}.pub", upn, self.oid)

    def argv(self, *command: str, name: Optional[str] = None, certificate: Optional[Path] = None) -> List[str]:
        return ssh(str(self.key), name or self.name, command, str(certificate or self.certificate))

    def run(self, *command: str, name: Optional[str] = None, certificate: Optional[Path] = None) -> Result:
        """Sign in and run a command; never raises for its exit code."""
        return self.machine.run(self.argv(*command, name=name, certificate=certificate), check=False)

    def other_certificate(self, label: str, **how: object) -> Path:
        """A certificate for the same key that differs in what `how` says; see Azure.certificate."""
        arguments = {"upn": self.upn, "oid": self.oid, **how}
        out = self.key.with_name(f"{self.key.name}-{label}-cert.pub")
        return self.azure.certificate(f"{self.key}.pub", arguments.pop("upn"), arguments.pop("oid"), out=out, **arguments)

    def session(self) -> Session:
        return Session(self.machine, self.argv("bash", "--norc"))


def check_no_sudo(run: Callable[[str], "tuple[int, str]"], *words: str, commands: "dict[str, str]" = SUDO) -> None:
    for name, command in commands.items():
        code, output = run(command)
        expect(code != 0, f"{name} works: {output}")
        for word in words:
            expect(word in output, f"{name} does not say {word}: {output}")


def check_sudo(run: Callable[[str], "tuple[int, str]"], commands: "dict[str, str]" = SUDO) -> None:
    for name, command in commands.items():
        code, output = run(command)
        expect(code == 0, f"{name} ends with {code}: {output}")
        expect(name.startswith("sudoedit") or output.split()[:1] == ["0"], f"{name}: {output}")


def as_person(person: Person) -> Callable[[str], "tuple[int, str]"]:
    def run(command: str) -> "tuple[int, str]":
        result = person.run(command)
        return result.returncode, result.stdout + result.stderr
    return run


def check_refused(result: Result, *words: str) -> None:
    expect(result.returncode == 255 and "uid=" not in result.stdout, result)
    for word in words:
        expect(word in result.stdout + result.stderr, f"{word!r} is not in {result}")
