# SPDX-License-Identifier: MIT
"""
Which rows of its table a lab plays: the options that these labs have in common.

    parser = rows.options(__doc__, "where the extension's zip is")
    arguments = parser.parse_args()
    chosen = rows.choose(parser, arguments, ROWS, lambda row: row.sample)
"""

import argparse
from pathlib import Path
from typing import Any, Callable, List, Optional, Sequence


def options(doc: Optional[str], build: str, sample: str = "the rows that ./bootstrap check plays") -> argparse.ArgumentParser:
    """doc: of the lab, whose first line says what it is; build, sample: what these options mean"""
    parser = argparse.ArgumentParser(description=(doc or "").partition("\n")[0])
    parser.add_argument("--build", type=Path, default=Path("build"), help=build)
    parser.add_argument("--list", action="store_true", help="only print the rows")
    parser.add_argument("--only", default="", help="rows whose title holds this text")
    parser.add_argument("--sample", action="store_true", help=sample)
    return parser


def choose(parser: argparse.ArgumentParser, arguments: argparse.Namespace, table: Sequence[Any],
           is_sample: Callable[[Any], bool]) -> List[Any]:
    """Ends the program when the rows are only to be printed, or when there are none."""
    chosen = [row for row in table if arguments.only in row.title and (is_sample(row) or not arguments.sample)]
    if not chosen:
        parser.error(f"no row's title holds {arguments.only}")
    if arguments.list:
        for number, row in enumerate(chosen, 1):
            print(f"{number:3d}  {row.title}")
        parser.exit()
    return chosen
