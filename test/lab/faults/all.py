# SPDX-License-Identifier: MIT
"""All that can go wrong, part by part, and the sum of what was tried and what was lost.

usage: all.py [--build DIR] [--sample] [--only PART] [--list]    as root; exit status 1 if anything is lost

Each part is a lab of its own, faults/PART.py.  They wait more than they work, so two play at a time; each line begins
with the part that says it.
"""

import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Dict, List, NamedTuple

sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parents[2] / "fakes")]

from lab import rows  # noqa: E402
from lab.faults.tally import Tally, table  # noqa: E402


class Part(NamedTuple):
    name: str  # of its file
    what: str

    @property
    def title(self) -> str:
        return f"{self.name}: {self.what}"


AT_ONCE = 2

# Those that take longest come first.
PARTS: List[Part] = [
    Part("kills", "each verb killed wherever that makes a difference, and power loss"),
    Part("hostile", "links, pipes, devices and files of others where the product reads and writes"),
    Part("drift", "what owners do to the files that the product has lines in"),
    Part("agentview", "what the guest agent does to the extension"),
    Part("fails", "the world fails under a verb"),
    Part("errors", "each verb with a system call that fails"),
    Part("together", "many handlers, many first logins"),
]


def play(part: Part, build: Path, sample: bool, folder: Path, parts: Path = Path(__file__).parent) -> "tuple[Tally, List[str]]":
    """What the part counted, and what is wrong with it.  folder: for its counts; parts: where its file is"""
    counts, tally = folder / f"{part.name}.json", Tally()
    argv = [sys.executable, "-u", str(parts / f"{part.name}.py"), "--build", str(build), "--counts", str(counts)]
    with subprocess.Popen([*argv, "--sample"] if sample else argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace") as process:
        for line in process.stdout or ():
            print(f"{part.name:10}{line}", end="", flush=True)
    code = process.returncode
    wrong = [f"{part.name} ended with {code}"] if code else []
    try:
        tally.include(counts)
    except (OSError, ValueError) as error:
        wrong.append(f"{part.name}: {error}")
    return tally, wrong + [f"{part.name} lost {tally.lost}"] * bool(tally.lost)


def main() -> int:
    parser = rows.options(__doc__, "where the extension's zip is", "the part of it that ./bootstrap check plays")
    arguments = parser.parse_args()
    chosen = rows.choose(parser, arguments, PARTS, lambda _: True)
    tallies: Dict[str, Tally] = {}
    wrong: List[str] = []
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            played = pool.map(lambda part: play(part, arguments.build, arguments.sample, Path(folder)), chosen)
        for part, (tally, found) in zip(chosen, played):
            tallies[part.name] = tally
            wrong += found
    print(*table(tallies), *(f"broken: {line}" for line in wrong), sep="\n")
    print(f"the faults took {time.monotonic() - started:.0f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
