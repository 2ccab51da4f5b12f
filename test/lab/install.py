# SPDX-License-Identifier: MIT
"""The product on a machine, without the guest agent: the extension as the agent unpacks it, or the package alone."""

import json
import zipfile
from pathlib import Path
from typing import Dict, List, Optional

from lab.machine import ENVIRONMENT, Machine, Result
from lab.teller import expect

NAME = "Microsoft.Azure.ActiveDirectory.AADSSHLoginForLinux"
FIRST, NEXT = "1.0.0.0", "1.0.1.0"

LIB = "/var/lib/waagent"
FOLDER = f"{LIB}/{NAME}-{FIRST}"
LOGS = f"/var/log/azure/{NAME}"
SEQUENCE = 7


def zip_of(build: Path, version: str) -> Path:
    return build / f"AADSSHLoginForLinux-{version}.zip"


def install_package(machine: Machine, build: Path) -> None:
    packages = [str(path) for path in (build / "packages").resolve().glob("aadsshlogin_*.deb")]
    expect(len(packages) == 1, f"one package is wanted, there are {packages}: run ./bootstrap build")
    machine.run(["dpkg", "-i", *packages])


def settings(public: object = None, **protected: object) -> str:
    inner = {"publicSettings": public, "protectedSettings": None, "protectedSettingsCertThumbprint": None, **protected}
    return json.dumps({"runtimeSettings": [{"handlerSettings": inner}]})


HANDLERS = r"""
for process in /proc/[0-9]*; do
	read -r _ name _ parent _ <$process/stat && [ "$name" = '(aadssh-handler)' ] || continue
	read -r name <"/proc/$parent/comm" && [ "$name" = aadssh-handler ] && continue
	printf '%s %s\n' "${process#/proc/}" "$(tr '\0' ' ' <$process/cmdline)"
done 2>/dev/null
"""


def handlers(machine: Machine) -> Dict[str, str]:
    """Command lines of the handlers that run, by number; without their children, who talk to the network."""
    lines = machine.run(["sh", "-c", HANDLERS], check=False).stdout.splitlines()
    return {pid: command for pid, _, command in (line.partition(" ") for line in lines)}


class Extension:
    """The unpacked extension, as the agent leaves it, and its commands, as the agent runs them."""

    def __init__(self, machine: Machine, package: Path, version: str = FIRST) -> None:
        self.machine, self.version = machine, version
        self.folder = f"{LIB}/{NAME}-{version}"
        with zipfile.ZipFile(package) as archive:
            for entry in archive.infolist():
                if not entry.is_dir():
                    machine.write(f"{self.folder}/{entry.filename}", archive.read(entry), 0o744)
        machine.sh(f"chmod 700 {LIB}; install -d -m 700 {self.folder}/config {self.folder}/status; "
                   f"install -d -m 755 {LOGS}; install -d -m 700 {LOGS}/events")
        self.write_environment()
        self.write_settings(settings({}))

    def write_environment(self, text: Optional[str] = None) -> None:
        folders = {"logFolder": LOGS, "configFolder": f"{self.folder}/config", "statusFolder": f"{self.folder}/status",
                   "heartbeatFile": f"{self.folder}/heartbeat.log", "eventsFolder": f"{LOGS}/events"}
        whole = json.dumps([{"name": NAME, "version": 1.0, "handlerEnvironment": folders}])
        self.machine.write(f"{self.folder}/HandlerEnvironment.json", whole if text is None else text)

    def write_settings(self, text: "str | bytes") -> None:
        self.machine.write(f"{self.folder}/config/{SEQUENCE}.settings", text)

    def environment(self, **more: Optional[str]) -> List[str]:
        """NAME=VALUE, what the agent sets.  more: for one verb only, None: not set"""
        whole = {"PATH": ENVIRONMENT["PATH"], "LANG": "C.UTF-8", "AZURE_GUEST_AGENT_EXTENSION_PATH": self.folder,
                 "AZURE_GUEST_AGENT_EXTENSION_VERSION": self.version, "ConfigSequenceNumber": str(SEQUENCE),
                 "AZURE_GUEST_AGENT_UNINSTALL_CMD_EXIT_CODE": "NOT_RUN", **more}
        return [f"{name}={value}" for name, value in whole.items() if value is not None]

    def run(self, verb: str, **more: Optional[str]) -> Result:
        """more: variables that the agent sets for this verb only; None: one that it does not"""
        return self.machine.run(["env", "-i", *self.environment(**more), "/bin/sh", "-c", f"{self.folder}/bin/aadssh-shim {verb}"],
                                check=False, cwd=self.folder, timeout=900)

    def status(self) -> Optional[dict]:
        path = f"{self.folder}/status/{SEQUENCE}.status"
        return json.loads(self.machine.read(path))[0]["status"] if self.machine.exists(path) else None

    def forget(self) -> None:
        self.machine.sh(f"rm -f {self.folder}/status/*; rm -rf /var/lib/aadsshlogin")
