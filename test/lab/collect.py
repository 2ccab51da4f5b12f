# SPDX-License-Identifier: MIT
"""What the support archive holds of a machine that is full of secrets: an installed one, with people who signed in.

Secrets and names are planted where they get by mistake: in logs, in sshd's drop-ins, in the status, in settings.  The
real tar lists the archive, and every file of it is searched.

usage: collect.py [--build DIR]
"""

import argparse
import io
import json
import re
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Dict, List

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[1] / "fakes")]

from lab.install import FIRST, LOGS, Extension, settings, zip_of  # noqa: E402
from lab.login import Person  # noqa: E402
from lab.machine import Machine, Result  # noqa: E402
from lab.place import SETTINGS, in_cloud  # noqa: E402
from lab.snapshot import difference  # noqa: E402
from lab.teller import Teller, expect  # noqa: E402

ARCHIVE = "/root/support.tar.gz"
PERSON, STRANGER = "alice.adams@contoso.com", "bob.brown@contoso.com"
PASSWORD, TOKEN = "Tr0ub4dor&3", "eyJhbGciOiJSUzI1NiJ9.eyJvaWQiOiJub3QtZm9yLXlvdSJ9.c2lnbmF0dXJlLW5vdC1mb3IteW91"

# What must not be found anywhere, in any letter case.
SECRETS = [PASSWORD, "Tr0ub4dor", TOKEN, TOKEN.split(".")[1], "opaque.Token-17", "s1gn4ture%3D", "k3yOfTheAccount", "hidden from all",
           "ssh-rsa AAAA", "BEGIN CERTIFICATE", "PRIVATE KEY"]
NAMES = ["alice", "adams", "bob.brown"]

# Everything there is that a log of somebody's debugging may hold.
LINES = f"""
request to https://management.azure.com failed, Authorization: Bearer {TOKEN}
retrying with Bearer opaque.Token-17
proxy is http://svc:{PASSWORD}@proxy.contoso.com:3128/
https_proxy=svc:{PASSWORD}@proxy:3128
{{"repositoryToken": "{PASSWORD}", "proxyPassword":"{PASSWORD}"}}
GET https://labstorage.blob.core.windows.net/c/x?sv=2024&sig=s1gn4ture%3D
DefaultEndpointsProtocol=https;AccountName=lab;AccountKey=k3yOfTheAccount==
+ curl -u svc:{PASSWORD} --proxy-user svc:{PASSWORD} -H "Authorization: Basic opaque.Token-17" https://contoso.com
+ sshpass -p {PASSWORD} ssh svc@vm1
{{"passwords": ["{PASSWORD}"], "secrets": {{"x": "{PASSWORD}"}}, "y": 1}}
user {PERSON.upper()} from 10.0.0.7, home /home/{PERSON}
{STRANGER}: refused, {STRANGER.replace("@", "%40")} {STRANGER.replace("@", chr(92) + "u0040")}
"""


def collect(extension: Extension, *options: str) -> Result:
    command = f"{extension.folder}/bin/aadssh-shim collect {' '.join(options)}"
    return extension.machine.run(["env", "-i", *extension.environment(), "/bin/sh", "-c", command], check=False, timeout=240)


def unpack(machine: Machine, path: str) -> Dict[str, str]:
    text = machine.run(["base64", "-w0", path]).stdout
    decoded = subprocess.run(["base64", "-d"], input=text.encode(), stdout=subprocess.PIPE, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(decoded), mode="r:gz") as archive:
        return {member.name.partition("/")[2]: archive.extractfile(member).read().decode() for member in archive.getmembers()}


def plant(machine: Machine, extension: Extension) -> None:
    certificate = machine.sh("openssl req -x509 -newkey rsa:2048 -nodes -keyout /tmp/k -out /tmp/c -subj /CN=x -days 1 2>/dev/null; "
                             "cat /tmp/c /tmp/k; ssh-keygen -q -t rsa -N '' -f /tmp/s; cat /tmp/s.pub").stdout
    # The key's own letters, from its middle, so that a rest of it would be seen.
    SECRETS.extend(line for line in certificate.splitlines() if len(line) == 64 and " " not in line)
    text = LINES + certificate
    for name in ("handler.log", "packages.log", "CommandExecution.log"):
        machine.sh(f'cat >>"$1" <<"X"\n{text}\nX', f"{LOGS}/{name}")
    machine.write("/var/log/waagent.log", "".join(f"AADSSHLoginForLinux: {line}\n" for line in text.splitlines()) + "others: hidden from all\n")
    machine.write("/etc/ssh/sshd_config.d/30-owner.conf", "".join(f"# {line}\n" for line in text.splitlines()))
    status = f"{extension.folder}/status/6.status"
    machine.write(status, json.dumps([{"status": {"formattedMessage": {"message": text}}}]))


def search(files: Dict[str, str], words: List[str]) -> List[str]:
    return [f"{word} is in {name}" for name, text in files.items() for word in words if word.lower() in f"{name}\n{text}".lower()]


def play(teller: Teller, build: Path) -> None:
    with in_cloud("collect") as (machine, azure):
        extension = Extension(machine, zip_of(build, FIRST))
        extension.write_settings(settings({**SETTINGS, "proxy": "http://127.0.0.1:9", "noProxy": "contoso.com,azure.com,microsoftonline.com,127.0.0.1"}))
        with teller.step("without an installation there is an archive too", essential=True):
            result = collect(extension, "--output", "/root/before.tar.gz")
            expect(result.returncode == 0, result)
            index = unpack(machine, "/root/before.tar.gz")["INDEX.txt"]
            expect("Not on this machine:" in index and "etc/aadsshlogin.conf\n" in index, index)
        with teller.step("people sign in, and secrets are planted in logs, status and configuration", essential=True):
            extension.write_settings(settings({**SETTINGS, "metrics": True}))
            result = extension.run("install")
            expect(result.returncode == 0, result)
            extension.run("enable")
            person, stranger = Person(machine, azure, PERSON, "admin"), Person(machine, azure, STRANGER)
            expect(person.run("sudo -n id -u").stdout.strip() == "0", "no sudo")
            expect(stranger.run("true").returncode != 0, "the stranger signs in")
            plant(machine, extension)
        before = machine.snapshot(["/etc", "/usr", "/lib", "/var/lib", "/root"], ["/root/support*"])
        with teller.step("collect makes the archive, for root alone, and changes nothing else", essential=True):
            result = collect(extension, "--output", ARCHIVE)
            expect(result.returncode == 0 and f"{ARCHIVE}: " in result.stdout, result)
            expect(machine.sh(f"stat -c '%a %u' {ARCHIVE}").stdout.split() == ["600", "0"], "not root's alone")
            changed = difference(before, machine.snapshot(["/etc", "/usr", "/lib", "/var/lib", "/root"], ["/root/support*"]))
            expect(not changed, changed)
        with teller.step("the real tar lists it, and its index tells of each file"):
            listed = machine.run(["tar", "tzf", ARCHIVE]).stdout.splitlines()
            files = unpack(machine, ARCHIVE)
            expect(listed == [f"aadssh-collect/{name}" for name in files], listed)
            for name in files:
                expect(name == "INDEX.txt" or re.search(rf"^{re.escape(name)} +\d+  \S", files["INDEX.txt"], re.M), name)
        with teller.step("what helps is in it: check, status, sshd's view of each kind of user, configuration, logs"):
            expect(json.loads(files["check.json"]) and json.loads(files["status.json"]), "no JSON")
            expect("authorizedkeyscommand /usr/sbin/aad_certhandler" in files["sshd/person.txt"].lower(), files["sshd/person.txt"])
            expect("aad_certhandler" not in files["sshd/root.txt"] + files["sshd/local.txt"], files["sshd/root.txt"])
            for name in ("etc/aadsshlogin.conf", "etc/pam.d/sshd", "etc/nsswitch.conf", "etc/sudoers.d/aad_admins", "state/state.json",
                         "state/last-accepted", "state/last-refused", "state/metrics.prom",
                         "extension/settings.json", "extension/status/7.status", "logs/handler.log", "machine/mounts", "machine/disk.txt"):
                expect(files.get(name), f"no {name}: {files['INDEX.txt']}")
            expect("aadsshlogin" in files["machine/dpkg.txt"], files["machine/dpkg.txt"])
            expect("decision=" in files["logs/syslog"] or "aad_authorize" in files["logs/syslog"], files["logs/syslog"])
        with teller.step("no secret and no name is in it"):
            found = search(files, SECRETS + NAMES)
            expect(not found, "\n".join(found))
        with teller.step("a person has the same name in all of it"):
            names = set(re.findall(r"user (person-\d+@domain-\d+) from 10.0.0.7, home /home/(person-\d+@domain-\d+)", "".join(files.values())))
            expect(len(names) == 1 and len(set(names.pop())) == 1, names)
            number = re.search(r"user (person-\d+@domain-\d+) from", files["logs/handler.log"]).group(1)
            expect(number in files["logs/syslog"], files["logs/syslog"])
        with teller.step("--keep-names keeps names, and no secret"):
            result = collect(extension, "--keep-names", "--output", "/root/support-names.tar.gz")
            expect(result.returncode == 0, result)
            kept = unpack(machine, "/root/support-names.tar.gz")
            expect(PERSON in kept["logs/syslog"] and STRANGER in kept["logs/handler.log"], "names are gone")
            found = search(kept, SECRETS)
            expect(not found, "\n".join(found))
        with teller.step("nothing is replaced, and nobody but root makes one"):
            result = collect(extension, "--output", ARCHIVE)
            expect(result.returncode == 52 and "is there already" in result.stderr, result)
            program = machine.sh(f"install -m 755 {extension.folder}/bin/$(uname -m)/aadssh-handler /tmp/handler; echo /tmp/handler").stdout.strip()
            result = machine.run([program, "collect", "--output", "/tmp/mine.tar.gz"], user="local", check=False)
            expect(result.returncode == 52 and "run it as root" in result.stderr, result)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--build", type=Path, default=Path("build"), help="where the extension's zip is")
    arguments = parser.parse_args()
    teller = Teller(chapters=False)
    teller.play({"collect": lambda told: play(told, arguments.build)})
    return teller.summary("the support archive")


if __name__ == "__main__":
    sys.exit(main())
