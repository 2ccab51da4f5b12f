# SPDX-License-Identifier: MIT
"""The handle of a running fake Azure.

By hand, beside the machine or inside it:

    python3 -m azure.client DIR assign oid=... role=admin
    python3 -m azure.client DIR fault endpoint=imds.token status=429 times=3

prints the result as JSON; values that are JSON are taken as such, all others as text.
"""

import dataclasses
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Union

from azure.model import Extension, ExtensionStatus

PathLike = Union[str, Path]
Status = Dict[str, Any]


class AzureError(Exception):
    """The fake Azure refused a call, or did not start."""


class Azure:
    """A client, and a context manager when start() made it."""

    def __init__(self, dir: PathLike, vm: str = "") -> None:
        """vm: the machine that is meant, by default the first"""
        self.dir, self.vm = Path(dir).resolve(), vm
        self._process: Optional[subprocess.Popen] = None
        described = {**self._call("describe_cloud"), **self._call("describe")}
        self.tenant: str = described["tenant"]
        self.subscription: str = described["subscription"]
        self.resource_id: str = described["resource_id"]
        self.vm_id: str = described["vm_id"]
        self.identity: str = described["identity"]  # object id of the VM's system-assigned identity
        self.ca = self.dir / "ca.pem"  # what TLS clients must trust

    @classmethod
    def start(cls, dir: PathLike, prefix: Sequence[str] = (), page_size: int = 2) -> "Azure":
        """
        Run a new fake Azure with its state in dir, which is removed first if it is an old one's.
        prefix: a command to run it under, such as Machine.network.
        It ends with this process at the latest.
        """
        dir = Path(dir)
        if (dir / "ca.pem").exists():
            shutil.rmtree(dir)
        dir.parent.mkdir(parents=True, exist_ok=True)
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])}
        process = subprocess.Popen(
            [
                *prefix,
                sys.executable,
                "-m",
                "azure",
                str(dir),
                "--until-eof",
                f"--page-size={page_size}",
            ],
            stdin=subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )
        deadline = time.monotonic() + 300  # its keys are made first, which an emulated processor takes long for
        while True:
            try:
                azure = cls(dir)
                break
            except (FileNotFoundError, ConnectionRefusedError):
                pass  # the socket is there a moment before somebody listens at it
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                process.wait()
                raise AzureError("the fake Azure did not start")
            time.sleep(0.02)
        azure._process = process
        return azure

    def stop(self) -> None:
        if self._process is not None:
            self._process.stdin.close()
            self._process.wait(timeout=30)
            self._process = None

    def __enter__(self) -> "Azure":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _call(self, method: str, **arguments: Any) -> Any:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            # A socket's path is limited to about 100 characters; the way by the directory is not.
            folder = os.open(self.dir, os.O_RDONLY | os.O_DIRECTORY)
            try:
                connection.connect(f"/proc/self/fd/{folder}/control")
            finally:
                os.close(folder)
            call = {"method": method, "vm": self.vm, "arguments": arguments}
            connection.sendall(json.dumps(call).encode() + b"\n")
            reply = json.loads(connection.makefile("rb").readline())
        if "error" in reply:
            raise AzureError(reply["error"])
        return reply["result"]

    # Further machines.  The network of each is another, with the same addresses.

    def add_vm(self, name: str, pid: int, scale_set: str = "") -> "Azure":
        """
        One more machine: a handle whose calls mean it.
        pid: of a process in its network; scale_set: that it is an instance of, which is made if need be
        """
        self._call("add_vm", name=name, pid=pid, scale_set=scale_set)
        return Azure(self.dir, name)

    def add_spare(self, name: str, pid: int) -> None:
        """One that runs, with the agent if need be, and that nobody has made: a template that makes one of its name takes it."""
        self._call("add_spare", name=name, pid=pid)

    def serve(self, pid: int) -> None:
        """Be reached by people, in the network of a process that is not a machine's."""
        self._call("serve_people", pid=pid)

    def add_scale_set(self, name: str, **policy: Any) -> None:
        """policy: its upgradePolicy as Resource Manager has it"""
        self._call("add_scale_set", name=name, policy=policy)

    # People and programs who write to Resource Manager

    def set_operator(self, upn: str) -> str:
        """Who approves device codes at once, an owner of the subscription; returns the object id."""
        return self._call("set_operator", upn=upn)

    def add_application(self, name: str) -> Sequence[str]:
        """Client id and secret of a service principal, an owner of the subscription."""
        return self._call("add_application", name=name)

    def written(self) -> List[Dict[str, Any]]:
        """The requests that wrote extensions and scale sets: path and body."""
        return self._call("written")

    def journal(self) -> List[Dict[str, Any]]:
        """What became of each extension on each machine: vm, extension, version, end, seconds, wrong."""
        return self._call("journal")

    def rolling(self, scale_set: str) -> Dict[str, Any]:
        """The latest rolling upgrade: batches, and how it ended."""
        return self._call("rolling", scale_set=scale_set)

    # The VM's identity

    def set_identity(self, present: Union[bool, str]) -> None:
        """True, False, or "user-assigned" (two of them, no system-assigned one)."""
        self._call("set_identity", present=present)

    def add_identity(self, name: str) -> Sequence[str]:
        """A user-assigned identity: its id and its object id."""
        return self._call("add_identity", name=name)

    def set_token_lifetime(self, seconds: int) -> None:
        self._call("set_token_lifetime", seconds=seconds)

    # A machine of Arc instead of a VM

    def become_arc(self, tokens: PathLike, uid: int, gid: int) -> None:
        """
        tokens: the directory that the machine sees as himds.TOKENS; keys there are uid's and gid's.
        """
        self.resource_id = self._call("become_arc", tokens=str(tokens), uid=uid, gid=gid)

    def set_key(self, kind: str) -> None:
        """What HIMDS makes of the keys to come: one of himds.KEYS."""
        self._call("set_key", kind=kind)

    def set_himds(self, listening: bool) -> None:
        self._call("set_himds", listening=listening)

    # People and roles.  A scope of None is the VM; role: a name of model.ROLE_NAMES or an id.

    def add_user(self, upn: str, oid: Optional[str] = None) -> str:
        return self._call("add_user", upn=upn, oid=oid)

    def add_group(self, name: str, members: Iterable[str]) -> str:
        """members: object ids of users and groups."""
        return self._call("add_group", name=name, members=list(members))

    def assign(
        self, oid: str, role: str, scope: Optional[str] = None, condition: Optional[str] = None
    ) -> str:
        return self._call("assign", oid=oid, role=role, scope=scope, condition=condition)

    def unassign(self, oid: str, role: Optional[str] = None, scope: Optional[str] = None) -> int:
        """Remove all assignments that match; returns how many there were."""
        return self._call("unassign", oid=oid, role=role, scope=scope)

    def deny(
        self,
        oid: str,
        data_actions: Iterable[str],
        scope: Optional[str] = None,
        **more: Union[List[str], bool],
    ) -> str:
        """more: not_data_actions, excluded (object ids), this_scope_only"""
        return self._call("deny", oid=oid, data_actions=list(data_actions), scope=scope, **more)

    def undeny(self, id: str) -> None:
        self._call("undeny", id=id)

    def define_role(self, name: str, **permissions: List[str]) -> str:
        """permissions: actions, not_actions, data_actions, not_data_actions."""
        return self._call("define_role", name=name, **permissions)

    def set_decision_life(self, ms: Optional[int]) -> None:
        """timeToLiveInMs of what checkaccess and pdp answer; None: they do not say."""
        self._call("set_decision_life", ms=ms)

    def set_page_size(self, entries: int) -> None:
        """Of lists and decisions."""
        self._call("set_page_size", entries=entries)

    # Extensions and what the agent reports of them

    def publish(self, zip: PathLike, name: str, version: str) -> None:
        """Put a package into the fake's storage account."""
        self._call("publish", zip=str(Path(zip).resolve()), name=name, version=version)

    def goal_state(self, extensions: Iterable[Extension] = ()) -> int:
        """Ask the agent for exactly these extensions; returns the new incarnation."""
        return self._call(
            "goal_state", extensions=[dataclasses.asdict(extension) for extension in extensions]
        )

    def last_status(self) -> Optional[Status]:
        """What the agent uploaded last."""
        return self._call("last_status")

    def wait_status(self, predicate: Callable[[Status], bool], timeout: float = 60) -> Status:
        deadline = time.monotonic() + timeout
        while True:
            status = self.last_status()
            if status is not None and predicate(status):
                return status
            if time.monotonic() > deadline:
                raise TimeoutError(f"the agent's last report is not it: {json.dumps(status)}")
            time.sleep(0.1)

    def settle(self, timeout: float = 120) -> Status:
        """Wait for a report on the current goal state: the agent has then run all its commands."""
        self.wait_status(lambda _: self._call("settled"), timeout)
        return self.last_status()

    def extension(self, name: str) -> Optional[ExtensionStatus]:
        """One extension in the last report; None if it is not there."""
        status = self.last_status()
        for report in status["aggregateStatus"]["handlerAggregateStatus"] if status else []:
            if report["handlerName"] == name:
                return ExtensionStatus.from_report(report)
        return None

    def wait_extension(self, name: str, timeout: float = 120, **fields: Any) -> ExtensionStatus:
        """Wait for a report on an extension with these fields, say status="success"."""
        deadline = time.monotonic() + timeout
        while True:
            found = self.extension(name)
            if found is not None and all(
                getattr(found, field) == value for field, value in fields.items()
            ):
                return found
            if time.monotonic() > deadline:
                raise TimeoutError(f"{name} did not come to {fields}; the last report: {found}")
            time.sleep(0.1)

    def health(self) -> List[str]:
        """Provisioning states that the agent reported."""
        return self._call("reports", kind="health")

    def telemetry(self) -> List[Dict[str, str]]:
        """Events that the agent sent, its own and the extensions': parameters by name."""
        return self._call("reports", kind="telemetry")

    # Repositories of packages, see packages.py

    def show_packages(self, name: str, folder: PathLike, login: Optional[str] = None) -> None:
        """
        Serve a folder as https://HOST/name/ of each of model.PACKAGE_HOSTS.  login: "USER:PASSWORD" that it wants
        """
        self._call("show_packages", name=name, folder=str(folder), login=login)

    def set_proxy_login(self, login: Optional[str]) -> None:
        """Whom the proxy lets through: "USER:PASSWORD"; None: everybody."""
        self._call("set_proxy_login", login=login)

    # Faults and counts.  Endpoints are named wire.*, hgap.*, blob.*, imds.*, himds.*, entra.*, arm.*,
    # pdp.* and packages.*

    def fault(self, endpoint: str, **fields: Any) -> None:
        """Make an endpoint fail: fields are those of model.Fault."""
        self._call("fault", endpoint=endpoint, **fields)

    def clear_faults(self) -> None:
        self._call("clear_faults")

    def counts(self) -> Dict[str, int]:
        return self._call("request_counts")

    def requests(self) -> Dict[str, int]:
        """Those of this machine."""
        return self._call("requests")

    def reset_counts(self) -> None:
        self._call("reset_counts")

    # Keys and certificates

    def rotate_keys(self, keep_old: bool = False, bits: int = 2048) -> str:
        """
        Let the tenant sign with its next key; returns the key's id.
        bits: of the new key, which is published and signs after one more call
        """
        return self._call("rotate_keys", keep_old=keep_old, bits=bits)

    def new_signer(self, name: str, bits: int = 2048, exponent: int = 65537) -> None:
        """One more signing key, which nobody publishes yet."""
        self._call("new_signer", name=name, bits=bits, exponent=exponent)

    def add_tenant(self, signers: Iterable[str] = ("tenant1", "tenant2")) -> str:
        """One more tenant, with signing keys of these names; returns its id."""
        return self._call("add_tenant", signers=list(signers))

    def publish_keys(self, tenant: str, signers: Iterable[str]) -> None:
        """From now on a further tenant has these signing keys alone."""
        self._call("publish_keys", tenant=tenant, signers=list(signers))

    def key(self, name: str) -> Path:
        """
        A private key by name: one of the tenant's set that must not sign (government, consumer,
        encryption), or a signing key (tenant1, tenant2, or new_signer's).
        """
        return self.dir / "keys" / f"{name}.key"

    def new_ca(self, name: str) -> Path:
        """A CA that nobody knows."""
        return self._new_key(self.dir / "keys" / f"ca-{name}", "2048")

    def user_key(self, name: str) -> Path:
        """A key pair of the kind that az makes; returns the private key's path."""
        return self._new_key(self.dir / "users" / name, "3072")

    @staticmethod
    def _new_key(path: Path, bits: str) -> Path:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "rsa", "-b", bits, "-N", "", "-C", "", "-f", str(path)],
            check=True,
        )
        return path

    def certificate(
        self,
        user_pub: PathLike,
        upn: str,
        oid: str,
        *,
        tid: Optional[str] = None,
        name: str = "Test User",
        valid: str = "-1m:+64m",
        ca: Optional[Path] = None,
        principals: Optional[str] = None,
        out: Optional[PathLike] = None,
        algorithm: Optional[str] = "rsa-sha2-256",
    ) -> Path:
        """
        The certificate that az ssh would get for this public key.
        ca: another private key than the tenant's current one.
        out: by default beside the key, where ssh looks for it.
        algorithm: of the signature; None: the one of ca, which then is no RSA key
        """
        user_pub = Path(user_pub)
        tid = tid or self.tenant
        target = (
            Path(out)
            if out
            else user_pub.with_name(user_pub.name.removesuffix(".pub") + "-cert.pub")
        )
        extensions = {
            "oid@sshservice.azure.net": oid,
            "tid@sshservice.azure.net": tid,
            "displayname@sshservice.azure.net": name,
        }
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "user.pub"
            shutil.copyfile(user_pub, copy)
            argv = [
                "ssh-keygen",
                "-q",
                "-s",
                str(ca or self.dir / "keys" / "signer.key"),
                *(["-t", algorithm] if algorithm else []),
                "-I",
                f"{oid}@{tid}",
                "-n",
                upn if principals is None else principals,
                "-V",
                valid,
            ]
            for key, value in extensions.items():
                argv += ["-O", f"extension:{key}={value}"]
            subprocess.run([*argv, str(copy)], check=True)
            shutil.copyfile(Path(folder) / "user-cert.pub", target)
        return target


def main() -> None:
    if len(sys.argv) < 3:
        sys.exit(__doc__)

    def value(text: str) -> Any:
        try:
            return json.loads(text)
        except ValueError:
            return text

    arguments = {
        name: value(text) for name, _, text in (word.partition("=") for word in sys.argv[3:])
    }
    result = getattr(Azure(sys.argv[1]), sys.argv[2])(**arguments)
    if isinstance(result, ExtensionStatus):
        result = dataclasses.asdict(result)
    print(json.dumps(result, indent=2, default=str))


if __name__ == "__main__":
    main()
