# SPDX-License-Identifier: MIT
"""What the journal keeps of a decision: each fact in a field of its own, as systemd-journald stores it.

The real journald runs in the machine, and journalctl reads back what two logins and a sudo left there.

usage: journal.py [--build DIR]
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Dict, List

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[1] / "fakes")]

from lab.install import FIRST, Extension, zip_of  # noqa: E402
from lab.login import Person  # noqa: E402
from lab.machine import Machine  # noqa: E402
from lab.place import in_cloud  # noqa: E402
from lab.teller import Teller, expect  # noqa: E402

# journald wants a hierarchy of control groups to tell whose a message is.
START = """
mount -t tmpfs tmpfs /sys/fs/cgroup
mkdir -p /sys/fs/cgroup/systemd /run/systemd/journal /run/log/journal
mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd
/lib/systemd/systemd-journald >/dev/null 2>&1 &
"""


def entries(machine: Machine, **fields: str) -> List[Dict[str, str]]:
    """What the journal has of an event; it is written a moment after it is sent."""
    argv = ["journalctl", "--no-pager", "--quiet", "--output=json", *(f"{name}={value}" for name, value in fields.items())]
    for _ in range(50):
        lines = machine.run(argv).stdout.splitlines()
        if lines:
            return [json.loads(line) for line in lines]
        time.sleep(0.1)
    return []


def check_fields(entry: Dict[str, str], **expected: str) -> None:
    for name, value in expected.items():
        expect(entry.get(f"AADSSH_{name}") == value, f"{name} is {entry.get(f'AADSSH_{name}')!r}, not {value!r}: {entry}")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--build", type=Path, default=Path("build"), help="where the extension's zip is")
    arguments = parser.parse_args()
    tell = Teller()
    with in_cloud("journal") as (machine, azure):
        machine.sh(START)
        expect(Extension(machine, zip_of(arguments.build, FIRST)).run("install").returncode == 0, "install")
        admin = Person(machine, azure, "Alice@contoso.com", "admin")
        nobody = Person(machine, azure, "mallory@contoso.com")
        with tell.step("a login that is accepted: who, by which certificate, from where, by which assignment"):
            expect(admin.run("sudo -n id -u").stdout == "0\n", "alice cannot sign in")
            key = entries(machine, AADSSH_USER=admin.name, AADSSH_ACTION="key")[-1]
            login = entries(machine, AADSSH_USER=admin.name, AADSSH_ACTION="login")[-1]
            key_id = f"{admin.oid}@{azure.tenant}"
            check_fields(login, DECISION="accept", OID=admin.oid, TENANT=azure.tenant, KEY_ID=key_id,
                         CA=key["AADSSH_CA"], SERVICE="sshd", RHOST="127.0.0.1")
            expect(key["AADSSH_CA"].startswith("SHA256:"), key)
            expect("roleAssignments" in login["AADSSH_ASSIGNMENT"], login)
            expect(login["AADSSH_SCOPE"].startswith("/subscriptions/"), login)
            expect(int(login["AADSSH_MS"]) >= 0, login)
            expect((login["SYSLOG_IDENTIFIER"], login["SYSLOG_FACILITY"], login["PRIORITY"]) == ("aad_authorize", "10", "6"), login)
        with tell.step("sudo: the administrator's action"):
            entry = entries(machine, AADSSH_USER=admin.name, AADSSH_ACTION="admin")[-1]
            check_fields(entry, DECISION="accept", OID=admin.oid, SERVICE="sudo")
            expect("AADSSH_KEY_ID" not in entry, entry)
        with tell.step("a login that is refused: the reason and the remedy"):
            expect(nobody.run("true").returncode != 0, "mallory gets in")
            entry = entries(machine, AADSSH_USER=nobody.name, AADSSH_ACTION="login")[-1]
            check_fields(entry, DECISION="refuse", REASON="role-missing", OID=nobody.oid)
            expect(entry["AADSSH_REMEDY"] and entry["PRIORITY"] == "4", entry)
        with tell.step("no entry holds a token or a certificate"):
            text = machine.run(["journalctl", "--no-pager", "--output=json"]).stdout
            body = machine.read(str(admin.certificate)).split()[1] if machine.exists(str(admin.certificate)) else \
                admin.certificate.read_text(encoding="utf-8").split()[1]
            for secret in ("eyJ0", body[:64], body[200:264], body[-64:]):
                found = text.find(secret)
                expect(found < 0, f"{secret[:16]}... is in the journal: {text[max(0, found - 200):found + 100]}")
    return tell.summary("the journal")


if __name__ == "__main__":
    sys.exit(main())
