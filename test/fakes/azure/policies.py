# SPDX-License-Identifier: MIT
"""
Azure Policy: definitions, initiatives and their assignments are kept; test/manifest evaluates the rules over the machines that
are there.  A remediation deploys what the rule says, in the name of the assignment's identity, and with its rights alone.
Nothing happens when a resource is written: Deny, Modify and DeployIfNotExists are played by remediations only.

Source: Microsoft.Authorization, api-version 2021-06-01; Microsoft.PolicyInsights, 2021-10-01 (remediations) and
2019-10-01 (states).
"""

import json
import re
import threading
from typing import Dict, List

from azure.arm import assignment
from azure.cloud import Cloud, covers
from azure.compute import Json, instance_view, vm_of
from azure.deployments import SCOPE, deploy_later, machines, place
from azure.http import Request, Response
from azure.operations import Operation, Refused, serving
from manifest.expr import Unknown
from manifest.policies import handed
from manifest.policy import NON_COMPLIANT, Rule, check_parameter

INSIGHTS = "/providers/Microsoft.PolicyInsights"
REMEDIES = ("DeployIfNotExists", "Modify")
COUNT, COUNT_MAX = 500, 50000  # resources of one remediation: what it takes by default, and at most
ASSIGNING = "Microsoft.Authorization/roleAssignments"
# The one condition of an assignment that is understood here: who has it writes assignments of that role to such principals.
CONDITION = (f"((!(ActionMatches{{'{ASSIGNING}/write'}})) OR (@Request[{ASSIGNING}:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {{ROLE}} "
             f"AND @Request[{ASSIGNING}:PrincipalType] ForAnyOfAnyValues:StringEqualsIgnoreCase {{'KIND'}})) AND ")
DELEGATED = re.compile(re.escape(CONDITION).replace("ROLE", "([-0-9a-f]{36})").replace("KIND", r"(\w+)") + ".*")


# What the rules see


def children(cloud: Cloud, machine: Json) -> List[Json]:
    """The extensions of a machine or of a scale set's model."""
    if "resources" in machine:
        return machine["resources"]
    if machine["type"] == "Microsoft.HybridCompute/machines":
        return [{"id": f"{machine['id']}/extensions/{each.name}", "type": f"{machine['type']}/extensions", "name": each.name,
                 "properties": {**each.properties, "provisioningState": each.provisioning,
                                "instanceView": {"status": instance_view(cloud.vm, each)["statuses"][0]}}}
                for each in cloud.vm.resources.values()]
    profile = machine["properties"]["virtualMachineProfile"].get("extensionProfile") or {}
    state = machine["properties"]["provisioningState"]
    return [{"id": f"{machine['id']}/extensions/{each['name']}", "type": f"{machine['type']}/extensions", "name": each["name"],
             "properties": {**each["properties"], "provisioningState": state}} for each in profile.get("extensions") or []]


def related(cloud: Cloud, machine: Json) -> List[Json]:
    """Its extensions, and the role assignments at its resource group, above it and below it."""
    group = "/".join(machine["id"].split("/")[:5])
    return children(cloud, machine) + [assignment(cloud, item) for item in cloud.assignments
                                       if covers(item.scope, group) or covers(group, item.scope)]


def rule_of(cloud: Cloud, assigned: Json, reference: str, machine: Json) -> Rule:
    """The definition that an initiative names so, with the assignment's parameters."""
    initiative = cloud.kept[assigned["properties"]["policyDefinitionId"].lower()]["properties"]
    (one,) = [each for each in initiative["policyDefinitions"] if each["policyDefinitionReferenceId"] == reference]
    given = {name: each["value"] for name, each in assigned["properties"].get("parameters", {}).items()}
    values = {name: check_parameter(name, about, given.get(name, about.get("defaultValue")))
              for name, about in initiative["parameters"].items()}
    parameters = {name: handed(each, values) for name, each in one["parameters"].items()}
    return Rule(cloud.kept[one["policyDefinitionId"].lower()], parameters, machine)


def references(cloud: Cloud, assigned: Json) -> List[str]:
    initiative = cloud.kept[assigned["properties"]["policyDefinitionId"].lower()]["properties"]
    return [each["policyDefinitionReferenceId"] for each in initiative["policyDefinitions"]]


# What a remediation does


def may(cloud: Cloud, oid: str, action: str, where: str) -> None:
    if not cloud.allowed(oid, action, where, data=False):
        raise Refused(403, "AuthorizationFailed", f"The client with object id '{oid}' does not have authorization to perform action "
                      f"'{action}' over scope '{where}'.")


def may_write(cloud: Cloud, oid: str, resource: Json) -> None:
    """As the roles have it; to assign a role, a condition of theirs may have it too."""
    for item in cloud.assignments if resource["type"] == ASSIGNING else []:
        found = DELEGATED.fullmatch(item.condition or "")
        properties = resource["properties"]
        if item.principal == oid and covers(item.scope, resource["id"]) and found and (found[1], found[2].lower()) == (
                properties["roleDefinitionId"].rpartition("/")[2].lower(), properties["principalType"].lower()):
            return
    may(cloud, oid, f"{resource['type']}/write", resource["id"])


def remedy(cloud: Cloud, rule: Rule, machine: Json, oid: str) -> List[Json]:
    """With the cloud's lock: what there is to be deployed."""
    if rule.effect == "Modify":
        may_write(cloud, oid, machine)
        vm_of(cloud, machine["name"]).set_identity("SystemAssigned" in rule.modify()["identity"]["type"])
        return []
    resources = rule.deploy(place(cloud, "")).resources
    may(cloud, oid, "Microsoft.Resources/deployments/write", machine["id"])
    for resource in resources:
        may_write(cloud, oid, resource)
    return resources


def resource_count(properties: Json) -> int:
    count = properties.get("resourceCount", COUNT)
    if not isinstance(count, int) or not 1 <= count <= COUNT_MAX:
        raise Refused(400, "InvalidCreateRemediationRequest", f"The resource count {count!r} is not from 1 to {COUNT_MAX}.")
    return count


def remedy_later(cloud: Cloud, shown: Json, assigned: Json) -> None:
    properties = shown["properties"]
    for machine in machines(cloud):
        if len(shown["deployments"]) == properties["resourceCount"]:
            break
        try:
            with cloud.lock:
                rule = rule_of(cloud, assigned, properties["policyDefinitionReferenceId"], machine)
                if rule.state(related(cloud, machine)) != NON_COMPLIANT:
                    continue
                resources = remedy(cloud, rule, machine, assigned["identity"]["principalId"])
            error = deploy_later(cloud, {"properties": {}}, resources)
        except (Refused, Unknown) as refused:
            error = {"code": getattr(refused, "code", "InvalidTemplate"), "message": str(refused)}
        cloud.kept[shown["id"].lower()]["deployments"].append({
            "remediatedResourceId": machine["id"], "status": "Failed" if error else "Succeeded", "error": error,
            "resourceLocation": machine["location"]})
    done = [each["status"] for each in shown["deployments"]]
    properties["deploymentStatus"] = {"totalDeployments": len(done), "successfulDeployments": done.count("Succeeded"),
                                      "failedDeployments": done.count("Failed")}
    properties["provisioningState"] = "Failed" if "Failed" in done else "Succeeded"


# Requests


def put_definition(cloud: Cloud, request: Request, name: str) -> Response:
    sent = json.loads(request.body)
    cloud.kept[request.path.lower()] = shown = {
        "id": request.path, "name": name, "type": "Microsoft.Authorization/policyDefinitions", "properties": sent["properties"]}
    return Response.json(shown, 201)


def list_assignments(cloud: Cloud, request: Request) -> Response:
    return Response.json({"value": [each for each in cloud.kept.values() if each["type"] == "Microsoft.Authorization/policyAssignments"]})


def put_remediation(cloud: Cloud, request: Request, name: str) -> Response:
    sent = json.loads(request.body)["properties"]
    assigned, reference = cloud.kept[sent["policyAssignmentId"].lower()], sent["policyDefinitionReferenceId"]
    if reference not in references(cloud, assigned):
        raise Refused(400, "InvalidCreateRemediationRequest", f"The initiative has no definition '{reference}'.")
    effects = {rule_of(cloud, assigned, reference, machine).effect for machine in machines(cloud)}
    if not effects & set(REMEDIES):
        raise Refused(400, "InvalidCreateRemediationRequest", f"The effect of '{reference}' is {sorted(effects)}: there is no remedy.")
    shown = {"id": request.path, "name": name, "type": "Microsoft.PolicyInsights/remediations", "deployments": [],
             "properties": {**sent, "resourceCount": resource_count(sent), "provisioningState": "Evaluating"}}
    cloud.kept[request.path.lower()] = shown
    threading.Thread(target=remedy_later, args=(cloud, shown, assigned), daemon=True).start()
    return Response.json(shown, 201)


def list_deployments(cloud: Cloud, request: Request, name: str) -> Response:
    return Response.json({"value": cloud.kept[request.path.lower().removesuffix("/listdeployments")]["deployments"]})


def summarize(cloud: Cloud, request: Request, name: str) -> Response:
    assigned = cloud.kept[request.path.lower().partition("/providers/microsoft.policyinsights/")[0]]
    states: Dict[str, List[str]] = {}
    for reference in references(cloud, assigned):
        for machine in machines(cloud):
            for each in [machine, *children(cloud, machine)]:
                state = rule_of(cloud, assigned, reference, each).state(related(cloud, machine))
                if state == NON_COMPLIANT:
                    states.setdefault(reference, []).append(each["id"])
    results = {"nonCompliantResources": len({each for ids in states.values() for each in ids}), "nonCompliantPolicies": len(states)}
    definitions = [{"policyDefinitionReferenceId": reference, "results": {"nonCompliantResources": len(ids)}}
                   for reference, ids in states.items()]
    return Response.json({"value": [{"results": results, "policyAssignments": [
        {"policyAssignmentId": assigned["id"], "results": results, "policyDefinitions": definitions}]}]})


AUTHORIZATION = rf"(?:{SCOPE})/providers/Microsoft\.Authorization"
REMEDIATION = rf"/subscriptions/[^/]+{re.escape(INSIGHTS)}/remediations/([^/]+)"
STATES = rf"{AUTHORIZATION}/policyAssignments/([^/]+){re.escape(INSIGHTS)}/policyStates/latest"

OPERATIONS: List[Operation] = [
    ("PUT", rf"{AUTHORIZATION}/policyDefinitions/([^/]+)", "arm.policy", "Microsoft.Authorization/policyDefinitions/write", put_definition),
    ("GET", rf"{AUTHORIZATION}/policyAssignments", "arm.policy", "Microsoft.Authorization/policyAssignments/read", list_assignments),
    ("PUT", REMEDIATION, "arm.policy", "Microsoft.PolicyInsights/remediations/write", put_remediation),
    ("POST", rf"{REMEDIATION}/listDeployments", "arm.policy", "Microsoft.PolicyInsights/remediations/listDeployments/read", list_deployments),
    ("POST", rf"{STATES}/summarize", "arm.policy", "Microsoft.PolicyInsights/policyStates/summarize/read", summarize),
]

site = serving(OPERATIONS)
