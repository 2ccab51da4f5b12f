# SPDX-License-Identifier: MIT
"""The state of the fake Azure.

Public methods are what control.py lets clients call; their arguments and results are JSON values.
Listeners read the state through the other modules.  One lock guards it all.
"""

import dataclasses
import fnmatch
import functools
import json
import re
import secrets
import shutil
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Set, Tuple, Union

from azure import crypto
from azure.model import (
    ARM_HOST,
    BLOB_HOST,
    BUILT_IN_ROLES,
    EVERYONE,
    LOGIN_HOST,
    OWNER,
    PACKAGE_HOSTS,
    PDP_HOST,
    READER,
    ROLE_NAMES,
    Fault,
    Role,
)
from azure.vm import Vm


def guid() -> str:
    return str(uuid.uuid4())


def locked(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def call(self: "Cloud", *args: Any, **keywords: Any) -> Any:
        with self.lock:
            return method(self, *args, **keywords)

    return call


def permits(action: str, allowed: List[str], refused: List[str]) -> bool:
    """Azure's wildcards: `*` is any text, case does not matter."""

    def match(patterns: List[str]) -> bool:
        return any(
            re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), action, re.IGNORECASE)
            for pattern in patterns
        )

    return match(allowed) and not match(refused)


def covers(scope: str, resource: str) -> bool:
    """Is scope the resource or above it?  Every management group is above the subscription."""
    scope, resource = scope.lower().rstrip("/"), resource.lower().rstrip("/")
    return (
        scope.startswith("/providers/microsoft.management/managementgroups/")
        or resource == scope
        or resource.startswith(scope + "/")
    )


@dataclasses.dataclass
class Assignment:
    id: str
    principal: str
    role: str
    scope: str
    condition: Optional[str] = None


@dataclasses.dataclass
class Denial:
    id: str
    principal: str
    scope: str
    data_actions: List[str]
    not_data_actions: List[str]
    excluded: List[str]
    this_scope_only: bool

    def names(self, who: Set[str]) -> bool:
        """As assignedTo lists it: exceptions are the reader's matter."""
        return self.principal == EVERYONE or self.principal in who

    def forbids(self, who: Set[str], action: str, resource: str) -> bool:
        same = self.scope.lower().rstrip("/") == resource.lower().rstrip("/")
        return (
            self.names(who)
            and not who.intersection(self.excluded)
            and covers(self.scope, resource)
            and (same or not self.this_scope_only)
            and permits(action, self.data_actions, self.not_data_actions)
        )


@dataclasses.dataclass
class Arc:
    """What HIMDS has of a machine of Arc: where its keys go, and whose they are there."""

    tokens: Path
    uid: int
    gid: int
    kind: str = "right"  # of the keys to come, see himds.KEYS
    keys: Dict[str, Path] = dataclasses.field(default_factory=dict)  # by what stands in them


class Cloud:
    """One tenant, one subscription, virtual machines (of which the first may be a machine of Arc)."""

    def __init__(self, folder: Path, page_size: int) -> None:
        self.folder = folder
        self.page_size = page_size
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)

        self.tenant, self.subscription = guid(), guid()
        self.group = f"/subscriptions/{self.subscription}/resourceGroups/lab"
        self.token_lifetime = 86400
        self.decision_life: Optional[int] = 300000  # milliseconds
        self.tokens: Dict[str, Dict[str, Any]] = {}  # claims by token
        self.tenants: Dict[str, List[str]] = {}  # further ones: names of the keys that they publish
        self.principals: Dict[str, str] = {}
        self.names: Dict[str, str] = {}
        self.members: Dict[str, Set[str]] = {}  # of groups
        self.roles = {role.id: role for role in BUILT_IN_ROLES}
        self.assignments: List[Assignment] = []
        self.denials: List[Denial] = []

        self.arc: Optional[Arc] = None
        # Who signs in, see oauth.py: who approves device codes, whose codes and refresh tokens, applications with secrets.
        self.operator: Optional[str] = None
        self.grants: Dict[str, str] = {}
        self.applications: Dict[Tuple[str, str], str] = {}

        self.compute: Any = None  # see compute.py
        self.sent: List[Dict[str, Any]] = []  # what it was asked to write
        self.deployments: Dict[str, Dict[str, Any]] = {}  # by id in lower case, see deployments.py
        self.kept: Dict[str, Dict[str, Any]] = {}  # resources that are only remembered, by id in lower case
        self.user_identities: Dict[str, str] = {}  # object ids, by id in lower case
        self.listen_in: Callable[[int, Optional[Vm]], None] = lambda pid, vm: None  # in the network of a process
        self.open_himds: Callable[[], Any] = lambda: None  # makes a listener, which serves
        self.himds: Any = None  # that listener

        self.packages: Dict[str, Dict[str, Path]] = {}  # name -> version -> zip

        self.package_folders: Dict[str, Path] = {}  # repositories by name, see packages.py
        self.package_logins: Dict[str, str] = {}  # "USER:PASSWORD" of those that want one
        self.proxy_login: Optional[str] = None

        self.counts: Dict[str, int] = {}
        self.faults: List[Fault] = []

        self.make_keys()
        self.vms: Dict[str, Vm] = {}
        self.spares: Dict[str, Vm] = {}  # machines that run, and that nobody has asked for
        self.vm = self.new_vm("vm1", f"{self.group}/providers/Microsoft.Compute/virtualMachines/vm1")

    def new_vm(self, name: str, resource_id: str) -> Vm:
        """One more machine, whose identity may read roles."""
        vm = self.vms[name] = Vm(name, resource_id, self.pairs["vm"], self.changed)
        self.trust_identity(vm.identity)
        return vm

    def trust_identity(self, oid: str) -> None:
        """A machine's identity, which may read roles."""
        self.principals[oid] = "ServicePrincipal"
        self.assign(oid, READER, f"/subscriptions/{self.subscription}")

    @locked
    def add_vm(self, name: str, pid: int, scale_set: str = "") -> None:
        """One more machine, in the network of a process; or an instance of a scale set."""
        at = f"virtualMachineScaleSets/{scale_set}/virtualMachines" if scale_set else "virtualMachines"
        vm = self.new_vm(name, f"{self.group}/providers/Microsoft.Compute/{at}/{name.rpartition('_')[2] if scale_set else name}")
        vm.pid = pid
        self.listen_in(pid, vm)
        if scale_set:
            self.compute.join(vm, scale_set)

    @locked
    def add_spare(self, name: str, pid: int) -> None:
        """A machine that runs already, for whoever makes one of this name: until then Resource Manager knows none."""
        vm = self.spares[name] = Vm(name, f"{self.group}/providers/Microsoft.Compute/virtualMachines/{name}", self.pairs["vm"], self.changed)
        vm.pid = pid
        self.listen_in(pid, vm)

    def take_spare(self, name: str) -> Optional[Vm]:
        vm = self.spares.pop(name, None)
        if vm:
            self.vms[name] = vm
        return vm

    @locked
    def add_identity(self, name: str) -> Tuple[str, str]:
        """A user-assigned identity: its id, and its object id."""
        at, oid = f"{self.group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}", guid()
        self.principals[oid] = "ServicePrincipal"
        self.user_identities[at.lower()] = oid
        return at, oid

    def serve_people(self, pid: int) -> None:
        self.listen_in(pid, None)

    # Keys

    def make_keys(self) -> None:
        """The keys of TLS, of the VM and of the directory; side by side, since RSA takes time."""
        folder = self.folder / "keys"
        folder.mkdir(mode=0o700)
        elliptic = ("ec", "-pkeyopt", "ec_paramgen_curve:P-256")
        authority = crypto.new_pair(
            folder,
            "authority",
            "Lab certification authority",
            elliptic,
            ["keyUsage=critical,keyCertSign,cRLSign"],
        )
        shutil.copy(authority.certificate, self.folder / "ca.pem")
        names = ",".join(f"DNS:{host}" for host in (LOGIN_HOST, ARM_HOST, PDP_HOST, BLOB_HOST, *PACKAGE_HOSTS))
        plan = {
            "tls": functools.partial(
                crypto.new_pair,
                folder,
                "tls",
                "Lab",
                elliptic,
                [f"subjectAltName={names}", "basicConstraints=critical,CA:false"],
                authority,
            ),
            "vm": functools.partial(
                crypto.new_pair, folder, "vm", "Lab virtual machine certificate"
            ),
            "ec": functools.partial(
                crypto.new_pair, folder, "ec", "accounts.accesscontrol.windows.net", elliptic
            ),
        }
        for name in ("tenant1", "tenant2", "government", "consumer", "encryption"):
            plan[name] = functools.partial(
                crypto.new_pair, folder, name, "accounts.accesscontrol.windows.net"
            )
        with ThreadPoolExecutor() as pool:
            pairs = {name: pool.submit(make) for name, make in plan.items()}
        self.pairs = {name: pair.result() for name, pair in pairs.items()}
        self.signers = [
            "tenant1",
            "tenant2",
        ]  # the first signs, the others are published ahead of time
        self.point_at_signer()

    def point_at_signer(self) -> None:
        """keys/signer.key is the key that certificates are signed with."""
        link = self.folder / "keys" / "signer.key"
        link.unlink(missing_ok=True)
        link.symlink_to(self.pairs[self.signers[0]].key.name)

    @locked
    def rotate_keys(self, keep_old: bool = False, bits: int = 2048) -> str:
        """
        Sign with the next key, and publish one more.
        keep_old: still publish the last one, as an orderly roll
        bits: of the key that comes to be published, to sign after the next call
        """
        name = f"tenant{len([key for key in self.pairs if key.startswith('tenant')]) + 1}"
        self.pairs[name] = crypto.new_pair(
            self.folder / "keys", name, "accounts.accesscontrol.windows.net", (f"rsa:{bits}",)
        )
        old, following, *rest = self.signers
        self.signers = [following, name, *rest] + ([old] if keep_old else [])
        self.point_at_signer()
        return self.pairs[following].kid

    @locked
    def new_signer(self, name: str, bits: int = 2048, exponent: int = 65537) -> None:
        """One more signing key, which nobody publishes yet."""
        algorithm = ("rsa", "-pkeyopt", f"rsa_keygen_bits:{bits}", "-pkeyopt", f"rsa_keygen_pubexp:{exponent}")
        self.pairs[name] = crypto.new_pair(
            self.folder / "keys", name, "accounts.accesscontrol.windows.net", algorithm
        )

    @locked
    def add_tenant(self, signers: List[str]) -> str:
        """One more tenant, with these signing keys; its id."""
        tenant = guid()
        self.tenants[tenant] = signers
        return tenant

    @locked
    def publish_keys(self, tenant: str, signers: List[str]) -> None:
        self.tenants[tenant] = signers

    def signers_of(self, tenant: str) -> Optional[List[str]]:
        """None: there is no such tenant."""
        return self.signers if tenant == self.tenant else self.tenants.get(tenant)

    # Directory and roles

    @locked
    def describe_cloud(self) -> Dict[str, str]:
        return {name: getattr(self, name) for name in ("tenant", "subscription")}

    @locked
    def become_arc(self, tokens: str, uid: int, gid: int) -> str:
        """Not a virtual machine any more: HIMDS takes the place of IMDS, which falls silent."""
        self.arc = Arc(Path(tokens), uid, gid)
        self.vm.resource_id = f"{self.group}/providers/Microsoft.HybridCompute/machines/machine1"
        self.himds = self.himds or self.open_himds()
        return self.vm.resource_id

    @locked
    def set_key(self, kind: str) -> None:
        self.arc.kind = kind

    def set_himds(self, listening: bool) -> None:
        """Without the lock: a listener that stops waits for what it is doing."""
        if listening and self.himds is None:
            self.himds = self.open_himds()
        elif not listening and self.himds is not None:
            self.himds.shutdown()
            self.himds.server_close()
            self.himds = None

    @locked
    def set_token_lifetime(self, seconds: int) -> None:
        self.token_lifetime = seconds

    @locked
    def add_user(self, upn: str, oid: Optional[str] = None) -> str:
        oid = oid or guid()
        self.principals[oid], self.names[oid] = "User", upn
        return oid

    @locked
    def set_operator(self, upn: str) -> str:
        """Who approves device codes from now on, by the name that they have already: an owner of the subscription."""
        if self.operator is None or self.names[self.operator] != upn:
            self.operator = self.add_user(upn)
        self.assign(self.operator, OWNER, f"/subscriptions/{self.subscription}")
        return self.operator

    @locked
    def add_application(self, name: str, role: str = OWNER) -> Tuple[str, str]:
        """A service principal with this role on the subscription: its client id and a secret."""
        oid, client_id, secret = guid(), guid(), secrets.token_urlsafe(24)
        self.principals[oid], self.names[oid] = "ServicePrincipal", name
        self.applications[client_id, secret] = oid
        self.assign(oid, role, f"/subscriptions/{self.subscription}")
        return client_id, secret

    @locked
    def add_scale_set(self, name: str, policy: Dict[str, Any]) -> None:
        """policy: its upgradePolicy; instances come by add_vm"""
        profile = {"storageProfile": {"imageReference": {"offer": "debian-12", "publisher": "Debian", "sku": "12", "version": "latest"},
                                      "osDisk": {"createOption": "FromImage", "osType": "Linux"}},
                   "osProfile": {"computerNamePrefix": name, "linuxConfiguration": {"provisionVMAgent": True}},
                   "networkProfile": {"networkInterfaceConfigurations": []}}
        model = {"properties": {"upgradePolicy": policy, "orchestrationMode": "Uniform", "virtualMachineProfile": profile},
                 "identity": {"type": "SystemAssigned"}, "sku": {"name": "Standard_B1s", "tier": "Standard"}}
        self.compute.write_scale_set(name, model)
        self.trust_identity(self.compute.scale_sets[name].identity)

    @locked
    def written(self) -> List[Dict[str, Any]]:
        """The requests that wrote extensions and scale sets."""
        return self.sent

    @locked
    def journal(self) -> List[Dict[str, Any]]:
        """What became of each extension on each machine that was asked for by Resource Manager."""
        return self.compute.journal

    @locked
    def rolling(self, scale_set: str) -> Optional[Dict[str, Any]]:
        """The latest rolling upgrade: batches, and how it ended."""
        return self.compute.scale_sets[scale_set].rolling

    @locked
    def add_group(self, name: str, members: List[str]) -> str:
        oid = guid()
        self.principals[oid], self.names[oid], self.members[oid] = "Group", name, set(members)
        return oid

    @locked
    def assign(
        self, oid: str, role: str, scope: Optional[str] = None, condition: Optional[str] = None
    ) -> str:
        role = ROLE_NAMES.get(role, role)
        if role not in self.roles:
            raise ValueError(f"no such role: {role}")
        assignment = Assignment(guid(), oid, role, scope or self.vm.resource_id, condition)
        self.assignments.append(assignment)
        return assignment.id

    @locked
    def unassign(self, oid: str, role: Optional[str] = None, scope: Optional[str] = None) -> int:
        role = ROLE_NAMES.get(role, role) if role else None
        keep = [
            item
            for item in self.assignments
            if item.principal != oid
            or role not in (None, item.role)
            or scope not in (None, item.scope)
        ]
        gone = len(self.assignments) - len(keep)
        self.assignments = keep
        return gone

    @locked
    def deny(
        self,
        oid: str,
        data_actions: List[str],
        scope: Optional[str] = None,
        not_data_actions: Optional[List[str]] = None,
        excluded: Optional[List[str]] = None,
        this_scope_only: bool = False,
    ) -> str:
        self.denials.append(
            Denial(
                guid(),
                oid,
                scope or self.vm.resource_id,
                data_actions,
                not_data_actions or [],
                excluded or [],
                this_scope_only,
            )
        )
        return self.denials[-1].id

    @locked
    def undeny(self, id: str) -> None:
        self.denials = [denial for denial in self.denials if denial.id != id]

    @locked
    def define_role(self, name: str, **permissions: List[str]) -> str:
        role = Role(guid(), name, kind="CustomRole", **permissions)
        self.roles[role.id] = role
        return role.id

    def identities(self, oid: str) -> Set[str]:
        """The principal and all groups that it is in, however deep."""
        found = {oid}
        while True:
            more = {group for group, members in self.members.items() if members & found} - found
            if not more:
                return found
            found |= more

    def decide(
        self, who: Set[str], action: str, resource: str, data: bool
    ) -> Tuple[str, Union[Assignment, Denial, None]]:
        """
        Azure's decision, and what it follows from: a denial wins, conditions are not evaluated and so grant nothing.
        """
        for denial in self.denials:
            if data and denial.forbids(who, action, resource):
                return "Denied", denial
        for item in self.assignments:
            role = self.roles[item.role]
            pair = (
                (role.data_actions, role.not_data_actions)
                if data
                else (role.actions, role.not_actions)
            )
            if (
                item.principal in who
                and not item.condition
                and covers(item.scope, resource)
                and permits(action, *pair)
            ):
                return "Allowed", item
        return "NotAllowed", None

    def allowed(self, oid: str, action: str, resource: str, data: bool) -> bool:
        return self.decide(self.identities(oid), action, resource, data)[0] == "Allowed"

    @locked
    def set_decision_life(self, ms: Optional[int]) -> None:
        self.decision_life = ms

    @locked
    def set_page_size(self, entries: int) -> None:
        self.page_size = entries

    def issue_token(self, audience: str, vm: Vm) -> Dict[str, Any]:
        """A token of the machine's identity, as the metadata services answer."""
        claims = self.claims(audience, vm.identity, vm.client_id, appidacr="2", idtyp="app", xms_mirid=vm.resource_id)
        return {
            "access_token": self.signed(claims),
            "client_id": vm.client_id,
            "expires_in": str(self.token_lifetime),
            "expires_on": str(claims["exp"]),
            "ext_expires_in": str(self.token_lifetime),
            "not_before": str(claims["nbf"]),
            "resource": audience,
            "token_type": "Bearer",
        }

    def claims(self, audience: str, oid: str, client_id: str, **more: Any) -> Dict[str, Any]:
        now, issuer = int(time.time()), f"https://sts.windows.net/{self.tenant}/"
        return {
            "aud": audience,
            "iss": issuer,
            "iat": now,
            "nbf": now,
            "exp": now + self.token_lifetime,
            "appid": client_id,
            "idp": issuer,
            "oid": oid,
            "sub": oid,
            "tid": self.tenant,
            "ver": "1.0",
            **more,
        }

    def signed(self, claims: Dict[str, Any]) -> str:
        token = crypto.jwt(claims, self.pairs[self.signers[0]])
        self.tokens[token] = claims
        return token

    # Packages of extensions

    @locked
    def publish(self, zip: str, name: str, version: str) -> None:
        """Copy a package into the storage account."""
        target = self.folder / "packages" / f"{name}__{version}.zip"
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(zip, target)
        self.packages.setdefault(name, {})[version] = target

    # Repositories of packages, and the way to them

    @locked
    def show_packages(self, name: str, folder: str, login: Optional[str] = None) -> None:
        self.package_folders[name] = Path(folder).resolve()
        self.package_logins.pop(name, None)
        if login is not None:
            self.package_logins[name] = login

    @locked
    def set_proxy_login(self, login: Optional[str]) -> None:
        self.proxy_login = login

    # Faults and counts

    @locked
    def count(self, endpoint: str, vm: Optional[Vm] = None) -> None:
        """vm: who asks, if it is known"""
        for counts in (self.counts, *([vm.counts] if vm else [])):
            counts[endpoint] = counts.get(endpoint, 0) + 1

    @locked
    def request_counts(self) -> Dict[str, int]:
        return dict(self.counts)

    @locked
    def reset_counts(self) -> None:
        for counts in (self.counts, *(vm.counts for vm in self.vms.values())):
            counts.clear()

    @locked
    def fault(self, **fields: Any) -> None:
        self.faults.append(Fault(**fields))

    @locked
    def clear_faults(self) -> None:
        self.faults.clear()
        self.changed.notify_all()

    @locked
    def take_fault(self, endpoint: str, text: str = "") -> Optional[Fault]:
        """The fault for a request that just came; text: its path and query."""
        for fault in self.faults:
            if fnmatch.fnmatchcase(endpoint, fault.endpoint) and fault.about in text and fault.times != 0:
                if fault.times is not None:
                    fault.times -= 1
                return fault
        return None

    def wait_until_cleared(self, fault: Fault) -> None:
        with self.changed:
            self.changed.wait_for(lambda: fault not in self.faults)
