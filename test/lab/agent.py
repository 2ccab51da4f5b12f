# SPDX-License-Identifier: MIT
"""The real guest agent, Debian's package waagent, in a machine of the lab.

By hand, after Machine and Azure were started (see machine.py and azure/client.py):

    >>> m.trust(az.ca)
    >>> agent = Agent(m); agent.start()
    >>> az.publish("build/AADSSHLoginForLinux-1.0.0.0.zip", NAME, "1.0.0.0")
    >>> az.goal_state([Extension(NAME, "1.0.0.0", public={})]); az.settle(); az.extension(NAME)
    >>> print(agent.log())
"""

import subprocess
from typing import Mapping, Optional

from lab.machine import ENVIRONMENT, Machine

# What an administrator may set.  There is no DVD, disk or firewall to set up in a sandbox; the last
# three only make the agent look more often.  Everything else is as the package has it.
SETTINGS = {
    "Provisioning.Agent": "disabled",
    "Provisioning.MonitorHostName": "n",
    "ResourceDisk.Format": "n",
    "OS.RootDeviceScsiTimeout": "None",
    "OS.EnableFirewall": "n",
    "Logs.Console": "n",
    "Logs.Collect": "n",
    "AutoUpdate.Enabled": "n",
    "Debug.EtpCollectionPeriod": "5",
    "Extensions.GoalStatePeriod": "1",
    "Extensions.InitialGoalStatePeriod": "1",
}

CONFIGURATION = "/etc/waagent.conf"
LOG = "/var/log/waagent.log"
PID_FILE = "/run/waagent.pid"


class Agent:
    """One agent; it stops with its machine at the latest."""

    def __init__(self, machine: Machine, settings: Optional[Mapping[str, str]] = None) -> None:
        """settings: of waagent.conf, in place of those of SETTINGS"""
        self.machine, self.settings = machine, {**SETTINGS, **(settings or {})}
        self._process: Optional[subprocess.Popen] = None

    def configure(self) -> None:
        """Put the settings into the package's configuration file."""
        kept = [
            line
            for line in self.machine.read(CONFIGURATION).splitlines()
            if line.lstrip("# ").partition("=")[0] not in self.settings
        ]
        lines = kept + [f"{name}={value}" for name, value in self.settings.items()]
        self.machine.write(CONFIGURATION, "\n".join(lines) + "\n")

    def start(self) -> None:
        """As the package's unit does: with nothing but a path and a language in the environment."""
        self.configure()
        self.machine.run(["rm", "-f", PID_FILE])
        environment = [f"PATH={ENVIRONMENT['PATH']}", "LANG=C.UTF-8"]
        self._process = self.machine.popen(
            ["env", "-i", *environment, "/usr/sbin/waagent", "-daemon"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.machine.sh('until [ -s "$1" ]; do sleep 0.02; done', PID_FILE, timeout=30)

    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """Stop the daemon, which passes it on to its child; what extensions started stays."""
        if self._process is None:
            return
        self.machine.sh(
            """daemon=$(cat "$1")
            children=$(cat "/proc/$daemon/task/$daemon/children")
            kill "$daemon"
            for pid in $daemon $children; do
                while [ -d "/proc/$pid" ]; do sleep 0.05; done
            done""",
            PID_FILE,
            timeout=30,
        )
        self._process.wait(timeout=30)
        self._process = None

    def kill(self) -> None:
        """End the daemon and its child at once, as the kernel does when memory is short; what extensions run goes on."""
        self.machine.sh(
            'daemon=$(cat "$1"); kill -KILL "$daemon" $(cat "/proc/$daemon/task/$daemon/children")', PID_FILE
        )
        self._process.wait(timeout=30)
        self._process = None

    def restart(self) -> None:
        self.stop()
        self.start()

    def log(self) -> str:
        return self.machine.read(LOG)

    def times_run(self, name: str, verb: str) -> int:
        """How often it ran a command of an extension, by its own log: all releases say so there."""
        return sum(name in line and line.rstrip().endswith(f" {verb}]") for line in self.log().splitlines())

    def command_log(self, name: str) -> str:
        """What the commands of an extension (Publisher.Type) printed."""
        return self.machine.read(f"/var/log/azure/{name}/CommandExecution.log")
