# SPDX-License-Identifier: MIT
"""Machines with their cloud: with the guest agent, for what is told of the extension, and without."""

import json
from contextlib import contextmanager
from pathlib import Path
from typing import Callable, Iterator, Optional, Sequence, Tuple

from azure.client import Azure
from azure.model import Extension, ExtensionStatus
from lab import layer
from lab.agent import Agent
from lab.install import FIRST, NAME, NEXT, zip_of
from lab.login import ssh
from lab.machine import Machine
from lab.snapshot import Snapshot
from lab.teller import expect

DOMAIN = "contoso.com"
NEIGHBOUR = "x@corp.local"  # a local user of this name is none of ours
NAMESAKE = f"dev@{DOMAIN}"  # a local user too, and its name could be somebody's of the tenant
SETTINGS = {"userDomains": [DOMAIN]}

WATCHED = ["/etc", "/usr", "/lib", "/var/lib"]
# The agent's and the package manager's own logs and databases; the ledger of users stays by design.
NOT_OURS = ["/var/lib/waagent*", "/var/lib/dpkg*", "/var/lib/apt*", "/var/lib/rpm*", "/usr/lib/sysimage/rpm*", "/var/lib/dnf*",
            "/var/lib/zypp*",
            "/var/lib/aadsshlogin", "/var/lib/aadsshlogin/users"]
# What the handler remembers of a run that failed, for `aadssh-handler status`.
MEMORY = ["/var/lib/aadsshlogin/state.json", "/var/lib/aadsshlogin/seal", "/var/lib/aadsshlogin/lock"]


@contextmanager
def in_cloud(label: str, prepare: "Callable[[Machine], None] | None" = None,
             optional: Sequence[str] = ()) -> Iterator[Tuple[Machine, Azure]]:
    """
    A machine with its cloud, without the guest agent; sshd runs.
    prepare: what is done to it before that; optional: packages that it has besides
    """
    with Machine(hostname=label, optional=optional) as machine, \
            Azure.start(layer.LAB / f"azure-{label}", prefix=machine.network) as azure:
        machine.trust(azure.ca)
        machine.allow_refusals()
        if prepare:
            prepare(machine)
        machine.start_sshd()
        yield machine, azure


class Place:
    """A machine with its cloud and the guest agent."""

    versions = (FIRST, NEXT)  # of the extension that the cloud has

    def __init__(self, build: Path, label: str, machine: Optional[Machine] = None,
                 prepare: Callable[[Machine], None] = lambda _: None) -> None:
        """
        machine: of this host name, by default one like the host
        prepare: what to do there before sshd starts
        """
        self.machine = machine or Machine(hostname=label)
        self.build, self.label, self.seq, self._prepare = build, label, 0, prepare

    def __enter__(self) -> "Place":
        self.machine.start()
        self.azure = Azure.start(layer.LAB / f"azure-{self.label}", prefix=self.machine.network)
        self.machine.trust(self.azure.ca)
        self.agent = Agent(self.machine)
        for version in self.versions:
            self.azure.publish(zip_of(self.build, version), NAME, version)
        # A local user named like somebody of a domain; useradd of most distributions would refuse the name.
        self.machine.run(["sh", "-ec", f"""
            echo '{NEIGHBOUR}:x:1234:1234::/home/{NEIGHBOUR}:/bin/bash' >> /etc/passwd
            echo '{NEIGHBOUR}:x:1234:' >> /etc/group
            echo '{NEIGHBOUR}:*:19000::::::' >> /etc/shadow
            install -d -m 755 -o 1234 -g 1234 '/home/{NEIGHBOUR}'
            install -d -m 700 -o 1234 -g 1234 '/home/{NEIGHBOUR}/.ssh'
            install -m 600 -o 1234 -g 1234 /root/.ssh/local.pub '/home/{NEIGHBOUR}/.ssh/authorized_keys'
            echo '\"{NEIGHBOUR}\" ALL=(ALL) NOPASSWD:ALL' > /etc/sudoers.d/neighbour
            chmod 440 /etc/sudoers.d/neighbour
            echo '{NAMESAKE}:x:1235:1235::/:/bin/bash' >> /etc/passwd
            echo '{NAMESAKE}:x:1235:' >> /etc/group
            echo '{NAMESAKE}:*:19000::::::' >> /etc/shadow"""])
        self.machine.allow_refusals()
        self._prepare(self.machine)
        self.machine.start_sshd()
        return self

    def __exit__(self, *_: object) -> None:
        self.azure.stop()
        self.machine.stop()

    def install(self, version: str = FIRST, **settings: object) -> ExtensionStatus:
        """One more goal state with the extension; returns what the agent reports of it."""
        self.seq += 1
        return self.ask(Extension(NAME, version, public={**SETTINGS, **settings}, seq=self.seq))

    def ask(self, *extensions: Extension) -> ExtensionStatus:
        self.azure.goal_state(list(extensions))
        self.azure.settle()
        return self.azure.extension(NAME)

    def snapshot(self) -> Snapshot:
        return self.machine.snapshot(WATCHED, NOT_OURS)

    def handler_status(self) -> dict:
        """The newest status file, as the handler wrote it."""
        text = self.machine.run(["sh", "-c", "cat $(ls -t /var/lib/waagent/*AADSSH*/status/*.status | head -1)"]).stdout
        return json.loads(text)[0]["status"]

    def check_local_users(self) -> None:
        """A local administrator can always get in: the first of the two rules."""
        for user in ("local", NEIGHBOUR):
            result = self.machine.run(ssh("/root/.ssh/local", user, ["id -un; sudo -n id -u"]), check=False)
            expect(result.stdout.split() == [user, "0"], result)
