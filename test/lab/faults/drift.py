# SPDX-License-Identifier: MIT
"""What owners do to the files that the product has lines in: shapes as they are met in the field, and changes meanwhile.

usage: drift.py [--build DIR] [--sample] [--list] [--only TEXT] [--counts FILE]    as root; exit status 1 if something is lost
"""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parents[2] / "fakes")]

from lab import rows  # noqa: E402
from lab.faults import configured, drifted, drifts, shapes  # noqa: E402
from lab.faults.tally import Tally, options  # noqa: E402
from lab.teller import Teller  # noqa: E402


def main() -> int:
    parser = options(__doc__)
    arguments = parser.parse_args()
    chosen = rows.choose(parser, arguments, [*shapes.ROWS, *drifts.ROWS], lambda row: row.sample)
    tell, tally = Teller(chapters=False), Tally()
    with configured.Configured(arguments.build, tally) as lab:
        for shape in [row for row in chosen if isinstance(row, shapes.Shape)]:
            with tell.step(shape.title):
                configured.play(lab, shape)
        with drifted.Owned(lab) as owned:
            for drift in [row for row in chosen if isinstance(row, drifted.Drift)]:
                with tell.step(drift.title):
                    drifted.play(owned, drift)
    tally.write(arguments.counts)
    return tell.summary("what owners do")


if __name__ == "__main__":
    sys.exit(main())
