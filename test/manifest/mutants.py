# SPDX-License-Identifier: MIT
"""Do the rows see a change?  Each leaf of a policy's rule, and of a template's resources, is changed or taken away; some row
must then fail, or the comparison with Bicep or Terraform.  EQUAL and SAME list what may change unseen, and why."""

from typing import Any, Iterator, List, Optional, Tuple

from manifest import languages, policies, terraform
from manifest.expr import Unknown
from manifest.rows import AZURE, SAMPLES, Rows, change, find, load
from manifest.templates import TEMPLATES, deployed, wrong

# Ends of paths, and why a change there changes nothing that is evaluated here.
EQUAL = {
    "evaluationDelay": "when Azure looks, not at what",
    "contentVersion": "for people",
    "apiVersion": "by the schemas",
    "description": "for people; that of templates is compared with Bicep's",
    **dict.fromkeys(("displayName", "message", "version", "category", "metadata"), "for people"),
}
OS_NAME = "only machines of Arc have an alias osName"
SAME = {"aadsshlogin-arc: properties/policyRule/if/allOf/0 is gone": OS_NAME,
        "aadsshlogin-role: properties/policyRule/if/allOf/1/anyOf/1/allOf/0 is gone": OS_NAME}


def leaves(value: Any, path: str) -> Iterator[Tuple[str, Any]]:
    """Paths, and what is put there instead; None takes away."""
    if isinstance(value, (dict, list)):
        members = value.items() if isinstance(value, dict) else enumerate(value)
        for key, each in members:
            yield f"{path}/{key}", None
            yield from leaves(each, f"{path}/{key}")
    elif isinstance(value, bool):
        yield path, not value
    elif isinstance(value, int):
        yield path, value + 1
    elif isinstance(value, str):
        yield path, value + "x"


def mutants(whole: Any, path: str) -> Iterator[Tuple[str, Any]]:
    for where, instead in leaves(find(whole, path), path):
        if where.split("/")[-1] not in EQUAL:
            TRIED.append(f"{where} {'is gone' if instead is None else f'is {instead!r}'}")
            yield TRIED[-1], change(whole, where, instead)


TRIED: List[str] = []


def _fails(check: Any) -> bool:
    try:
        return bool(check())
    except (Unknown, LookupError, TypeError, AttributeError):  # these end the test, too
        return True


def unseen_policy(sample: Any, name: str, definition: Any) -> List[str]:
    rows = [row for row in sample["rows"] if row["policy"] == name]
    return [what for what, mutant in mutants(definition, "properties/policyRule")
            if not any(_fails(lambda: policies.wrong({**row, "definition": mutant}, sample["resources"], None))
                       for row in rows)]


def unseen_template(sample: Any, name: str, template: Any) -> List[str]:
    rows = [row for row in sample["rows"] if row["template"] == name and "refused" not in row]
    bicep = (languages.BICEP / f"{name}.bicep").read_text()
    hcl = (terraform.FOLDER / name / "main.tf").read_text()
    checks = (lambda row, mutant: wrong(row, deployed(sample, row, mutant)),
              lambda row, mutant: languages.compare(sample, row, mutant, bicep),
              lambda row, mutant: terraform.compare(sample, row, mutant, hcl))
    return [what for part in ("resources", "outputs") if part in template
            for what, mutant in mutants(template, part)
            if not any(_fails(lambda: check(row, mutant)) for row in rows for check in checks)]


def unseen_initiative(sample: Any, name: str, templates: Any) -> List[str]:
    definitions = {path.stem: load(path) for path in policies.DEFINITIONS.glob("*.json")}
    return [what for what, mutant in mutants(templates[name], "resources")
            if not any(_fails(row) for _, row in
                       policies.initiative_rows(sample, definitions, {**templates, name: mutant}))]


def play(rows: Rows, _: Optional[Any]) -> None:
    sample = load(SAMPLES / "policies.json")
    for path in sorted(policies.DEFINITIONS.glob("*.json")):
        rows.play("files whose mutants are all seen", path.stem, lambda: [what for what in unseen_policy(sample, path.stem, load(path))
                                                 if f"{path.stem}: {what}" not in SAME])
    templates = {name: load(AZURE / f"policy/{name}.json") for name in ("initiative", "assignment")}
    for name in templates:
        rows.play("files whose mutants are all seen", name, lambda: unseen_initiative(sample, name, templates))
    sample = load(SAMPLES / "templates.json")
    for path in TEMPLATES:
        rows.play("files whose mutants are all seen", f"{AZURE.name}/{path.stem}", lambda: unseen_template(sample, path.stem, load(path)))
    print(f"{len(TRIED):5} mutants")
