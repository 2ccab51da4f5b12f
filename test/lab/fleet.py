# SPDX-License-Identifier: MIT
"""A rollout over a scale set of many machines at once, each with the real guest agent, all against one fake cloud.

The model gets the extension, and every instance has it to install at the same time; it is asked for once more, which is
what every change of a model comes to; then a new version goes from batch to batch of a rolling upgrade, as its policy
has it.  One instance has no identity: it must say so, with exit code 22,
and hold up nobody.  Prints how long each took, what each asked of whom, and what that cost this machine; exit status 1
unless every instance came to the end that it must come to.

usage: fleet.py [-n N] [--sample] [--build DIR] [--period SECONDS]    as root; about 100 MB of memory an instance
"""

import argparse
import json
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, Dict, Iterable, List, NamedTuple, Sequence

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[1] / "fakes")]

from azure.client import Azure  # noqa: E402
from azure.model import ARM_AUDIENCE, ARM_HOST, LOGIN_HOST  # noqa: E402
from lab import layer  # noqa: E402
from lab.agent import Agent  # noqa: E402
from lab.install import FIRST, NAME, NEXT, zip_of  # noqa: E402
from lab.login import Person, as_person, check_refused, check_sudo  # noqa: E402
from lab.machine import Machine  # noqa: E402
from lab.place import DOMAIN  # noqa: E402
from lab.teller import Teller, expect  # noqa: E402

SCALE_SET = "fleet"


class Scale(NamedTuple):
    instances: int = 40
    batch: int = 20  # percent of the instances, and what a rolling upgrade bears of unhealthy ones
    period: int = 6  # seconds between two looks of an agent for a goal state, its own default
    wait: int = 5  # seconds, the setting identityWait
    again: bool = True  # whether the model is asked for twice


SAMPLE = Scale(4, 100, 1, 1, False)  # which takes what the agent's own waits take
PATIENCE = 1800  # seconds for a wave
AT_ONCE = 4  # machines that are made at a time; what is measured comes later
EXIT_IDENTITY, REMEDY = "exit code: 22", f"az vmss identity assign --resource-group lab --name {SCALE_SET}"

# Who is asked, by the beginning of an endpoint's name.
SERVICES = {"wire": "wire server", "hgap": "wire server", "blob": "storage", "imds": "IMDS", "arm": "Resource Manager",
            "entra": "Entra", "pdp": "Entra's decisions"}
POLLING = ("wire.goalstate", "wire.versions", "hgap.", "wire.telemetry", "wire.health")  # the agent's own, whatever is installed

# One request to Resource Manager by a service principal, and the operation that follows from it.
WRITE = """
import json, sys, time, urllib.parse, urllib.request
asked = json.load(sys.stdin)
def call(url, data=None, **options):
    request = urllib.request.Request(url, data=data, **options)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return dict(answer.headers), json.loads(answer.read() or b"null")
form = urllib.parse.urlencode(asked["grant"]).encode()
token = call(asked["login"], form)[1]["access_token"]
headers = {"Authorization": "Bearer " + token, "Content-Type": "application/json"}
model = call(asked["url"], headers=headers)[1]
model["properties"]["virtualMachineProfile"]["extensionProfile"] = {"extensions": asked["extensions"]}
model["properties"]["upgradePolicy"] = asked["policy"]
at = call(asked["url"], json.dumps(model).encode(), method="PUT", headers=headers)[0]["Azure-AsyncOperation"]
while True:
    state = call(at, headers=headers)[1]
    if state["status"] != "InProgress":
        break
    time.sleep(1)
print(json.dumps(state))
"""


def percentile(numbers: Sequence[float], share: int) -> float:
    """The least of them that is not below so many percent."""
    ordered = sorted(numbers)
    return ordered[max(0, -(-len(ordered) * share // 100) - 1)]


class Meter:
    """What the machines of a fleet cost this one; looks every second or so."""

    def __init__(self, machines: Iterable[Machine]) -> None:
        self.spaces = {os.readlink(f"/proc/{machine.pid}/ns/pid") for machine in machines}
        self.load = self.running = self.memory = 0.0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Meter":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._end.wait(1):
            self.load = max(self.load, os.getloadavg()[0])
            states = [found for found in map(self._look, filter(str.isdigit, os.listdir("/proc"))) if found]
            self.running = max(self.running, sum(is_running for is_running, _ in states))
            self.memory = max(self.memory, sum(size for _, size in states))

    def _look(self, pid: str) -> "tuple[bool, int] | None":
        """Is it running, and its share of memory in KiB; None: not of the fleet, or gone."""
        try:
            if os.readlink(f"/proc/{pid}/ns/pid") not in self.spaces:
                return None
            state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[0]
            share = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").partition("\nPss:")[2].split()[0]
            return state == "R", int(share)
        except (OSError, IndexError):
            return None


class Instance:
    def __init__(self, number: int, period: int) -> None:
        self.name = f"{SCALE_SET}_{number}"
        self.machine = Machine(hostname=f"{SCALE_SET}{number:06d}")
        self.agent = Agent(self.machine, {"Extensions.GoalStatePeriod": str(period)})

    def join(self, azure: Azure) -> None:
        self.azure = azure.add_vm(self.name, self.machine.pid, SCALE_SET)

    def prepare(self) -> None:
        self.machine.trust(self.azure.ca)
        self.machine.allow_refusals()
        self.machine.start_sshd()


class Fleet:
    """The instances, their cloud in a network of its own, and who writes the model."""

    def __init__(self, scale: Scale, build: Path) -> None:
        self.scale, self.build, self.office = scale, build, Machine(hostname="office")
        self.instances = [Instance(number, scale.period) for number in range(scale.instances)]
        self.broken = self.instances[-1] if scale.instances < 25 else self.instances[scale.instances // 2]

    def __enter__(self) -> "Fleet":
        self.stack = ExitStack()
        machines = [self.office, *(instance.machine for instance in self.instances)]
        for machine in machines:
            self.stack.callback(machine.stop)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(Machine.start, machines))
            self.azure = Azure.start(layer.LAB / "azure-fleet", prefix=self.office.network)
            self.stack.callback(self.azure.stop)
            self.office.trust(self.azure.ca)
            self.azure.add_scale_set(SCALE_SET, mode="Manual")
            self.client = self.azure.add_application("pipeline")
            for instance in self.instances:  # in their order
                instance.join(self.azure)
            list(pool.map(Instance.prepare, self.instances))
        self.broken.azure.set_identity(False)
        return self

    def __exit__(self, *_: object) -> None:
        self.stack.close()

    def start_agents(self) -> None:
        """All at once; each must report before anything is asked of it."""
        with ThreadPoolExecutor(len(self.instances)) as pool:
            list(pool.map(lambda instance: instance.agent.start(), self.instances))
            list(pool.map(lambda instance: instance.azure.wait_status(lambda _: True, PATIENCE), self.instances))

    def write(self, tag: str, **policy: Any) -> Dict[str, Any]:
        """Give the scale set the extension; returns how the operation ended."""
        properties = {"publisher": NAME.rpartition(".")[0], "type": NAME.rpartition(".")[2], "typeHandlerVersion": "1.0",
                      "autoUpgradeMinorVersion": True, "forceUpdateTag": tag,
                      "settings": {"userDomains": [DOMAIN], "identityWait": self.scale.wait}}
        client, secret = self.client
        asked = {
            "login": f"https://{LOGIN_HOST}/{self.azure.tenant}/oauth2/v2.0/token",
            "grant": {"grant_type": "client_credentials", "client_id": client, "client_secret": secret, "scope": f"{ARM_AUDIENCE}/.default"},
            "url": f"https://{ARM_HOST}/subscriptions/{self.azure.subscription}/resourceGroups/lab/providers/Microsoft.Compute/"
                   f"virtualMachineScaleSets/{SCALE_SET}?api-version=2024-11-01",
            "policy": policy, "extensions": [{"name": "AADSSHLoginForLinux", "properties": properties}],
        }
        return json.loads(self.office.run(["python3", "-c", WRITE], input=json.dumps(asked), timeout=PATIENCE).stdout)


class Wave:
    """What one write of the model came to."""

    def __init__(self, fleet: Fleet, title: str, tag: str, **policy: Any) -> None:
        before, started = len(fleet.azure.journal()), time.monotonic()
        fleet.azure.reset_counts()
        self.title, self.end = title, fleet.write(tag, **policy)
        self.seconds = time.monotonic() - started
        self.ends = {entry["vm"]: entry for entry in fleet.azure.journal()[before:]}
        self.requests = {instance.name: instance.azure.requests() for instance in fleet.instances}

    def took(self) -> List[float]:
        return [entry["seconds"] for entry in self.ends.values()]

    def asked(self, endpoint: str) -> List[int]:
        return [counts.get(endpoint, 0) for counts in self.requests.values()]


# ---- what must hold


def check_ends(fleet: Fleet, wave: Wave, version: str) -> None:
    """Each instance is at an end: the broken one with 22, all others with this version."""
    for instance in fleet.instances:
        end, report = wave.ends.get(instance.name), instance.azure.extension(NAME)
        expect(end and report, f"{instance.name} came to no end: {end} {report}")
        if instance is fleet.broken:
            expect(end["end"] == "Failed" and report.handler == "NotReady", (end, report))
            for word in (EXIT_IDENTITY, REMEDY):
                expect(word in end["wrong"]["message"], end)
            expect(report.status in (None, "error"), report)
        else:
            expect((end["end"], end["version"]) == ("Succeeded", version), end)
            found = (report.handler, report.version, report.status)
            expect(found == ("Ready", version, "success"), (instance.name, report))


def check_nothing_fetched(fleet: Fleet, wave: Wave) -> None:
    for instance in fleet.instances:
        fetched = wave.requests[instance.name].get("blob.package", 0)
        expect(instance is fleet.broken or not fetched, f"{instance.name} fetched a package")


def policy(batch: int) -> Dict[str, Any]:
    """Of a rolling upgrade."""
    bears = {f"max{what}InstancePercent": batch for what in ("Batch", "Unhealthy", "UnhealthyUpgraded")}
    return {**bears, "pauseTimeBetweenBatches": "PT0S"}


def check_batches(fleet: Fleet, rolling: Dict[str, Any]) -> None:
    size = max(1, len(fleet.instances) * fleet.scale.batch // 100)
    names = [name for batch in rolling["batches"] for name in batch["instances"]]
    expect(names == [instance.name for instance in fleet.instances], names)
    expect(all(len(batch["instances"]) <= size for batch in rolling["batches"]), rolling)
    expect((rolling["running"], rolling["failed"], rolling["error"]) == ("Completed", 1, None), rolling)


def check_logins(fleet: Fleet) -> None:
    """On the first and the last that are not broken; where there is no identity, nobody gets in."""
    whole = [instance for instance in fleet.instances if instance is not fleet.broken]
    for instance in (whole[0], whole[-1]):
        admin = Person(instance.machine, instance.azure, f"alice-{instance.name.replace('_', '-')}@{DOMAIN}")
        instance.azure.assign(admin.oid, "admin", scope=instance.azure.resource_id)
        check_sudo(as_person(admin), {"sudo": "sudo -n id -u"})
    check_refused(Person(fleet.broken.machine, fleet.broken.azure, f"bob@{DOMAIN}", "admin").run("id"))


# ---- what is printed


def table(fleet: Fleet, waves: Sequence[Wave], meter: Meter, rolling: Dict[str, Any]) -> List[str]:
    lines = [f"{len(fleet.instances)} instances, one of them without identity; {os.cpu_count()} processors", "",
             f"{'seconds':34s}{'whole':>8s}{'p50':>8s}{'p95':>8s}{'max':>8s}{'failed':>8s}"]
    for wave in waves:
        took, failed = wave.took(), sum(entry["end"] != "Succeeded" for entry in wave.ends.values())
        numbers = [wave.seconds, percentile(took, 50), percentile(took, 95), max(took)]
        lines.append(f"{wave.title:34s}" + "".join(f"{number:8.1f}" for number in numbers) + f"{failed:8d}")
    seconds = [batch["seconds"] for batch in rolling["batches"]]
    lines.append(f"  its {len(seconds)} batches".ljust(42) + f"{percentile(seconds, 50):8.1f}{percentile(seconds, 95):8.1f}{max(seconds):8.1f}")
    return [*lines, "", *requests(waves), "",
            f"peak load {meter.load:.1f} of this machine, {meter.running:.0f} of the fleet's processes running at once",
            f"peak memory {meter.memory / 1024:.0f} MiB of all processes, {meter.memory / 1024 / len(fleet.instances):.0f} an instance"]


def requests(waves: Sequence[Wave]) -> List[str]:
    """By service and endpoint, an instance."""
    endpoints = sorted({name for wave in waves for counts in wave.requests.values() for name in counts if name.partition(".")[0] in SERVICES},
                       key=lambda name: (SERVICES[name.partition(".")[0]], name))
    lines = [f"{'requests an instance':42s}" + "".join(f"{wave.title.partition(',')[0] + ': p50':>14s}{'max':>6s}{'all':>7s}" for wave in waves)]
    for endpoint in endpoints:
        note = " (polling)" if endpoint.startswith(POLLING) else ""
        line = f"  {SERVICES[endpoint.partition('.')[0]] + ', ' + endpoint + note:40s}"
        for wave in waves:
            asked = wave.asked(endpoint)
            line += f"{percentile(asked, 50):14.0f}{max(asked):6d}{sum(asked):7d}"
        lines.append(line)
    absent = sorted({"Entra", "Resource Manager"} - {SERVICES[name.partition(".")[0]] for name in endpoints})
    return lines + [f"  {service}: none" for service in absent]


def ask_again(tell: Teller, fleet: Fleet) -> List[Wave]:
    with tell.step("asked again for the same: enabled on all at once, and nothing else is fetched", essential=True):
        enable = Wave(fleet, "enable, all at once", "2", mode="Automatic")
        check_ends(fleet, enable, FIRST)
        check_nothing_fetched(fleet, enable)
    return [enable]


def roll_out(tell: Teller, fleet: Fleet, build: Path) -> None:
    with tell.step(f"{len(fleet.instances)} guest agents start and report", essential=True):
        fleet.start_agents()
    with Meter(instance.machine for instance in fleet.instances) as meter:
        with tell.step("installed on all at once: each is at an end, the one without identity with 22", essential=True):
            fleet.azure.publish(zip_of(build, FIRST), NAME, FIRST)
            install = Wave(fleet, "install, all at once", "1", mode="Automatic")
            check_ends(fleet, install, FIRST)
            expect(install.end["status"] == "Failed" and EXIT_IDENTITY in install.end["error"]["message"], install.end)
        waves = [install, *(ask_again(tell, fleet) if fleet.scale.again else [])]
        batch = fleet.scale.batch
        with tell.step(f"updated by batches of {batch} %: the rolling upgrade completes, with one failed instance", essential=True):
            fleet.azure.publish(zip_of(build, NEXT), NAME, NEXT)
            update = Wave(fleet, f"update, by batches of {batch} %", "3", mode="Rolling", rollingUpgradePolicy=policy(batch))
            check_ends(fleet, update, NEXT)
            expect(update.end["status"] == "Succeeded", update.end)
            rolling = fleet.azure.rolling(SCALE_SET)
            check_batches(fleet, rolling)
    with tell.step("an administrator signs in to the first and the last, nobody to the broken one"):
        check_logins(fleet)
    print("", *table(fleet, [*waves, update], meter, rolling), "", sep="\n")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    whole = Scale()
    parser.add_argument("-n", type=int, default=whole.instances,
                        help=f"instances (default {whole.instances}, at the least {100 // whole.batch})")
    parser.add_argument("--sample", action="store_true", help="a few, in one batch, as ./bootstrap check plays it")
    parser.add_argument("--build", type=Path, default=Path("build"), help="where the extension's zips are")
    parser.add_argument("--period", type=int, default=whole.period,
                        help=f"seconds between two looks of an agent for a goal state (default {whole.period}, its own)")
    arguments = parser.parse_args()
    scale = SAMPLE if arguments.sample else Scale(arguments.n, period=arguments.period)
    if scale.instances * scale.batch < 100:
        parser.error(f"with fewer than {100 // scale.batch} instances a broken one is more than the policy bears")
    layer.ensure()
    tell = Teller(chapters=False)
    with Fleet(scale, arguments.build) as fleet:
        tell.play({"fleet": partial(roll_out, fleet=fleet, build=arguments.build)})
    return tell.summary("the fleet")


if __name__ == "__main__":
    sys.exit(main())
