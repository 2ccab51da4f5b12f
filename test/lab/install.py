# SPDX-License-Identifier: MIT
"""The product on a machine, without the guest agent: the extension as the agent unpacks it, or the package alone."""

import json
import zipfile
from pathlib import Path
from typing import Optional

from lab.machine import Machine, Result
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


class Extension:
    """The unpacked extension, as the agent leaves it."""

    def __init__(self, machine: Machine, package: Path) -> None:
        self.machine = machine
        with zipfile.ZipFile(package) as archive:
            for entry in archive.infolist():
                if not entry.is_dir():
                    machine.write(f"{FOLDER}/{entry.filename}", archive.read(entry), 0o744)
        machine.sh(f"chmod 700 {LIB}; install -d -m 700 {FOLDER}/config {FOLDER}/status; "
                   f"install -d -m 755 {LOGS}; install -d -m 700 {LOGS}/events")
        self.write_environment()
        self.write_settings(settings({}))

    def write_environment(self, text: Optional[str] = None) -> None:
        folders = {"logFolder": LOGS, "configFolder": f"{FOLDER}/config", "statusFolder": f"{FOLDER}/status",
                   "heartbeatFile": f"{FOLDER}/heartbeat.log", "eventsFolder": f"{LOGS}/events"}
        whole = json.dumps([{"name": NAME, "version": 1.0, "handlerEnvironment": folders}])
        self.machine.write(f"{FOLDER}/HandlerEnvironment.json", whole if text is None else text)

    def write_settings(self, text: "str | bytes") -> None:
        self.machine.write(f"{FOLDER}/config/{SEQUENCE}.settings", text)

    def run(self, verb: str) -> Result:
        environment = {"AZURE_GUEST_AGENT_EXTENSION_PATH": FOLDER, "AZURE_GUEST_AGENT_EXTENSION_VERSION": FIRST,
                       "AZURE_GUEST_AGENT_UNINSTALL_CMD_EXIT_CODE": "NOT_RUN", "ConfigSequenceNumber": str(SEQUENCE)}
        return self.machine.run(["/bin/sh", "-c", f"{FOLDER}/bin/aadssh-shim {verb}"], env=environment, check=False,
                                cwd=FOLDER, timeout=180)

    def status(self) -> Optional[dict]:
        path = f"{FOLDER}/status/{SEQUENCE}.status"
        return json.loads(self.machine.read(path))[0]["status"] if self.machine.exists(path) else None

    def forget(self) -> None:
        self.machine.sh(f"rm -f {FOLDER}/status/*; rm -rf /var/lib/aadsshlogin")
