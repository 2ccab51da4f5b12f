# SPDX-License-Identifier: MIT
"""Who gets in past Entra: what approvedLocalAccounts brings into the agent's report, compared with what sshd does.

The guest agent installs the extension on a machine with local accounts of all kinds; each is tried by a real ssh, and what
the substatuses and `aadssh-handler check` say must be just that.

usage: localaccounts.py [--build DIR]
"""

import argparse
import json
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Dict, NamedTuple, Sequence

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[1] / "fakes")]

from azure.model import ExtensionStatus  # noqa: E402
from lab.install import FOLDER  # noqa: E402
from lab.login import OPTIONS, ssh  # noqa: E402
from lab.machine import Machine  # noqa: E402
from lab.place import NEIGHBOUR, Place  # noqa: E402
from lab.teller import Teller, expect  # noqa: E402

PASSWORD = "correct horse 7"
SHADOW = "/etc/shadow"


class Account(NamedTuple):
    """script is run as root with the name as $1, the home as $2; what it does must lead to these ways."""

    name: str
    ways: str  # as the report has it, "": it must not name the account
    keys: bool  # ssh gets in by /root/K
    password: bool  # and by PASSWORD
    script: str
    shell: str = "/bin/bash"


PUT = 'install -d -m 700 -o "$1" "$2/.ssh"; cat {} >"$2/.ssh/authorized_keys"; chown "$1" "$2/.ssh/authorized_keys"'
SET = f"echo \"$1:{PASSWORD}\" | chpasswd"

ACCOUNTS = [
    Account("plain", "", False, False, ":"),
    Account("word", "password", False, True, SET),
    Account("withkey", "1 key", True, False, PUT.format("/root/K.pub")),
    Account("both", "password, 5 keys", True, True,
            SET + "; " + PUT.format("/root/K.pub /root/rsa1024.pub /root/ecdsa.pub /root/dsa.pub /root/authority.pub")),
    Account("locked", "", False, False, SET + '; usermod -L "$1"'),
    Account("lockedkey", "1 key", True, False, SET + '; usermod -L "$1"; ' + PUT.format("/root/K.pub")),
    Account("expired", "", False, False, SET + "; " + PUT.format("/root/K.pub") + '; usermod -e 2020-01-01 "$1"'),
    Account("denied", "password at the console", False, False, SET + "; " + PUT.format("/root/K.pub")),
    Account("noshell", "", False, False, SET + "; " + PUT.format("/root/K.pub"), "/bin/missing"),
    Account("tunnel", "1 key; no shell, but forwarding or sftp", False, False, PUT.format("/root/K.pub"),
            "/usr/sbin/nologin"),
    Account("comments", "", False, False, PUT.format("/root/comments")),
    Account("elsewhere", "1 key", True, False, "install -d /etc/keys; install -m 644 /root/K.pub /etc/keys/$1"),
    Account("linked", "1 key", True, False,
            PUT.format("/root/K.pub") + '; mv "$2/.ssh/authorized_keys" "$2/.ssh/k"; ln -s k "$2/.ssh/authorized_keys"'),
    Account("spy", "", False, False, PUT.format("/dev/null") + f'; ln -sf {SHADOW} "$2/.ssh/authorized_keys"'),
    Account("pipe", "", False, False, PUT.format("/dev/null") + '; rm "$2/.ssh/authorized_keys"; mkfifo -m 666 "$2/.ssh/authorized_keys"'),
    Account("device", "", False, False, PUT.format("/dev/null") + '; ln -sf /dev/zero "$2/.ssh/authorized_keys"'),
    Account("huge", "keys that cannot be looked at", True, False,
            PUT.format("/root/K.pub") + '; yes "# no" | head -c 2000000 >>"$2/.ssh/authorized_keys"'),
]

# What the lab's machines have besides, and who is meant: root has a key in the lab, see layer.py.
APPROVED = ["local", NEIGHBOUR]

PREPARE = r"""
cd /root
ssh-keygen -q -t ed25519 -N '' -f K
ssh-keygen -q -t rsa -b 1024 -N '' -f rsa1024
ssh-keygen -q -t ecdsa -N '' -f ecdsa
ssh-keygen -q -t ed25519 -N '' -f ca
{ printf 'ssh-dss '; python3 -c "
import base64, struct
number = lambda size: struct.pack('>I', size + 1) + b'\0' + b'\xff' * size
print(base64.b64encode(struct.pack('>I', 7) + b'ssh-dss' + number(128) + number(20) + number(128) + number(128)).decode())"; } >dsa.pub
{ printf 'cert-authority,principals="nobody" '; cat ecdsa.pub; } >authority.pub
printf '# nothing\n\nssh-rsa AAAA\n' >comments
printf '#!/bin/sh\necho "%s"\n' "$1" >askpass
chmod 755 askpass
"""


def make_accounts(machine: Machine) -> None:
    machine.sh(PREPARE, PASSWORD)
    machine.write("/etc/ssh/sshd_config.d/accounts.conf",
                  "DenyUsers denied\nMatch User elsewhere\nAuthorizedKeysFile /etc/keys/%u\n")
    for account in ACCOUNTS:
        machine.run(["useradd", "-m", "-s", account.shell, account.name])
        machine.sh(account.script, account.name, f"/home/{account.name}")


def gets_in(machine: Machine, account: Account) -> "tuple[bool, bool]":
    by_key = machine.run(ssh("/root/K", account.name, ["true"]), check=False)
    options = [word.replace("BatchMode=yes", "BatchMode=no") for word in OPTIONS]
    argv = ["ssh", *options, "-o", "NumberOfPasswordPrompts=1", "-o", "PubkeyAuthentication=no", "-l", account.name, "127.0.0.1", "true"]
    by_password = machine.run(argv, check=False, env={"SSH_ASKPASS": "/root/askpass", "SSH_ASKPASS_REQUIRE": "force"})
    return by_key.returncode == 0, by_password.returncode == 0


def forwards(machine: Machine, name: str) -> bool:
    argv = ["ssh", *OPTIONS, "-i", "/root/K", "-o", "ExitOnForwardFailure=yes", "-W", "127.0.0.1:22", "-l", name, "127.0.0.1"]
    return "SSH-2.0" in machine.run(["timeout", "10", *argv], check=False).stdout


def substatus(report: ExtensionStatus, name: str) -> "tuple[str, str]":
    """Its status and its message; "" when there is none."""
    found = [part for part in report.substatus if part["name"] == name]
    return (found[0]["status"], found[0]["formattedMessage"]["message"]) if found else ("", "")


def handler(machine: Machine, *words: str) -> str:
    found = machine.run(["find", "/var/lib/waagent", "-path", f"{FOLDER}/bin/*/aadssh-handler"]).stdout.split()
    programs = [path for path in found if machine.run([path, "version"], check=False).returncode == 0]
    return machine.run([programs[0], *words], check=False).stdout


def said_by_check(machine: Machine) -> str:
    """Every finding, a line each."""
    links = [json.loads(handler(machine, "check", "--json", "--only", name))["links"] for name in ("local-accounts", "authorized-keys")]
    return "".join(f"{line}\n" for link in links for found in link for line in [found["seen"], *found["notes"]])


def expected(machine: Machine, accounts: Sequence[Account]) -> Dict[str, str]:
    uids = {account.name: machine.run(["id", "-u", account.name]).stdout.strip() for account in accounts}
    return {account.name: f"{account.name} (uid {uids[account.name]}): {account.ways}" for account in accounts if account.ways}


def fingerprint(machine: Machine, key: str) -> str:
    return machine.run(["ssh-keygen", "-l", "-f", f"/root/{key}.pub"]).stdout.split()[1]


def play(tell: Teller, place: Place) -> None:
    machine = place.machine
    with tell.step("accounts of all kinds, each tried by ssh: who gets in, and who does not", essential=True):
        with ThreadPoolExecutor(4) as pool:  # sshd drops some of more than ten at a time
            tried = list(pool.map(lambda account: gets_in(machine, account), ACCOUNTS))
        wrong = [(account.name, got) for account, got in zip(ACCOUNTS, tried) if got != (account.keys, account.password)]
        expect(not wrong, wrong)
        expect(forwards(machine, "tunnel") and not forwards(machine, "plain"), "what nologin lets through")
    with tell.step("without the setting nothing is looked at", essential=True):
        place.agent.start()
        report = place.install()
        expect((report.status, report.status_code) == ("success", 0) and "Warning" not in report.status_message, report)
        expect(substatus(report, "local-accounts")[0] == substatus(report, "authorized-keys")[0] == "", report.substatus)
        expect("local-accounts" not in handler(machine, "check"), "check")
    wanted = expected(machine, ACCOUNTS)
    with tell.step("with it the agent reports a warning: how many, the first of them, and when"):
        report = place.install(approvedLocalAccounts=APPROVED)
        expect((report.status, report.status_code) == ("success", 0), report)
        status, message = substatus(report, "local-accounts")
        expect(status == "warning" and len(message) <= 1000, report.substatus)
        match = re.search(r"(\d+) not in approvedLocalAccounts can sign in, seen 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ: (.*)", message)
        expect(match and int(match[1]) >= len(wanted) and "more. " in match[2], message)
        expect(len(re.findall(r"seen 20", message)) == 2 and "/home/huge/.ssh/authorized_keys" in message, message)
        expect(" Warning (local-accounts, authorized-keys): " in report.status_message and match[0] in report.status_message, report)
    with tell.step("check names each account that ssh got in by, and how, and no other"):
        said = said_by_check(machine)
        missing = [line for line in wanted.values() if line not in said]
        expect(not missing, (missing, said))
        others = [account.name for account in ACCOUNTS if not account.ways and f"{account.name} (uid" in said]
        expect(not others and not any(f"{name} (uid" in said for name in APPROVED), (others, said))
    with tell.step("keys of kinds that Azure does not support are named by file, line, kind and fingerprint, and never shown"):
        status, message = substatus(report, "authorized-keys")
        expect(status == "warning" and "4 keys of kinds" in message, report.substatus)
        said = said_by_check(machine)
        for number, key, what in ((2, "rsa1024", "RSA of 1024 bits"), (3, "ecdsa", "ECDSA of 256 bits"),
                                  (4, "dsa", "DSA of 1024 bits"), (5, "ecdsa", "ECDSA of 256 bits, a certificate authority")):
            line = f"/home/both/.ssh/authorized_keys, line {number}: {what}, {fingerprint(machine, key)}"
            expect(line in said, (line, said))
        logs = machine.run(["sh", "-c", "find /var/lib/waagent/*AADSSH*/status /var/log/azure /var/lib/aadsshlogin/state.json "
                                  "/var/lib/aadsshlogin/seal -type f -exec cat {} +"]).stdout
        secrets = re.findall(r"AAAA\S{20,}", machine.run(["sh", "-c", "cat /root/*.pub"]).stdout)
        secrets += re.findall(r"^[^:]*:!?(\$[^:]+):", machine.read(SHADOW), re.M)
        shown = [secret for secret in secrets if secret in said + message + logs]
        expect(len(secrets) > 10 and not shown, shown)
    with tell.step("with nothing changed enable does nothing; a password that was set is seen by the next one"):
        before = place.handler_status()
        place.azure.settle()
        machine.sh('echo "$1:$2" | chpasswd', "plain", PASSWORD)
        report = place.install(approvedLocalAccounts=APPROVED)
        expect(before != place.handler_status(), before)
        expect("plain (uid" in said_by_check(machine), "plain")
        machine.run(["usermod", "-L", "plain"])
    with tell.step("a change inside of a home, which enable does not see for a day, is seen by check and by another goal state"):
        machine.sh(PUT.format("/root/K.pub"), "plain", "/home/plain")
        expect("plain (uid" in said_by_check(machine), "plain")
        first = substatus(place.install(approvedLocalAccounts=APPROVED), "local-accounts")[1]
        machine.run(["rm", "/home/plain/.ssh/authorized_keys"])
        second = substatus(place.install(approvedLocalAccounts=APPROVED), "local-accounts")[1]
        count = [int(re.search(r"(\d+) not in", message)[1]) for message in (first, second)]
        expect(count[0] == count[1] + 1, (first, second))
    with tell.step("who approves all has no warning of them"):
        names = re.findall(r"^([^:]+):", machine.read("/etc/passwd"), re.M)
        machine.sh("rm /home/huge/.ssh/authorized_keys")
        status, message = substatus(place.install(approvedLocalAccounts=names), "local-accounts")
        expect(status == "success", message)
    with tell.step("a wrong type is an error, and sign-in stays"):
        report = place.install(approvedLocalAccounts=[1])
        expect((report.status, report.status_code) == ("error", 53) and "approvedLocalAccounts" in report.status_message, report)
        place.check_local_users()
    with tell.step("without the setting the substatuses are gone"):
        report = place.install()
        expect(report.status == "success" and not substatus(report, "local-accounts")[0], report.substatus)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--build", type=Path, default=Path("build"), help="where the extension's zip is")
    arguments = parser.parse_args()
    tell = Teller(chapters=False)
    with Place(arguments.build, "accounts", prepare=make_accounts) as place:
        tell.play({"all": lambda tell: play(tell, place)})
    return tell.summary("localaccounts")


if __name__ == "__main__":
    sys.exit(main())
