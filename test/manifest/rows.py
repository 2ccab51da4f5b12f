# SPDX-License-Identifier: MIT
"""Rows of samples/*.json: where the files are, what a path into JSON finds, and one line a row."""

import copy
import json
import re
import sys
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

from manifest.expr import Unknown

TOP = Path(__file__).resolve().parents[2]
AZURE = TOP / "manifest/azure"
SAMPLES = Path(__file__).resolve().parent / "samples"


def load(path: Path, text: Optional[str] = None) -> Any:
    """JSON of a file, or of what became of its text, in which a member that is there twice is an error: only the last would count."""
    def members(pairs: List) -> Dict:
        if len({name for name, _ in pairs}) != len(pairs):
            raise Unknown(f"{path}: a member is there twice: {[name for name, _ in pairs]}")
        return dict(pairs)
    return json.loads(path.read_text() if text is None else text, object_pairs_hook=members)


def find(value: Any, path: str) -> Any:
    """What is at a/b/0/c; None where there is nothing."""
    for part in path.split("/"):
        if isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        elif isinstance(value, dict) and part in value:
            value = value[part]
        else:
            return None
    return value


def change(value: Any, path: str, to: Any) -> Any:
    """A copy with another value at a path, or without it when that is None.  The path must be there, but for its end."""
    changed = copy.deepcopy(value)
    *way, last = path.split("/")
    inner = find(changed, "/".join(way)) if way else changed
    if not isinstance(inner, (dict, list)):
        raise Unknown(f"nothing at {path}")
    key = int(last) if isinstance(inner, list) else last
    if to is None:
        del inner[key]
    else:
        inner[key] = to
    return changed


class Rows:
    """Counts and prints: one line for each row that does not hold, one for each kind in the end."""

    def __init__(self) -> None:
        self.failed = 0
        self.counts: Dict[str, int] = {}

    def play(self, kind: str, name: str, row: Callable[[], List[str]]) -> None:
        self.counts[kind] = self.counts.get(kind, 0) + 1
        try:
            wrong = row()
        except Unknown as error:
            wrong = [f"refused: {error}"]
        for line in wrong[:5]:
            print(f"FAIL [{kind}] {name}: {line}")
        self.failed += bool(wrong)

    def refused(self, kind: str, name: str, because: str, row: Callable[[], Any]) -> None:
        """A row that must be refused, for that reason."""
        def play() -> List[str]:
            try:
                got = row()
            except Unknown as error:
                return [] if re.search(because, str(error)) else [f"refused, but not for {because!r}: {error}"]
            return [f"not refused: {got!r}"[:300]]
        self.play(kind, name, play)

    def end(self) -> None:
        for kind, count in self.counts.items():
            print(f"{count:5} {kind}")
        print(f"{sum(self.counts.values()) - self.failed} passed, {self.failed} failed")
        sys.exit(1 if self.failed else 0)


def differences(got: Any, wanted: Dict[str, Any]) -> List[str]:
    return [f"{path} is {find(got, path)!r}, not {value!r}" for path, value in wanted.items()
            if find(got, path) != value]
