# SPDX-License-Identifier: MIT
"""What owners do to the files that the product has lines in: shapes as they are met in the field, and changes meanwhile.

usage: drift.py [--build DIR] [--sample] [--list] [--only TEXT] [--counts FILE]    as root; exit status 1 if something is lost
"""

import argparse
import sys
from pathlib import Path
from typing import Any, List

sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parents[2] / "fakes")]

from lab.faults import configured, drifted, drifts, shapes  # noqa: E402
from lab.faults.tally import Tally, lead, options  # noqa: E402
from lab.teller import Teller  # noqa: E402


def play(arguments: argparse.Namespace, chosen: List[Any], tell: Teller, tally: Tally) -> None:
    with configured.Configured(arguments.build, tally) as lab:
        for shape in [row for row in chosen if isinstance(row, shapes.Shape)]:
            with tell.step(shape.title):
                configured.play(lab, shape)
        with drifted.Owned(lab) as owned:
            for drift in [row for row in chosen if isinstance(row, drifted.Drift)]:
                with tell.step(drift.title):
                    drifted.play(owned, drift)


if __name__ == "__main__":
    sys.exit(lead(options(__doc__), "what owners do", [*shapes.ROWS, *drifts.ROWS], play))
