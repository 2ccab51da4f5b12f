# SPDX-License-Identifier: MIT
"""manifest/azure/queries: no Resource Graph is here to run them.  That they begin with a table, use operators and functions that it
has, and close what they open, can be seen; and README.md names each."""

import re
from typing import Any, List

from manifest.expr import Unknown
from manifest.rows import AZURE, Rows

TABLES = {"resources", "policyresources"}
OPERATORS = {"where", "extend", "project", "summarize", "join", "order", "mv-expand"}
FUNCTIONS = {"tolower", "coalesce", "tostring", "substring", "indexof", "case", "isempty", "isnotempty", "isnull", "iff", "not", "count",
             "dcount", "make_list", "in~"}
KINDS = ("microsoft.compute/virtualmachines/extensions'", "microsoft.hybridcompute/machines/extensions'", "microsoft.compute/virtualmachinescalesets'")
PAIRS = {")": "(", "]": "["}


def wrong(text: str) -> List[str]:
    text = re.sub(r"^\s*//.*\n", "", text, flags=re.M)
    bare = re.sub(r"'[^'\n]*'", "''", text)
    lines, opened = [], []
    for mark in re.findall(r"[()\[\]]", bare):
        if mark in PAIRS.values():
            opened.append(mark)
        elif not opened or opened.pop() != PAIRS[mark]:
            lines.append(f"{mark} closes nothing")
    lines += [f"{mark} is not closed" for mark in opened]
    lines += ["a quote is not closed"] if bare.count("'") % 2 else []
    tables = re.findall(r"(?:^|\(\n\s*)(\w+)\n", bare)
    lines += [f"the table {each}" for each in tables if each not in TABLES] or ([] if tables else ["no table"])
    lines += [f"the operator {each}" for each in re.findall(r"\|\s*([\w-]+)", bare) if each not in OPERATORS]
    lines += [f"the function {each}" for each in re.findall(r"([\w~]+)\(", bare) if each not in FUNCTIONS]
    return lines


def refusing(text: str) -> None:
    if wrong(text):
        raise Unknown("; ".join(wrong(text)))


def play(rows: Rows, _: Any) -> None:
    page = (AZURE / "README.md").read_text()
    for path in sorted((AZURE / "queries").glob("*")):
        rows.play("queries", path.name, lambda: [] if f"`{path.name}`" in page else ["README.md does not name it"])
        if path.suffix == ".kql":
            rows.play("queries", path.name, lambda: wrong(path.read_text()))
            rows.play("queries", f"{path.name}: can be read page by page",
                      lambda: [] if re.search(r"\n\| order by [^|]*$", path.read_text()) else ["it does not end with an order"])
    for name in ("coverage", "state"):
        text = (AZURE / f"queries/{name}.kql").read_text()
        rows.play("queries", f"{name}.kql: of machines, Arc and models of scale sets", lambda: [
            kind for kind in KINDS if f"'{kind}" not in text] + ([] if "extensionProfile.extensions) contains" in text else ["no model"]))
    for path in sorted((AZURE / "policy/definitions").glob("*.json")):
        rows.play("queries", f"README.md names {path.stem}",
                  lambda: [] if f"`{path.stem}`" in page else ["it does not"])
    good = (AZURE / "queries/state.kql").read_text()
    for name, old, new, because in (("a parenthesis", "resources\n| where type in~ (", "resources\n| where type in~ ", "closes"),
                                    ("a quote", "~ 'Succeeded'", "~ 'Succeeded", "quote"),
                                    ("a table", "resources\n", "resource\n", "table"),
                                    ("an operator", "| where state", "| filter state", "operator"),
                                    ("a function", "substring(", "substr(", "function")):
        rows.refused("broken queries", name, because, lambda: refusing(good.replace(old, new)))
