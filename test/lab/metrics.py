# SPDX-License-Identifier: MIT
"""What sign-in counts for Prometheus, compared with what happened, and read by a real node_exporter.

The handler configures the machine, the real sshd asks; each number must be just that of the decisions in the log.

usage: metrics.py [--build DIR]
"""

import argparse
import os
import re
import signal
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Dict, Tuple

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[1] / "fakes")]

from azure.client import Azure  # noqa: E402
from lab.install import FIRST, Extension, settings, zip_of  # noqa: E402
from lab.layer import WITHOUT  # noqa: E402
from lab.login import Person  # noqa: E402
from lab.machine import Machine  # noqa: E402
from lab.place import DOMAIN, in_cloud  # noqa: E402
from lab.teller import NotHere, Teller, expect  # noqa: E402

EXPORTER = "prometheus-node-exporter"
FOLDER = "/run/aadsshlogin/metrics"
FILE = f"{FOLDER}/aadsshlogin.prom"
CROWD = 20

Numbers = Dict[str, float]
LINE = re.compile(r"(aadsshlogin_[a-z_]+(?:\{[^}]*\})?) (\S+)")


def numbers(machine: Machine) -> Numbers:
    """Strictly: a line that is neither a comment nor a number of ours is an error."""
    found: Numbers = {}
    for line in machine.read(FILE).splitlines():
        if not line.startswith("# "):
            match = LINE.fullmatch(line)
            expect(match and match[1] not in found, line)
            found[match[1]] = float(match[2])
    return found


def decisions(found: Numbers) -> "Counter[Tuple[str, str, str]]":
    pattern = re.compile(r'aadsshlogin_decisions_total\{action="(.*?)",outcome="(.*?)",reason="(.*?)"\}')
    return +Counter({match.groups(): int(value) for name, value in found.items() if (match := pattern.fullmatch(name))})


def logged(machine: Machine) -> "Counter[Tuple[str, str, str]]":
    counted: "Counter[Tuple[str, str, str]]" = Counter()
    for line in machine.syslog():
        match = re.search(r'decision=(accept|refuse) .*?action="(\w+)"(?:.* reason="([^"]+)")?', line)
        if match:
            counted[match[2], match[1], match[3] or "none"] += 1
    return counted


def check_numbers(machine: Machine, before: "Counter[Tuple[str, str, str]]") -> Numbers:
    """before: what the log had when counting began"""
    found = numbers(machine)
    wanted = logged(machine) - before
    expect(decisions(found) == wanted, (found, wanted))
    for action in ("key", "login", "admin"):
        total = sum(count for (about, _, _), count in wanted.items() if about == action)
        expect(found[f'aadsshlogin_decision_seconds_count{{action="{action}"}}'] == total, found)
        buckets = [value for name, value in found.items() if name.startswith(f'aadsshlogin_decision_seconds_bucket{{action="{action}"')]
        expect(len(buckets) == 10 and buckets == sorted(buckets) and buckets[-1] == total, buckets)
    return found


def exported(machine: Machine) -> Numbers:
    text = machine.run(["python3", "-c", "import urllib.request as r; print(r.urlopen('http://127.0.0.1:9100/metrics').read().decode())"]).stdout
    expect("node_textfile_scrape_error 0" in text.splitlines(), text)
    return {match[1]: float(match[2]) for line in text.splitlines() if (match := LINE.fullmatch(line))}


def play(tell: Teller, machine: Machine, azure: Azure, build: Path) -> None:
    extension = Extension(machine, zip_of(build, FIRST))
    admin, stranger = Person(machine, azure, f"ada@{DOMAIN}", "admin"), Person(machine, azure, f"eve@{DOMAIN}")

    def configure(**more: object) -> None:
        extension.write_settings(settings({"userDomains": [DOMAIN], **more}))
        for verb in ("install", "enable"):
            result = extension.run(verb)
            expect(result.returncode == 0, result)

    with tell.step("without the setting nothing is counted", essential=True):
        configure()
        expect(admin.run("true").returncode == 0, "admin")
        expect(machine.run(["ls", "-A", FOLDER]).stdout == "", "a file")
    with tell.step("with it each decision is, by action, outcome and reason", essential=True):
        configure(metrics=True)
        before = logged(machine)
        for _ in range(3):
            expect(admin.run("sudo -n true").returncode == 0, "admin")
        for _ in range(2):
            expect(stranger.run("true").returncode == 255, "stranger")
        expired, foreign = admin.other_certificate("old", valid="-2h:-1h"), admin.other_certificate("ca", ca=azure.new_ca("stranger"))
        for certificate in (expired, foreign, foreign):
            expect(admin.run("true", certificate=certificate).returncode == 255, certificate)
        found = check_numbers(machine, before)
        expect(decisions(found)["login", "accept", "none"] == 3 and decisions(found)["admin", "accept", "none"] == 3
               and decisions(found)["login", "refuse", "role-missing"] == 2, found)
        expect(decisions(found)["key", "refuse", "cert-expired"] >= 1 and decisions(found)["key", "refuse", "ca-not-trusted"] >= 2, found)
    with tell.step("how old the keys are"):
        fetched, expiry = (found[f"aadsshlogin_keys_{name}_timestamp_seconds"] for name in ("fetched", "expiry"))
        now = float(machine.run(["date", "+%s"]).stdout)
        expect(now - 600 < fetched <= now < expiry <= now + 86400, (fetched, now, expiry))
    with tell.step("a role backend that does not answer is counted apart"):
        machine.sh("rm -rf /run/aadsshlogin/decisions/*")
        azure.fault("arm.*", status=503)
        expect(admin.run("true").returncode == 255, "admin")
        azure.clear_faults()
        found = check_numbers(machine, before)
        expect(found['aadsshlogin_role_backend_errors_total{reason="backend-unreachable"}'] == 1, found)
    with tell.step(f"{CROWD} logins at a time, and none is forgotten"):
        with ThreadPoolExecutor(8) as pool:
            results = list(pool.map(lambda _: admin.run("true").returncode, range(CROWD)))
        expect(set(results) == {0}, results)
        check_numbers(machine, before)
    with tell.step("it names nobody, and the service user alone can write it"):
        text = machine.read(FILE)
        for word in (admin.name, stranger.name, "ada", "eve", DOMAIN, admin.oid, azure.tenant, "127.0.0.1"):
            expect(word not in text, word)
        expect(machine.run(["stat", "-c", "%U %a", FILE]).stdout.split() == ["aadsshlogin", "644"], "owner")
        expect(machine.run(["ls", "-A", FOLDER]).stdout.split() == ["aadsshlogin.prom", "lock"], "left-overs")
    with tell.step("node_exporter takes every number"):
        if machine.exists(f"{WITHOUT}/{EXPORTER}"):
            raise NotHere(f"the package {EXPORTER} cannot be installed")
        machine.sh(f"install -d /srv/textfile; ln -s {FILE} /srv/textfile/")
        process = machine.popen(["/usr/bin/prometheus-node-exporter", "--collector.disable-defaults", "--collector.textfile",
                                 "--collector.textfile.directory=/srv/textfile", "--web.listen-address=127.0.0.1:9100"], user="nobody")
        try:
            machine.sh("for try in $(seq 200); do ! ss -ltn | grep -q :9100 || exit 0; sleep 0.05; done; exit 1", timeout=30)
            expect(exported(machine) == numbers(machine), (exported(machine), numbers(machine)))
        finally:
            process.kill()
    with tell.step("what cannot be counted keeps nobody out, and holds nobody up"):
        keeper = machine.popen(["flock", f"{FOLDER}/lock", "sleep", "60"])
        machine.sh(f"until ! flock -n {FOLDER}/lock true; do sleep 0.02; done")
        kept = numbers(machine)
        result = machine.run(["timeout", "20", *admin.argv("true")], check=False)
        os.killpg(keeper.pid, signal.SIGKILL)
        keeper.wait(timeout=10)
        expect(result.returncode == 0 and numbers(machine) == kept, result)
        machine.sh(f"mv {FOLDER} {FOLDER}.away")
        expect(admin.run("sudo -n true").returncode == 0, "without the directory")
        machine.sh(f"mv {FOLDER}.away {FOLDER}")
    with tell.step("a repair of what drifted is counted, a first enable is not"):
        expect(numbers(machine)["aadsshlogin_drift_repairs_total"] == 0, "repairs")
        machine.sh("sed -i /pam_aad/d /etc/pam.d/sshd")
        expect(extension.run("enable").returncode == 0, "enable")
        expect("pam_aad" in machine.read("/etc/pam.d/sshd"), "not repaired")
        expect(numbers(machine)["aadsshlogin_drift_repairs_total"] == 1, numbers(machine))
    with tell.step("without the setting the file goes, and the directory with the extension"):
        configure()
        expect(not machine.exists(FILE), "the file")
        expect(extension.run("uninstall").returncode == 0 and not machine.exists(FOLDER), "uninstall")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--build", type=Path, default=Path("build"), help="where the extension's zip is")
    arguments = parser.parse_args()
    tell = Teller(chapters=False)
    with in_cloud("metrics", optional=[EXPORTER]) as (machine, azure):
        tell.play({"all": lambda tell: play(tell, machine, azure, arguments.build)})
    return tell.summary("metrics")


if __name__ == "__main__":
    sys.exit(main())
