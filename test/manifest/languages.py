# SPDX-License-Identifier: MIT
"""manifest/azure/bicep is the same as manifest/azure/arm: with the parameters of each row of samples/templates.json both make the
same resources, wait for the same ones and have the same outputs, and their parameters are the same."""

from typing import Any, Dict, List

from manifest.bicep import compiled
from manifest.expr import Unknown
from manifest.rows import AZURE, SAMPLES, Rows, load
from manifest.template import Result
from manifest.templates import TEMPLATES, deployed

BICEP = AZURE / "bicep"


def unlike(one: Result, other: Result) -> List[str]:
    def ordered(result: Result) -> Dict[str, Any]:
        return {each["id"]: each for each in result.resources}
    lines = [f"{name}: {ordered(one).get(name)} is not {ordered(other).get(name)}"
             for name in {*ordered(one), *ordered(other)} if ordered(one).get(name) != ordered(other).get(name)]
    lines += [] if one.outputs == other.outputs else [f"outputs {one.outputs} are not {other.outputs}"]
    return lines + ([] if one.after == other.after else [f"waits {one.after} are not {other.after}"])


def parameters(one: Dict, other: Dict) -> List[str]:
    def about(each: Dict) -> Dict:
        return {name: {key: value for key, value in parameter.items() if key != "defaultValue"}
                for name, parameter in each["parameters"].items()}
    same = [(name, about(one).get(name), about(other).get(name)) for name in {*about(one), *about(other)}]
    return [f"the parameter {name}: {first} is not {second}" for name, first, second in same if first != second]


def compare(sample: Dict, row: Dict, template: Dict, text: str) -> List[str]:
    same = compiled(text)
    return parameters(same, template) + unlike(deployed(sample, row, same), deployed(sample, row, template))


def refusing(sample: Dict, rows: List[Dict], template: Dict, text: str) -> None:
    lines = [line for row in rows for line in compare(sample, row, template, text)]
    if lines:
        raise Unknown("; ".join(lines))


def play(rows: Rows, _: Any) -> None:
    sample = load(SAMPLES / "templates.json")
    rows.play("Bicep", "is there for each template", lambda: [
        name for name in {path.stem for path in TEMPLATES} ^ {path.stem for path in BICEP.glob("*.bicep")}])
    texts = {path.stem: path.read_text() for path in sorted(BICEP.glob("*.bicep"))}
    for row in sample["rows"]:
        template = load(AZURE / f"arm/{row['template']}.json")
        if "refused" in row:
            rows.refused("Bicep", row["name"], row["refused"],
                         lambda: deployed(sample, row, compiled(texts[row["template"]])))
        else:
            rows.play("Bicep", row["name"], lambda: compare(sample, row, template, texts[row["template"]]))
    for row in load(SAMPLES / "languages.json")["bicep"]:
        text = texts[row["template"]].replace(row["instead of"], row["there is"])
        template = load(AZURE / f"arm/{row['template']}.json")
        same = [each for each in sample["rows"] if each["template"] == row["template"] and "refused" not in each]
        rows.refused("broken Bicep", row["name"], row["refused"], lambda: refusing(sample, same, template, text))
