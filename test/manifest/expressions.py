# SPDX-License-Identifier: MIT
"""The evaluator itself: functions and operators, each with a row, and what must be refused (samples/expressions.json)."""

from typing import Any

from manifest.expr import LAZY, PLAIN, Expressions
from manifest.policy import OPERATORS
from manifest.rows import SAMPLES, Rows, load


def play(rows: Rows, _: Any) -> None:
    sample = load(SAMPLES / "expressions.json")
    evaluate = Expressions({}).value
    for text, wanted in sample["values"]:
        rows.play("expressions", text, lambda: [] if evaluate(text) == wanted else [f"is {evaluate(text)!r}"])
    for text, because in sample["refused"]:
        rows.refused("expressions", text, because, lambda: evaluate(text))
    for name in {*PLAIN, *LAZY}:
        rows.play("expressions", f"{name}() has a row",
                  lambda: [] if any(f"{name}(" in text.lower() for text, _ in sample["values"]) else ["none"])
    for operator, value, other, wanted in sample["operators"]:
        rows.play("operators", f"{value!r} {operator} {other!r}",
                  lambda: [] if OPERATORS[operator](value, other) is wanted else [f"is not {wanted}"])
    for operator, value, other, because in sample["operators refused"]:
        rows.refused("operators", f"{value!r} {operator} {other!r}", because,
                     lambda: OPERATORS[operator](value, other))
    tested = {row[0] for row in sample["operators"]}
    rows.play("operators", "each has a row", lambda: [f"{each} has none" for each in sorted({*OPERATORS} - tested)])
