# SPDX-License-Identifier: MIT
"""What every row of the bench is made of: contestants that take turns, their numbers, and the table.

Those that are compared run in turns of a few runs each, so that whatever else the machine does hits
all of them.
"""

import dataclasses
import json
import statistics
from typing import Callable, Dict, List, Optional, Sequence

SAMPLES = 200  # the least that a median is taken of
ROUNDS = 20
UNITS = {"ms": 1e6, "us": 1e3, "s": 1e9}  # nanoseconds


class NotMeasured(Exception):
    """Why a number is missing."""


@dataclasses.dataclass
class Turn:
    """What one turn of a contestant gave."""

    ns: List[float]
    peak_kb: int = 0


@dataclasses.dataclass
class Contestant:
    """
    Something that can be measured.
    take:     measure so many runs; raises NotMeasured unless every run did what it must
    requests: what it asked of others by now, by kind
    """

    name: str
    take: Callable[[int], Turn]
    requests: Optional[Callable[[], Dict[str, int]]] = None
    note: str = ""
    ns: List[float] = dataclasses.field(default_factory=list)
    peak_kb: int = 0
    asked: Dict[str, int] = dataclasses.field(default_factory=dict)
    why: str = ""  # it could not be measured

    def turn(self, runs: int) -> None:
        before = self.requests() if self.requests else {}
        try:
            got = self.take(runs)
        except NotMeasured as error:
            self.why = str(error)
            return
        after = self.requests() if self.requests else {}
        for kind, count in after.items():
            self.asked[kind] = self.asked.get(kind, 0) + count - before.get(kind, 0)
        self.ns += got.ns
        self.peak_kb = max(self.peak_kb, got.peak_kb)


@dataclasses.dataclass
class Measure:
    """One line of the table."""

    name: str
    value: Optional[float] = None  # the median
    low: Optional[float] = None  # the tenth part of the runs took at most this: what a busy machine blurs least
    unit: str = ""
    peak_kb: Optional[int] = None
    requests: Optional[Dict[str, float]] = None  # a run
    runs: int = 0
    note: str = ""
    why: str = ""


@dataclasses.dataclass
class Row:
    """What is asked for, what it is here, and what others need beside it."""

    what: str
    ours: Measure
    target: Optional[float] = None
    target_kb: Optional[int] = None
    beside: List[Measure] = dataclasses.field(default_factory=list)


def measure(contestant: Contestant, unit: str) -> Measure:
    if contestant.why:
        return Measure(contestant.name, unit=unit, note=contestant.note, why=contestant.why)
    runs = len(contestant.ns)
    asked = None
    if contestant.requests:
        asked = {kind: round(count / runs, 2) for kind, count in contestant.asked.items() if count}
    return Measure(
        contestant.name,
        statistics.median(contestant.ns) / UNITS[unit],
        sorted(contestant.ns)[runs // 10] / UNITS[unit],
        unit,
        contestant.peak_kb or None,
        asked,
        runs,
        contestant.note,
    )


def race(contestants: Sequence[Contestant], rounds: int = ROUNDS, samples: int = SAMPLES) -> None:
    """Let all take turns until each has its samples; who fails drops out."""
    per_turn = -(-samples // rounds)
    for _ in range(rounds):
        for contestant in contestants:
            if not contestant.why:
                contestant.turn(per_turn)


def without(name: str, error: object) -> Measure:
    return Measure(name, why=str(error))


def text_of(value: Optional[float], unit: str) -> str:
    if value is None:
        return "-"
    digits = 0 if unit == "KB" else 1 if value >= 100 else 2 if value >= 1 else 3
    return f"{value:.{digits}f} {unit}".rstrip()


def ratio(value: Optional[float], other: Optional[float]) -> str:
    return f"{value / other:.2f}" if value is not None and other else "-"


def asked_text(asked: Optional[Dict[str, float]]) -> str:
    if asked is None:
        return "-"
    return ", ".join(f"{kind} {count:g}" for kind, count in sorted(asked.items())) or "0"


def cells(first: str, line: Measure, target: str, against: str) -> List[str]:
    if line.why:
        return [first, "not measured", "", target, "", "", "", line.why]
    peak = "-" if line.peak_kb is None else f"{line.peak_kb / 1024:.1f} MB"
    low = text_of(line.low, line.unit)
    return [first, text_of(line.value, line.unit), low, target, against, peak, asked_text(line.requests), line.note]


HEADING = ["what", "median", "low", "target", "ratio", "peak", "requests a run", "notes"]


def lines_of(row: Row) -> List[List[str]]:
    """The row's own ratio is to its target; that of those beside it says how many of ours they take."""
    target = "-" if row.target is None else f"<= {text_of(row.target, row.ours.unit)}"
    if row.target_kb is not None:
        target += f", {row.target_kb / 1024:.1f} MB"
    found = [cells(row.what, row.ours, target, ratio(row.ours.value, row.target))]
    for other in row.beside:
        found.append(cells(f"  {other.name}", other, "", ratio(other.value, row.ours.value) + " x"))
    return found


def table(rows: Sequence[Row]) -> str:
    lines = [HEADING] + [line for row in rows for line in lines_of(row)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADING) - 1)]
    return "\n".join(
        "  ".join([cell.ljust(width) for cell, width in zip(line, widths)] + [line[-1]]).rstrip() for line in lines
    )


def as_json(kind: str, rows: Sequence[Row]) -> str:
    return json.dumps({"programs": kind, "rows": [dataclasses.asdict(row) for row in rows]}, indent=2)
