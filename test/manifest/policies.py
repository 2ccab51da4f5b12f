# SPDX-License-Identifier: MIT
"""manifest/azure/policy, row by row: samples/policies.json.

"resources" are samples, by name; "based" on another one, with changes by path (null takes away).  A row says what state each
resource has for a definition and its parameters.  Where the state is "not compliant", the remedy is played too: what
DeployIfNotExists makes must satisfy the definition, be allowed to its roles, and be valid; what Modify makes must
satisfy it.  "deploys" says what is in it.  Rows of "broken" change a definition, and must be refused or give another state.
"""

import re
import subprocess
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple

from manifest.expr import Expressions, Unknown
from manifest.policy import COMPLIANT, FORBIDDEN, NON_COMPLIANT, NOT_APPLICABLE, Rule, check_parameter
from manifest.rows import AZURE, SAMPLES, Rows, change, differences, find, load
from manifest.schema import Schemas
from manifest.template import MANAGEMENT_GROUP, SUBSCRIPTION, Place, evaluate, group_id, principal_of

DEFINITIONS = AZURE / "policy/definitions"
GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
STATES = {NOT_APPLICABLE, COMPLIANT, NON_COMPLIANT}


def resource_of(samples: Dict, name: str) -> Dict:
    about = samples[name]
    if "based" not in about:
        return {**about, "id": f"{group_id('rg-linux')}/providers/{about['id']}"}
    resource = resource_of(samples, about["based"])
    for path, value in about.get("changes", {}).items():
        resource = change(resource, path, value)
    return resource


def related(samples: Dict, names: List[str]) -> List[Dict]:
    return [resource_of(samples, name) for name in names]


def permitted(rule: Rule, resources: List[Dict]) -> List[str]:
    """Who remedies may do that, make a deployment of it, and no more."""
    roles = rule.roles()
    writes = [role for role in roles if any(each["type"].startswith(role.kinds) for each in resources)]
    lines = [f"no role writes {each['type']}" for each in resources
             if not any(each["type"].startswith(role.kinds) for role in writes)]
    makes = [role for role in writes if role.deploys] or [role for role in roles if role.deploys]
    if rule.effect != "DeployIfNotExists":
        makes = []
    elif not makes:
        lines.append("no role makes deployments")
    return lines + [f"{role.name} is not for it" for role in roles if role not in writes + makes]


def platform_adds(made: Dict) -> Dict:
    """What is there when a resource has been made."""
    scope, provider, _ = made["id"].rpartition("/providers/Microsoft.Authorization/roleAssignments/")
    return change(made, "properties/scope", scope) if provider else change(made, "properties/provisioningState", "Succeeded")


def remedied(rule: Rule, others: List[Dict], row: Dict, schemas: Optional[Schemas]) -> List[str]:
    """What is wrong with the remedy of a resource that is not compliant."""
    if rule.effect == "Modify":
        after = Rule(row["definition"], row.get("parameters", {}), rule.modify())
        lines = differences(after.resource, row.get("modifies", {})) + permitted(rule, [rule.resource])
        return lines + ([] if after.state(others) != NON_COMPLIANT else ["what Modify makes is not compliant"])
    if rule.effect != "DeployIfNotExists":
        return []
    made = rule.deploy(Place()).resources
    template = rule.rule["then"]["details"]["deployment"]["properties"]["template"]
    lines = [f"{len(made)} resources"] if len(made) != 1 else differences(made[0], row.get("deploys", {}))
    lines += permitted(rule, made)
    there = [platform_adds(each) for each in made]
    lines += [] if rule.state(others + there) == COMPLIANT else ["what is deployed does not satisfy the policy"]
    if not schemas:
        return lines
    return lines + schemas.template(template) + [line for each in made for line in schemas.resource(each)]


def wrong(row: Dict, samples: Dict, schemas: Optional[Schemas]) -> List[str]:
    rule = Rule(row["definition"], row.get("parameters", {}), resource_of(samples, row["resource"]))
    others = related(samples, row.get("others", []))
    state = rule.state(others)
    if row["state"] not in STATES:
        raise Unknown(f"the state {row['state']!r}")
    if state != row["state"]:
        return [f"is {state}"]
    rule.roles()
    return remedied(rule, others, row, schemas) if state == NON_COMPLIANT else []


def state_of(row: Dict, samples: Dict, definition: Any) -> str:
    rule = Rule(definition, row.get("parameters", {}), resource_of(samples, row["resource"]))
    state = rule.state(related(samples, row.get("others", [])))
    if state != row["state"]:
        raise Unknown(f"is {state}")
    lines = remedied(rule, [], {**row, "definition": definition}, None) if state == NON_COMPLIANT else []
    if lines:
        raise Unknown("; ".join(lines))
    return state


# ---- the initiative, which names definitions and hands parameters on


def initiative(template: Dict) -> Dict:
    result = evaluate(template, {}, Place())
    if [each["id"] for each in result.resources] != [result.outputs["initiativeId"]] \
            or result.resources[0]["properties"]["policyType"] != "Custom":
        raise Unknown("the initiative is not what its output says, or not custom")
    return result.resources[0]["properties"]


def references(properties: Dict, definitions: Dict[str, Any], scope: str) -> List[str]:
    lines = []
    names = [each["policyDefinitionId"].split("/")[-1] for each in properties["policyDefinitions"]]
    if sorted(names) != sorted(definitions):
        lines.append(f"refers to {sorted(names)}, there are {sorted(definitions)}")
    for name, each in zip(names, properties["policyDefinitions"]):
        prefix = f"{scope}/providers/Microsoft.Authorization/policyDefinitions/"
        lines += [] if each["policyDefinitionId"] == prefix + name else [f"{each['policyDefinitionId']}"]
        lines += handed_on(name, each["parameters"], properties["parameters"], definitions.get(name, {}))
    return lines


def handed(each: Dict, values: Dict[str, Any]) -> Any:
    """A value of an initiative's reference, with these parameters of the initiative."""
    def parameter(name: str) -> Any:
        if name not in values:
            raise Unknown(f"the initiative has no parameter {name!r}")
        return values[name]
    return Expressions({"parameters": parameter}, FORBIDDEN).value(each["value"])


# What the initiative does not hand on: the audit of scale sets without identity has one effect.
NOT_HANDED = {"aadsshlogin-identity-vmss": {"effect"}}
# What it does not hand on as it is.
CHANGED = {"effect", "settings"}


def handed_on(name: str, parameters: Dict, own: Dict, definition: Dict) -> List[str]:
    """Each parameter of the policy, by its name, with the same default; and with each value that the initiative's may have."""
    declared, lines = find(definition, "properties/parameters") or {}, []
    if set(parameters) != set(declared) - NOT_HANDED.get(name, set()):
        lines.append(f"{name}: gets {sorted(parameters)}")
    lines += [f"{name}: another {key} of {each}" for each in declared if each in own for key in ("type", "defaultValue")
              if own[each][key] != declared[each][key]]
    defaults = {each: about["defaultValue"] for each, about in own.items()}
    tries = [defaults] + [{**defaults, each: value} for each, about in own.items()
                          for value in about.get("allowedValues", [])]
    for values in tries:
        for parameter, each in parameters.items():
            try:
                value = check_parameter(parameter, declared.get(parameter, {}), handed(each, values))
                lines += [] if parameter in CHANGED or value == values[parameter] else [f"{name}: {parameter} is {value!r}"]
            except (KeyError, Unknown) as error:
                lines.append(f"{name}: {parameter} is {each['value']}: {error}")
    if "effect" in parameters:
        effects = {handed(parameters["effect"], values) for values in tries}
        lines += [] if effects == set(declared["effect"]["allowedValues"]) else [f"{name}: effects {sorted(effects)}"]
    return lines


def assigned(given: Dict, templates: Dict[str, Any]) -> Dict[str, Dict]:
    """Parameters of each definition when assignment.json is deployed with these."""
    own = initiative(templates["initiative"])
    made = evaluate(templates["assignment"], given, Place()).resources[0]
    assignment = made["properties"]
    if assignment["policyDefinitionId"] != evaluate(templates["initiative"], {}, Place()).outputs["initiativeId"] \
            or made["identity"] != {"type": "SystemAssigned"} or assignment["enforcementMode"] != "Default" \
            or made["location"] != Place().location or not assignment["nonComplianceMessages"][0]["message"]:
        raise Unknown("the assignment is not of the initiative, has no identity, does not enforce, or says nothing")
    values = {name: check_parameter(name, about, assignment["parameters"].get(name, {}).get(
        "value", about.get("defaultValue"))) for name, about in own["parameters"].items()}
    if set(assignment["parameters"]) - set(values):
        raise Unknown(f"{sorted(assignment['parameters'])} are not the initiative's")
    return {each["policyDefinitionReferenceId"]: {
        name: handed(value, values) for name, value in each["parameters"].items()}
        for each in own["policyDefinitions"]}


def assignment_row(row: Dict, sample: Dict, definitions: Dict[str, Any], templates: Dict[str, Any]) -> List[str]:
    given = assigned(row.get("given", {}), templates)
    wanted = {**row, "definition": definitions[row["policy"]], "parameters": given[row["policy"]]}
    if given[row["policy"]].get("effect") != row.get("effect"):
        return [f"the effect is {given[row['policy']].get('effect')}"]
    return wrong(wanted, sample["resources"], None)


def granted_row(row: Dict, templates: Dict[str, Any], scope: str) -> List[str]:
    """To the assignment's own identity, in the whole subscription or management group."""
    made = evaluate(templates["assignment"], row["given"], Place()).resources
    got = [each["properties"]["roleDefinitionId"] for each in made[1:]]
    prefix = f"{scope}/providers/Microsoft.Authorization/"
    builtin = "/providers/Microsoft.Authorization/roleDefinitions/"
    lines = [] if got == [f"{builtin}{role}" for role in row["roles"]] else [f"grants {got}"]
    identity = principal_of(made[0]["id"])
    lines += differences(made[-1], row.get("last", {})) + [f"{each['name']} is no GUID" for each in made[1:]
                                                           if not GUID.fullmatch(each["name"])]
    return lines + [line for each in made[1:] for line in differences(each, {
        "properties/principalId": identity, "properties/principalType": "ServicePrincipal",
        "id": f"{prefix}roleAssignments/{each['name']}"})]


def initiative_rows(sample: Dict, definitions: Dict[str, Any], templates: Dict[str, Any],
                    scope: str = f"/subscriptions/{SUBSCRIPTION}") -> List[Tuple[str, Callable]]:
    first = ("names all definitions, and hands on what they take",
             lambda: references(initiative(templates["initiative"]), definitions, scope))
    return [first] + [
        (row["name"], lambda row=row: assignment_row(row, sample, definitions, templates)) for row in sample["assigned"]] + [
        (row["name"], lambda row=row: granted_row(row, templates, scope)) for row in sample["granted"]]


def for_management_group(path: Path) -> Any:
    """What the page's command makes of a template."""
    return load(path, subprocess.run(["sed", "-f", str(path.parent / "management-group.sed"), str(path)], check=True,
                                     stdout=subprocess.PIPE, text=True).stdout)


def play_initiative(rows: Rows, sample: Dict, definitions: Dict[str, Any], schemas: Optional[Schemas]) -> None:
    templates = {name: load(AZURE / f"policy/{name}.json") for name in ("initiative", "assignment")}
    above = {name: for_management_group(AZURE / f"policy/{name}.json") for name in templates}
    for name, row in initiative_rows(sample, definitions, templates):
        rows.play("initiative", name, row)
    for name, row in initiative_rows(sample, definitions, above, MANAGEMENT_GROUP):
        rows.play("initiative of a management group", name, row)
    rows.refused("initiative of a management group", "as it stands, of a subscription", "subscription",
                 lambda: evaluate({**above["initiative"], "parameters": templates["initiative"]["parameters"]}, {}, Place()))
    for name, template in templates.items() if schemas else ():
        rows.play("initiative by the schemas", name, lambda: schemas.template(template) + [
            line for given in ({}, {"remediate": True, "assignRoles": True, "roleReaderId": "/subscriptions/s/r"}) if name == "assignment" or not given
            for each in evaluate(template, given, Place()).resources for line in schemas.resource(each)])


def play(rows: Rows, schemas: Optional[Schemas]) -> None:
    sample = load(SAMPLES / "policies.json")
    definitions = {path.stem: load(path) for path in sorted(DEFINITIONS.glob("*.json"))}
    for name, definition in definitions.items():
        states = {row["state"] for row in sample["rows"] if row["policy"] == name}
        rows.play("policies", f"{name}: has rows of each state",
                  lambda: [] if states == STATES else [f"only {sorted(states)}"])
        if schemas:
            rows.play("policies by the schemas", name, lambda: schemas.policy({**definition, "name": name}))
    for row in sample["rows"]:
        name = f"{row['policy']}: {row['name']}"
        full = {**row, "definition": definitions[row["policy"]]}
        rows.play("policies", name, lambda: wrong(full, sample["resources"], schemas))
    for row in sample["broken"]:
        definition = change(definitions[row["policy"]], "properties/policyRule/" + row["at"], row["to"])
        name = f"{row['policy']}: {row['name']}"
        if "refused" in row:
            rows.refused("broken policies", name, row["refused"],
                         lambda: state_of(row, sample["resources"], definition))
        if schemas and "invalid" in row:
            rows.refused("broken policies by the schemas", name, row["invalid"],
                         lambda: refusing(schemas, {**definition, "name": row["policy"]}))
    play_initiative(rows, sample, definitions, schemas)


def refusing(schemas: Schemas, definition: Dict) -> None:
    lines = schemas.policy(definition)
    if lines:
        raise Unknown("; ".join(lines))
