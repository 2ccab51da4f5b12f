# SPDX-License-Identifier: MIT
"""manifest/azure/arm, row by row: samples/templates.json.

A row gives parameters, and what is there already (world), by ids below the resource group.  It says what
is made: by id (makes), how many of each kind (kinds), or in the template's order what is at some paths (each) and where
(below); null is "not there".  Rows of "broken" change a template and must be refused: when it is evaluated (refused), or by
the schemas (invalid).
"""

from typing import Any, Dict, List, Optional

from manifest.expr import Unknown
from manifest.rows import AZURE, SAMPLES, Rows, change, differences, load
from manifest.schema import Schemas
from manifest.template import SUBSCRIPTION, Place, Result, evaluate, group_id

TEMPLATES = sorted((AZURE / "arm").glob("*.json"))


def place(world: Dict[str, Dict]) -> Place:
    return Place(world={f"{group_id('rg-linux')}/providers/{name}".lower(): each for name, each in world.items()})


def where(name: str) -> str:
    if name.startswith("/providers/"):
        return group_id("rg-linux") + name
    return f"/subscriptions/{SUBSCRIPTION}/providers{name}" if name.startswith("/") else \
        f"{group_id('rg-linux')}/providers/{name}"


def deployed(sample: Dict, row: Dict, template: Any) -> Result:
    given = {**sample["given"][row["template"]], **row.get("given", {})}
    return evaluate(template, given, place({**sample["world"], **row.get("world", {})}))


def wrong(row: Dict, result: Result) -> List[str]:
    ids = [each["id"] for each in result.resources]
    lines = []
    if "makes" in row:
        lines += [f"made {ids}"] if ids != [where(name) for name in row["makes"]] else []
        for resource, wanted in zip(result.resources, row["makes"].values()):
            lines += differences(resource, wanted)
    if "kinds" in row:
        kinds = [each["type"] for each in result.resources]
        got = {kind: kinds.count(kind) for kind in kinds}
        lines += [f"kinds are {got}"] if got != row["kinds"] else []
    if "each" in row:
        lines += [f"made {ids}"] if len(ids) != len(row["each"]) else []
        for resource, wanted in zip(result.resources, row["each"]):
            lines += differences(resource, wanted)
    for have, wanted in zip(ids, row.get("below", [])):
        lines += [] if have.startswith(where(wanted)) else [f"{have} is not below {wanted}"]
    return lines + differences(result.outputs, row.get("outputs", {}))


def invalid(schemas: Schemas, template: Any, result: Optional[Result]) -> List[str]:
    resources = [each for each in result.resources] if result else []
    return schemas.template(template) + [f"{each['id']}: {line}" for each in resources
                                         for line in schemas.resource(each)]


def refusing(schemas: Schemas, sample: Dict, row: Dict, template: Any) -> None:
    """Raises what the schemas say."""
    lines = schemas.template(template)
    lines = lines or invalid(schemas, template, deployed(sample, row, template))
    if lines:
        raise Unknown("; ".join(lines))


def play(rows: Rows, schemas: Optional[Schemas]) -> None:
    sample = load(SAMPLES / "templates.json")
    templates = {path.stem: load(path) for path in TEMPLATES}
    for name in {*templates} - {row["template"] for row in sample["rows"]}:
        rows.play("templates", name, lambda: ["no row of samples/templates.json deploys it"])
    for row in sample["rows"]:
        template, name = templates[row["template"]], row["name"]
        if "refused" in row:
            rows.refused("templates", name, row["refused"], lambda: deployed(sample, row, template))
            continue
        rows.play("templates", name, lambda: wrong(row, deployed(sample, row, template)))
        if schemas:
            rows.play("templates by the schemas", name,
                      lambda: invalid(schemas, template, deployed(sample, row, template)))
    for row in sample["broken"]:
        template = change(templates[row["template"]], row["at"], row["to"])
        if "refused" in row:
            rows.refused("broken templates", row["name"], row["refused"], lambda: deployed(sample, row, template))
        if schemas and "invalid" in row:
            rows.refused("broken templates by the schemas", row["name"], row["invalid"],
                         lambda: refusing(schemas, sample, row, template))
