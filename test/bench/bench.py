#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How long it takes, how much memory it needs and whom it asks: medians, beside what others package.

It runs on machines of the lab and touches nothing of this one.  No number fails it: it ends with 1
only if something of ours could not be measured.

usage: bench.py [--build DIR] [--programs DIR] [--only GROUP] [--json]
"""

import argparse
import sys
import traceback
from functools import partial
from pathlib import Path
from typing import Callable, Dict, List

HERE = Path(__file__).resolve()
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parents[1] / "fakes")]

import extension  # noqa: E402
import keys  # noqa: E402
import logins  # noqa: E402
import names  # noqa: E402
import pam  # noqa: E402
from frame import Measure, Row, as_json, table  # noqa: E402
from machines import Place, kind_of  # noqa: E402
from peers import Peers  # noqa: E402

# In this order, since the rows of names leave many accounts behind.
GROUPS: Dict[str, Callable[[Place, Peers], List[Row]]] = {
    "keys": keys.rows,
    "pam": pam.rows,
    "logins": logins.rows,
    "names": names.rows,
}
EXTENSION = "extension"  # on a machine of its own


def run(group: str, measured: Callable[[], List[Row]]) -> List[Row]:
    print(f"bench: measuring {group}", file=sys.stderr)
    try:
        return measured()
    except Exception as error:  # the other groups can still be measured
        traceback.print_exc()
        return [Row(group, Measure(group, why=str(error).splitlines()[0][:160]))]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--build", type=Path, default=Path("build"), help="where the packages and test/bench are")
    parser.add_argument("--programs", type=Path, help="a folder with the aadsshlogin (and modules) and the zip to measure instead")
    parser.add_argument("--only", choices=[*GROUPS, EXTENSION], action="append", help="measure this group of rows alone")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    chosen = arguments.only or [*GROUPS, EXTENSION]
    kind = kind_of((arguments.programs or arguments.build) / "aadsshlogin")
    rows: List[Row] = []
    if set(chosen) & GROUPS.keys():
        with Place(arguments.build, arguments.programs) as place, Peers(arguments.build, names.USERS) as peers:
            for group in [group for group in GROUPS if group in chosen]:
                rows += run(group, partial(GROUPS[group], place, peers))
    if EXTENSION in chosen:
        rows += run(EXTENSION, partial(extension.rows, arguments.build, arguments.programs or arguments.build))
    print(as_json(kind, rows) if arguments.json else f"the programs are {kind}\n\n{table(rows)}")
    return 1 if any(row.ours.why for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
