# SPDX-License-Identifier: MIT
"""
What the parts of check-faults counted: of each kind, how many were tried and how many of them were lost.

    tally = Tally()
    with tally.trial(CONVERGED):
        ...                              # raises: lost
    tally.add(CONFIGURATIONS, 40)
    tally.write(arguments.counts)

The file is a JSON object: {"runs converged": {"tried": 812, "lost": 0}, ...}.
"""

import argparse
import json
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence

from lab import rows
from lab.teller import Teller

# The names, in the order of the table.  A part that counts something else adds its name here.
KILLED = "points killed"
LOST_POWER = "writes ordered for power loss"
FAILED = "calls failed"
WORLDS = "failing worlds"
CONFIGURATIONS = "configurations tried"
DISGUISED = "hostile files"
CONVERGED = "runs converged"
RESTORED = "machines restored"
ADMITTED = "local users let in"
TOLD = "statuses told the truth"
TOGETHER = "runs at the same time"
NAMES = (KILLED, LOST_POWER, FAILED, WORLDS, CONFIGURATIONS, DISGUISED, CONVERGED, RESTORED, ADMITTED, TOLD, TOGETHER)


class Count(NamedTuple):
    tried: int
    lost: int


class Tally:
    """May be counted by several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Dict[str, Count] = {}

    @property
    def counts(self) -> Dict[str, Count]:
        """In the order of the table."""
        return {name: self._counts[name] for name in NAMES if name in self._counts}

    def add(self, name: str, tried: int = 1, lost: int = 0) -> None:
        """ValueError: no such name, or more lost than tried."""
        if name not in NAMES or not 0 <= lost <= tried:
            raise ValueError(f"{name}: {tried} tried, {lost} lost")
        with self._lock:
            before = self._counts.get(name, Count(0, 0))
            self._counts[name] = Count(before.tried + tried, before.lost + lost)

    @contextmanager
    def trial(self, name: str) -> Iterator[None]:
        """One that was tried: lost when the body raises, which is passed on."""
        try:
            yield
        except BaseException:
            self.add(name, lost=1)
            raise
        self.add(name)

    def write(self, path: Optional[Path]) -> None:
        if path:
            whole = {name: count._asdict() for name, count in self.counts.items()}
            path.write_text(json.dumps(whole, indent=1) + "\n", encoding="ascii")

    def include(self, path: Path) -> None:
        """Add what a part wrote.  OSError, ValueError: it wrote nothing, or something else, or counted nothing."""
        whole = json.loads(path.read_text(encoding="ascii"))
        if not isinstance(whole, dict) or not whole:
            raise ValueError(f"{path.name} has no counts")
        for name, count in whole.items():
            if not isinstance(count, dict) or not all(type(count.get(field)) is int for field in Count._fields):
                raise ValueError(f"{path.name}: {name} is no count")
            self.add(name, count["tried"], count["lost"])

    @property
    def lost(self) -> int:
        return sum(count.lost for count in self._counts.values())


def table(parts: Dict[str, Tally]) -> Iterable[str]:
    """A line a name, a column a part, and the sums."""
    total = Tally()
    for tally in parts.values():
        for name, count in tally.counts.items():
            total.add(name, *count)

    def line(title: str, cells: List[str]) -> str:
        return f"{title:32}" + "".join(f"{cell:>14}" for cell in cells)

    yield line("tried (lost)", [*parts, "all"])
    for name in total.counts:
        found = [tally.counts.get(name) for tally in (*parts.values(), total)]
        yield line(name, [f"{count.tried} ({count.lost})" if count else "-" for count in found])


def options(doc: Optional[str], sample: str = "what ./bootstrap check plays") -> argparse.ArgumentParser:
    """The options of a part: those of rows.py, and where its counts go."""
    parser = rows.options(doc, "where the extension's zip is", sample)
    parser.add_argument("--counts", type=Path, help="where to write what was tried and lost, as JSON")
    return parser


def lead(parser: argparse.ArgumentParser, name: str, table: Sequence[Any],
         play: Callable[[argparse.Namespace, List[Any], Teller, Tally], None]) -> int:
    """A part's main function: the chosen rows are played, and counted.  Returns the exit status."""
    arguments = parser.parse_args()
    chosen = rows.choose(parser, arguments, table, lambda row: row.sample)
    tell, tally = Teller(chapters=False), Tally()
    play(arguments, chosen, tell, tally)
    tally.write(arguments.counts)
    return tell.summary(name)
