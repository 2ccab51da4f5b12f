# SPDX-License-Identifier: MIT
"""
Virtual machines, scale sets and their extensions, as Resource Manager shows them: a resource that is written becomes a
goal state of the machines that it concerns, and what their agents report becomes its provisioning state.

Source: Microsoft.Compute, api-version 2024-11-01; for what counts of a report, the guest agent's comments
(GUEST-AGENT.md, section 7); for the texts of errors, public reports of failed deployments.
"""

import copy
import dataclasses
import json
import math
import re
import threading
import time
import uuid
from typing import Any, Callable, Dict, Iterable, List, Optional, Tuple

from azure import network
from azure.arm import failure, page
from azure.cloud import Cloud, guid
from azure.http import Request, Response
from azure.model import ARM_HOST, REGION, Extension, ExtensionStatus
from azure.operations import Operation, Refused, serving
from azure.vm import Vm

Json = Dict[str, Any]

MORE = "More information on troubleshooting is available at https://aka.ms/vmextensionlinuxtroubleshoot"
VERBS = {1007: "Install", 1008: "Update", 1009: "Enable", 1010: "Disable"}  # by the agent's code
HEALTH_PORT = 22  # that the load balancer of a scale set probes
PROBE_TIMEOUT = 5  # seconds
RETRY_AFTER = "1"


@dataclasses.dataclass
class Resource:
    """An extension of one machine."""

    name: str
    properties: Json  # as they were sent, but for what is protected
    protected: Any
    version: str  # of the package
    seq: int
    state: str = "enabled"
    provisioning: str = "Creating"
    wrong: Optional[Json] = None  # code and message, when it failed
    started: float = 0

    @property
    def handler(self) -> str:
        return f"{self.properties['publisher']}.{self.properties['type']}"

    @property
    def has_settings(self) -> bool:
        return self.properties.get("settings") is not None or self.protected is not None

    def goal(self, depends: int) -> Json:
        return dataclasses.asdict(
            Extension(self.handler, self.version, self.state, self.properties.get("settings"), self.protected,
                      seq=self.seq, settings=self.has_settings, depends=depends)
        )


@dataclasses.dataclass
class ScaleSet:
    name: str
    model: Json
    secrets: Dict[str, Any] = dataclasses.field(default_factory=dict)  # protected settings by extension
    instances: List[Vm] = dataclasses.field(default_factory=list)
    provisioning: str = "Succeeded"
    rolling: Optional[Json] = None  # the latest rolling upgrade
    identity: str = dataclasses.field(default_factory=guid)  # of all its instances: object id
    client_id: str = dataclasses.field(default_factory=guid)

    @property
    def extensions(self) -> List[Json]:
        return ((self.model["properties"]["virtualMachineProfile"].get("extensionProfile") or {}).get("extensions")) or []

    @property
    def policy(self) -> Json:
        return self.model["properties"]["upgradePolicy"]


@dataclasses.dataclass
class Operation:
    id: str
    started: float
    status: str = "InProgress"
    error: Optional[Json] = None


# What follows from a request and from a report, without side effects


def split_secret(properties: Json) -> Tuple[Json, Any]:
    """What anybody may read, and the protected settings."""
    return {name: value for name, value in properties.items() if name != "protectedSettings"}, properties.get("protectedSettings")


def newest(versions: Iterable[str], wanted: str, minor: bool) -> Optional[str]:
    """The version that the platform picks for one like "1.0".  minor: a later minor version will do"""

    def numbers(version: str) -> List[int]:
        return [int(part) for part in version.split(".")]

    asked = numbers(wanted)
    fits = [version for version in versions
            if numbers(version)[:2] == asked[:2] or (minor and numbers(version)[0] == asked[0] and numbers(version) >= asked)]
    return max(fits, key=numbers, default=None)


def judge(resource: Resource, report: Optional[ExtensionStatus]) -> Optional[Tuple[str, Optional[Json]]]:
    """Provisioning state and error; None: the report does not tell yet.  The extension's own status comes first."""
    if report is None:
        return None
    if resource.has_settings and report.status is not None:
        if report.seq != resource.seq or report.status not in ("success", "error"):
            return None
        if report.status == "success":
            return "Succeeded", None
        text = (f"VM has reported a failure when processing extension '{resource.name}' (publisher "
                f"'{resource.properties['publisher']}' and type '{resource.properties['type']}'). "
                f'Error message: "{report.status_message}".\r\n\r\n{MORE}. ')
        return "Failed", {"code": "VMExtensionProvisioningError", "message": text}
    if report.handler == "Ready":
        return None if resource.has_settings else ("Succeeded", None)
    if report.handler != "NotReady":
        return None
    text = (f"The handler for VM extension type '{resource.handler}' has reported terminal failure for VM extension "
            f"'{resource.name}' with error message: '{report.message}'.\r\n    \r\n"
            f"'{VERBS.get(report.code, 'The')} handler failed for the extension. {MORE}'")
    return "Failed", {"code": "VMExtensionHandlerNonTransientError", "message": text}


def level(resource: Resource, others: Dict[str, Resource]) -> int:
    """How many others come before it, one after the other."""
    first = [others[name] for name in resource.properties.get("provisionAfterExtensions") or [] if name in others]
    return 1 + max(level(each, others) for each in first) if first else 0


def batches(instances: List[Any], percent: int) -> List[List[Any]]:
    """Of that many percent, but of one instance at the least."""
    size = max(1, len(instances) * percent // 100)
    return [instances[start : start + size] for start in range(0, len(instances), size)]


def breach(unhealthy: int, count: int, limit: int, after: bool) -> Optional[Json]:
    """The error of a rolling upgrade that may not go on.  after: count is of those that are upgraded, not of all"""
    share = math.ceil(100 * unhealthy / count) if count else 0
    if share <= limit:
        return None
    name = f"MaxUnhealthy{'Upgraded' if after else ''}InstancePercent"
    text = (f"Rolling Upgrade failed after exceeding the {name} value defined in the RollingUpgradePolicy. {share}% of "
            f"instances are in an unhealthy state{' after being upgraded' if after else ''} - more than the threshold of {limit}%.")
    return {"code": f"{name}ExceededInRollingUpgrade", "message": text}


# The state, and what changes it


class Compute:
    """Methods whose names end in _later run in a thread of their own; all others are called with the cloud's lock."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.scale_sets: Dict[str, ScaleSet] = {}
        self.operations: Dict[str, Operation] = {}
        self.journal: List[Json] = []  # what became of each extension that was written

    # One machine

    def write(self, vm: Vm, name: str, properties: Json) -> None:
        """Ask the machine for an extension."""
        public, protected = split_secret(properties)
        handler = f"{public.get('publisher')}.{public.get('type')}"
        wanted = str(public.get("typeHandlerVersion") or "1.0")
        version = newest(self.cloud.packages.get(handler, ()), wanted, bool(public.get("autoUpgradeMinorVersion")))
        if version is None:
            raise Refused(404, "ArtifactNotFound",
                          f"The VM extension with publisher '{public.get('publisher')}', type '{public.get('type')}' and type "
                          f"handler version '{wanted}' could not be found in the extension repository.")
        old = vm.resources.get(name)
        if old and old.handler != handler:
            raise Refused(400, "OperationNotAllowed", f"The extension '{name}' cannot become one of another type.")
        if any(other.handler == handler for other in vm.resources.values() if other is not old):
            raise Refused(409, "Conflict", f"Multiple VMExtensions per handler not supported. VMExtension of handler '{handler}' "
                          "already added or specified in input.")
        same = old and (old.properties, old.protected) == (public, protected)
        seq = (old.seq if same else old.seq + 1) if old else vm.next_seq.get(handler, 0)
        vm.next_seq[handler] = seq + 1
        vm.resources[name] = Resource(name, public, protected, version, seq, started=time.monotonic(),
                                      provisioning="Updating" if old else "Creating")

    def remove(self, vm: Vm, name: str) -> None:
        resource = vm.resources[name]
        resource.state, resource.provisioning, resource.started = "uninstall", "Deleting", time.monotonic()

    def push(self, vm: Vm) -> None:
        vm.goal_state([resource.goal(level(resource, vm.resources)) for resource in vm.resources.values()])

    def settle(self, vm: Vm) -> bool:
        """Take in what the agent reported; returns whether nothing is left to wait for."""
        pending = [resource for resource in vm.resources.values() if resource.provisioning.endswith("ing")]
        if not pending or not vm.settled():
            return not pending
        for resource in pending:
            report = vm.report_of(resource.handler)
            if resource.state == "uninstall" and report is None:
                del vm.resources[resource.name]
                self.note(vm, resource, "Deleted")
            elif judged := judge(resource, report):
                resource.provisioning, resource.wrong = judged
                self.note(vm, resource, resource.provisioning)
        return not any(resource.provisioning.endswith("ing") for resource in vm.resources.values())

    def note(self, vm: Vm, resource: Resource, end: str) -> None:
        self.journal.append({"vm": vm.name, "extension": resource.name, "version": resource.version, "end": end,
                             "seconds": time.monotonic() - resource.started, "wrong": resource.wrong})

    # Operations

    def start(self, act: Callable[[], Optional[Json]]) -> Operation:
        """act: returns the error with which it ends"""
        operation = Operation(str(uuid.uuid4()), time.time())
        self.operations[operation.id] = operation

        def run() -> None:
            error = act()
            with self.cloud.lock:
                operation.error, operation.status = error, "Failed" if error else "Succeeded"

        threading.Thread(target=run, daemon=True).start()
        return operation

    def wait_later(self, vms: List[Vm]) -> None:
        with self.cloud.changed:
            self.cloud.changed.wait_for(lambda: all([self.settle(vm) for vm in vms]))

    def settle_later(self, vm: Vm, name: str) -> Optional[Json]:
        self.wait_later([vm])
        with self.cloud.lock:
            resource = vm.resources.get(name)
            return resource.wrong if resource else None

    # Scale sets

    def write_scale_set(self, name: str, sent: Json) -> Operation:
        scale_set = self.put_model(name, sent)
        return self.start(lambda: self.upgrade_later(scale_set))

    def put_model(self, name: str, sent: Json) -> ScaleSet:
        """What no instance has yet."""
        old = self.scale_sets.get(name.lower())
        scale_set = ScaleSet(name, copy.deepcopy(sent))
        if old:
            scale_set = dataclasses.replace(old, model=scale_set.model, secrets=dict(old.secrets))
            profile = scale_set.model["properties"]["virtualMachineProfile"]
            kept = old.model["properties"]["virtualMachineProfile"]
            profile["storageProfile"] = {**kept.get("storageProfile", {}), **{
                key: value for key, value in profile.get("storageProfile", {}).items() if value is not None}}
        for extension in scale_set.extensions:
            extension["properties"], secret = split_secret(extension["properties"])
            if secret is not None:
                scale_set.secrets[extension["name"]] = secret
        self.scale_sets[name.lower()] = scale_set
        scale_set.provisioning = "Updating"
        return scale_set

    def join(self, vm: Vm, name: str) -> None:
        """One more instance, which has the model at once."""
        scale_set = self.scale_sets[name.lower()]
        vm.scale_set, vm.identity, vm.client_id = scale_set.name, scale_set.identity, scale_set.client_id
        scale_set.instances.append(vm)
        self.give(scale_set, [vm])
        threading.Thread(target=self.wait_later, args=([vm],), daemon=True).start()

    def give(self, scale_set: ScaleSet, vms: List[Vm]) -> None:
        """Bring instances to the model."""
        for vm in vms:
            names = {extension["name"] for extension in scale_set.extensions}
            for extension in scale_set.extensions:
                secret = scale_set.secrets.get(extension["name"])
                whole = {**extension["properties"], **({} if secret is None else {"protectedSettings": secret})}
                self.write(vm, extension["name"], whole)
            for name in set(vm.resources) - names:
                self.remove(vm, name)
            vm.model = scale_set.model
            self.push(vm)

    def upgrade_later(self, scale_set: ScaleSet) -> Optional[Json]:
        mode = scale_set.policy["mode"]
        error = {"Manual": lambda _: None, "Automatic": self.upgrade_at_once_later,
                 "Rolling": self.roll_later}[mode](scale_set)
        scale_set.provisioning = "Failed" if error else "Succeeded"
        return error

    def upgrade_at_once_later(self, scale_set: ScaleSet, vms: Optional[List[Vm]] = None) -> Optional[Json]:
        with self.cloud.lock:
            vms = scale_set.instances if vms is None else vms
            try:
                self.give(scale_set, vms)
            except Refused as error:
                return {"code": error.code, "message": str(error)}
        return self.failed_later(vms)

    def failed_later(self, vms: List[Vm]) -> Optional[Json]:
        """Waits for machines; the first error of their extensions."""
        self.wait_later(vms)
        with self.cloud.lock:
            return next((resource.wrong for vm in vms for resource in vm.resources.values() if resource.wrong), None)

    def is_healthy(self, vm: Vm) -> bool:
        """Nothing of it failed, and the probe is answered."""
        failed = any(resource.provisioning == "Failed" for resource in vm.resources.values())
        return not failed and (not vm.pid or network.answers(vm.pid, HEALTH_PORT, PROBE_TIMEOUT))

    def unhealthy(self, vms: List[Vm]) -> int:
        return sum(not self.is_healthy(vm) for vm in vms)

    def made_later(self, scale_set: ScaleSet) -> Optional[Json]:
        """Waits for the instances of a new one, which have its model."""
        error = self.failed_later(scale_set.instances)
        scale_set.provisioning = "Failed" if error else "Succeeded"
        return error

    def roll_later(self, scale_set: ScaleSet) -> Optional[Json]:
        """Batch by batch, as long as the policy lets it; an instance that fails does not stop it by itself."""
        rules = scale_set.policy["rollingUpgradePolicy"]
        every, upgraded = list(scale_set.instances), []
        scale_set.rolling = {"policy": rules, "batches": [], "error": None, "running": "RollingForward"}
        error = None
        for batch in batches(every, rules["maxBatchInstancePercent"]):
            error = breach(self.unhealthy(every), len(every), rules["maxUnhealthyInstancePercent"], after=False)
            if error:
                break
            started = time.monotonic()
            self.upgrade_at_once_later(scale_set, batch)
            upgraded += batch
            scale_set.rolling["batches"].append({"instances": [vm.name for vm in batch], "seconds": time.monotonic() - started})
            error = breach(self.unhealthy(upgraded), len(upgraded), rules["maxUnhealthyUpgradedInstancePercent"], after=True)
            if error:
                break
        scale_set.rolling.update(error=error, running="Faulted" if error else "Completed", failed=self.unhealthy(upgraded),
                                 upgraded=len(upgraded), pending=len(every) - len(upgraded))
        return error


# What is shown


def show_extension(vm: Vm, resource: Resource, view: bool = False) -> Json:
    properties = {**resource.properties, "provisioningState": resource.provisioning}
    if view:
        properties["instanceView"] = instance_view(vm, resource)
    return {"name": resource.name, "id": f"{vm.resource_id}/extensions/{resource.name}",
            "type": "Microsoft.Compute/virtualMachines/extensions", "location": REGION, "properties": properties}


def instance_view(vm: Vm, resource: Resource) -> Json:
    report = vm.report_of(resource.handler)
    shown: Json = {"name": resource.name, "type": resource.handler, "typeHandlerVersion": resource.version}
    message = (report.status_message or report.message) if report else ""
    shown["statuses"] = [status_of("ProvisioningState", resource.provisioning, message)]
    shown["substatuses"] = [
        status_of(f"ComponentStatus/{part['name']}", part["status"], part.get("formattedMessage", {}).get("message", ""))
        for part in (report.substatus if report else [])
    ]
    return shown


def status_of(kind: str, state: str, message: str) -> Json:
    level = {"error": "Error", "failed": "Error", "warning": "Warning"}.get(state.lower(), "Info")
    return {"code": f"{kind}/{state.lower()}", "level": level, "displayStatus": f"Provisioning {state.lower()}", "message": message}


def show_vm(cloud: Cloud, vm: Vm, view: bool) -> Json:
    properties: Json = {
        "vmId": vm.vm_id,
        "provisioningState": "Succeeded",
        "hardwareProfile": {"vmSize": "Standard_B1s"},
        "storageProfile": {"imageReference": {"publisher": "Debian", "offer": "debian-13", "sku": "13-gen2", "version": "latest"},
                           "osDisk": {"osType": "Linux", "createOption": "FromImage", "name": "disk"}, "dataDisks": []},
        "osProfile": {"computerName": vm.name, "linuxConfiguration": {"provisionVMAgent": True}},
        "networkProfile": {"networkInterfaces": []},
    }
    if view:
        properties["instanceView"] = {
            "extensions": [instance_view(vm, resource) for resource in vm.resources.values()],
            "statuses": [{"code": "PowerState/running", "level": "Info", "displayStatus": "VM running"}],
        }
    shown: Json = {"name": vm.resource_id.rpartition("/")[2], "id": vm.resource_id, "type": "Microsoft.Compute/virtualMachines",
                   "location": REGION, "properties": properties,
                   "resources": [show_extension(vm, resource) for resource in vm.resources.values()]}
    if vm.scale_set and not vm.is_uniform:
        scale_set = cloud.compute.scale_sets[vm.scale_set.lower()]
        properties["virtualMachineScaleSet"] = {"id": scale_set_id(cloud, scale_set.name)}
        shown["identity"] = scale_set.model["identity"]
    elif vm.identity_kind == "system-assigned":
        shown["identity"] = {"type": "SystemAssigned", "principalId": vm.identity, "tenantId": cloud.tenant}
    return shown


def show_scale_set(cloud: Cloud, scale_set: ScaleSet) -> Json:
    shown = copy.deepcopy(scale_set.model)
    shown.update(name=scale_set.name, id=scale_set_id(cloud, scale_set.name),
                 type="Microsoft.Compute/virtualMachineScaleSets", location=REGION)
    shown["properties"]["provisioningState"] = scale_set.provisioning
    if (scale_set.model.get("identity") or {}).get("type") == "SystemAssigned":
        shown["identity"] = {"type": "SystemAssigned", "principalId": scale_set.identity, "tenantId": cloud.tenant}
    shown.setdefault("sku", {"name": "Standard_B1s", "tier": "Standard"})["capacity"] = len(scale_set.instances)
    return shown


def scale_set_id(cloud: Cloud, name: str) -> str:
    return f"{cloud.group}/providers/Microsoft.Compute/virtualMachineScaleSets/{name}"


# Requests


def lookup(what: str, name: str, found: Any) -> Any:
    if found is None:
        raise Refused(404, "ResourceNotFound", f"The Resource 'Microsoft.Compute/{what}/{name}' under resource group 'lab' was not found.")
    return found


def vm_of(cloud: Cloud, name: str) -> Vm:
    found = {vm.name.lower(): vm for vm in cloud.vms.values() if not vm.is_uniform}.get(name.lower())
    return lookup("virtualMachines", name, found)


def scale_set_of(cloud: Cloud, name: str) -> ScaleSet:
    return lookup("virtualMachineScaleSets", name, cloud.compute.scale_sets.get(name.lower()))


def wants_view(request: Request) -> bool:
    return "instanceview" in request.query.get("$expand", "").lower()


def accepted(cloud: Cloud, request: Request, operation: Operation, status: int, body: Any = None) -> Response:
    at = (f"https://{ARM_HOST}/subscriptions/{cloud.subscription}/providers/Microsoft.Compute/locations/{REGION}/operations/"
          f"{operation.id}?api-version={request.query['api-version']}")
    response = Response.json(body, status) if body is not None else Response(status)
    headers = {"Azure-AsyncOperation": at, "Retry-After": RETRY_AFTER}
    if body is None:
        headers["Location"] = f"{at}&monitor=true"
    return dataclasses.replace(response, headers={**response.headers, **headers})


def get_vm(cloud: Cloud, request: Request, name: str) -> Response:
    return Response.json(show_vm(cloud, vm_of(cloud, name), wants_view(request)))


def list_vms(cloud: Cloud, request: Request) -> Response:
    return Response.json({"value": [show_vm(cloud, vm, False) for vm in cloud.vms.values() if not vm.is_uniform]})


def patch_vm(cloud: Cloud, request: Request, name: str) -> Response:
    vm, sent = vm_of(cloud, name), json.loads(request.body)
    if "identity" in sent:
        vm.set_identity("SystemAssigned" in sent["identity"]["type"])
    return Response.json(show_vm(cloud, vm, False))


def list_extensions(cloud: Cloud, request: Request, name: str) -> Response:
    vm = vm_of(cloud, name)
    return Response.json({"value": [show_extension(vm, resource) for resource in vm.resources.values()]})


def get_extension(cloud: Cloud, request: Request, name: str, extension: str) -> Response:
    vm = vm_of(cloud, name)
    resource = lookup("virtualMachines/extensions", extension, vm.resources.get(extension))
    return Response.json(show_extension(vm, resource, wants_view(request)))


def put_extension(cloud: Cloud, request: Request, name: str, extension: str) -> Response:
    vm, sent = vm_of(cloud, name), json.loads(request.body)
    cloud.sent.append({"path": request.path, "body": sent})
    is_new = extension not in vm.resources
    cloud.compute.write(vm, extension, sent["properties"])
    cloud.compute.push(vm)
    operation = cloud.compute.start(lambda: cloud.compute.settle_later(vm, extension))
    return accepted(cloud, request, operation, 201 if is_new else 200, show_extension(vm, vm.resources[extension]))


def delete_extension(cloud: Cloud, request: Request, name: str, extension: str) -> Response:
    vm = vm_of(cloud, name)
    if extension not in vm.resources:
        return Response(204)
    cloud.compute.remove(vm, extension)
    cloud.compute.push(vm)
    return accepted(cloud, request, cloud.compute.start(lambda: cloud.compute.settle_later(vm, extension)), 202)


def get_scale_set(cloud: Cloud, request: Request, name: str) -> Response:
    return Response.json(show_scale_set(cloud, scale_set_of(cloud, name)))


def list_scale_sets(cloud: Cloud, request: Request) -> Response:
    return Response.json({"value": [show_scale_set(cloud, scale_set) for scale_set in cloud.compute.scale_sets.values()]})


def put_scale_set(cloud: Cloud, request: Request, name: str) -> Response:
    sent = json.loads(request.body)
    cloud.sent.append({"path": request.path, "body": copy.deepcopy(sent)})
    is_new = name.lower() not in cloud.compute.scale_sets
    operation = cloud.compute.write_scale_set(name, sent)
    return accepted(cloud, request, operation, 201 if is_new else 200, show_scale_set(cloud, scale_set_of(cloud, name)))


def patch_scale_set(cloud: Cloud, request: Request, name: str) -> Response:
    """An identity reaches the instances as the upgrade policy has it."""
    scale_set, sent = scale_set_of(cloud, name), json.loads(request.body)
    if "identity" in sent:
        scale_set.model["identity"] = sent["identity"]
        for vm in scale_set.instances if scale_set.policy["mode"] != "Manual" else []:
            vm.set_identity(has_identity(scale_set))
    return Response.json(show_scale_set(cloud, scale_set))


def has_identity(scale_set: ScaleSet) -> bool:
    return "Assigned" in (scale_set.model.get("identity") or {}).get("type", "")


def update_instances(cloud: Cloud, request: Request, name: str) -> Response:
    scale_set, ids = scale_set_of(cloud, name), json.loads(request.body)["instanceIds"]
    vms = [vm for vm in scale_set.instances if ids == ["*"] or vm.resource_id.rpartition("/")[2] in ids]
    for vm in vms:
        vm.set_identity(has_identity(scale_set))
    return accepted(cloud, request, cloud.compute.start(lambda: cloud.compute.upgrade_at_once_later(scale_set, vms)), 202)


def list_instances(cloud: Cloud, request: Request, name: str) -> Response:
    scale_set = scale_set_of(cloud, name)
    shown = []
    for vm in scale_set.instances:
        one = show_vm(cloud, vm, wants_view(request))
        one.update(instanceId=one["name"], name=vm.name, type="Microsoft.Compute/virtualMachineScaleSets/virtualMachines")
        one["properties"]["latestModelApplied"] = vm.model is scale_set.model
        failed = any(resource.wrong for resource in vm.resources.values())
        busy = any(resource.provisioning.endswith("ing") for resource in vm.resources.values())
        one["properties"]["provisioningState"] = "Updating" if busy else "Failed" if failed else "Succeeded"
        shown.append(one)
    return page(cloud, request, shown)


def latest_upgrade(cloud: Cloud, request: Request, name: str) -> Response:
    scale_set = scale_set_of(cloud, name)
    rolling = lookup("virtualMachineScaleSets/rollingUpgrades", "latest", scale_set.rolling)
    failed, upgraded, pending = (rolling.get(key, 0) for key in ("failed", "upgraded", "pending"))
    properties = {"policy": rolling["policy"], "runningStatus": {"code": rolling["running"]}, "error": rolling["error"],
                  "progress": {"successfulInstanceCount": upgraded - failed, "failedInstanceCount": failed,
                               "inProgressInstanceCount": 0, "pendingInstanceCount": pending}}
    return Response.json({"name": "latest", "location": REGION, "properties": properties})


def get_operation(cloud: Cloud, request: Request, id: str) -> Response:
    operation = lookup("locations/operations", id, cloud.compute.operations.get(id))
    if "monitor" in request.query:
        return Response(202 if operation.status == "InProgress" else 204)
    shown: Json = {"name": operation.id, "status": operation.status, "startTime": "2026-01-01T00:00:00Z"}
    if operation.error:
        shown["error"] = operation.error
    headers = {"Retry_After": RETRY_AFTER} if operation.status == "InProgress" else {}
    return Response.json(shown, 200, **headers)


def handlers(cloud: Cloud) -> List[Tuple[str, str]]:
    """Publisher and type of what is published."""
    return [(name.rpartition(".")[0], name.rpartition(".")[2]) for name in cloud.packages]


def named(cloud: Cloud, at: str, names: Iterable[str]) -> Response:
    return Response.json([{"name": name, "location": REGION, "id": f"/subscriptions/{cloud.subscription}/{at}/{name}"} for name in names])


def list_publishers(cloud: Cloud, request: Request) -> Response:
    return named(cloud, "publishers", sorted({publisher for publisher, _ in handlers(cloud)}))


def list_types(cloud: Cloud, request: Request, publisher: str) -> Response:
    return named(cloud, "types", sorted(kind for found, kind in handlers(cloud) if found.lower() == publisher.lower()))


def list_versions(cloud: Cloud, request: Request, publisher: str, kind: str) -> Response:
    return named(cloud, "versions", cloud.packages.get(f"{publisher}.{kind}", ()))


def list_subscriptions(cloud: Cloud, request: Request) -> Response:
    return Response.json({"value": [{
        "id": f"/subscriptions/{cloud.subscription}", "subscriptionId": cloud.subscription, "tenantId": cloud.tenant,
        "displayName": "Lab", "state": "Enabled", "authorizationSource": "RoleBased", "managedByTenants": [],
        "subscriptionPolicies": {"spendingLimit": "Off", "quotaId": "Lab", "locationPlacementId": "Lab"},
    }]})


def list_tenants(cloud: Cloud, request: Request) -> Response:
    return Response.json({"value": [{"id": f"/tenants/{cloud.tenant}", "tenantId": cloud.tenant, "displayName": "Lab",
                                     "defaultDomain": "contoso.com", "tenantCategory": "Home", "tenantType": "AAD"}]})


COMPUTE = "Microsoft.Compute"
GROUP = r"/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\.Compute"
VM = rf"{GROUP}/virtualMachines/([^/]+)"
SCALE_SET = rf"{GROUP}/virtualMachineScaleSets/([^/]+)"
ALL = r"/subscriptions/[^/]+/providers/Microsoft\.Compute"
PLACE = rf"{ALL}/locations/[^/]+"
PUBLISHERS = rf"{PLACE}/publishers"

OPERATIONS: List[Operation] = [
    ("GET", "/subscriptions", "arm.subscriptions", "", list_subscriptions),
    ("GET", "/tenants", "arm.tenants", "", list_tenants),
    ("GET", rf"{PLACE}/operations/([^/]+)", "arm.operation", f"{COMPUTE}/locations/operations/read", get_operation),
    ("GET", PUBLISHERS, "arm.publishers", f"{COMPUTE}/locations/publishers/read", list_publishers),
    ("GET", rf"{PUBLISHERS}/([^/]+)/artifacttypes/vmextension/types", "arm.types", f"{COMPUTE}/locations/publishers/read", list_types),
    ("GET", rf"{PUBLISHERS}/([^/]+)/artifacttypes/vmextension/types/([^/]+)/versions", "arm.versions",
     f"{COMPUTE}/locations/publishers/read", list_versions),
    ("GET", rf"{ALL}/virtualMachines", "arm.vms", f"{COMPUTE}/virtualMachines/read", list_vms),
    ("GET", rf"{ALL}/virtualMachineScaleSets", "arm.scalesets", f"{COMPUTE}/virtualMachineScaleSets/read", list_scale_sets),
    ("GET", VM, "arm.vm", f"{COMPUTE}/virtualMachines/read", get_vm),
    ("PATCH", VM, "arm.vm", f"{COMPUTE}/virtualMachines/write", patch_vm),
    ("GET", rf"{VM}/extensions", "arm.extensions", f"{COMPUTE}/virtualMachines/extensions/read", list_extensions),
    ("GET", rf"{VM}/extensions/([^/]+)", "arm.extension", f"{COMPUTE}/virtualMachines/extensions/read", get_extension),
    ("PUT", rf"{VM}/extensions/([^/]+)", "arm.extension", f"{COMPUTE}/virtualMachines/extensions/write", put_extension),
    ("DELETE", rf"{VM}/extensions/([^/]+)", "arm.extension", f"{COMPUTE}/virtualMachines/extensions/delete", delete_extension),
    ("GET", SCALE_SET, "arm.scaleset", f"{COMPUTE}/virtualMachineScaleSets/read", get_scale_set),
    ("PATCH", SCALE_SET, "arm.scaleset", f"{COMPUTE}/virtualMachineScaleSets/write", patch_scale_set),
    ("PUT", SCALE_SET, "arm.scaleset", f"{COMPUTE}/virtualMachineScaleSets/write", put_scale_set),
    ("POST", rf"{SCALE_SET}/manualupgrade", "arm.scaleset", f"{COMPUTE}/virtualMachineScaleSets/manualUpgrade/action", update_instances),
    ("GET", rf"{SCALE_SET}/virtualMachines", "arm.instances", f"{COMPUTE}/virtualMachineScaleSets/virtualMachines/read", list_instances),
    ("GET", rf"{SCALE_SET}/rollingUpgrades/latest", "arm.rolling", f"{COMPUTE}/virtualMachineScaleSets/rollingUpgrades/read", latest_upgrade),
]

site = serving(OPERATIONS)
