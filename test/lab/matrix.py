# SPDX-License-Identifier: MIT
"""Who gets in and who does not, row by row, through a real sshd: refused.py and admitted.py have the rows.

usage: matrix.py [--build DIR] [--list] [--only TEXT] [--long]    as root; exit status 1 if a row does not hold
"""

import argparse
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import List

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[1] / "fakes")]

from lab import admitted, refused  # noqa: E402
from lab.host import Host  # noqa: E402
from lab.refused import Case  # noqa: E402
from lab.teller import Teller  # noqa: E402

AT_ONCE = 6


def prepare(host: Host) -> None:
    """Keys, tenants, configuration and sshds that the rows are about."""
    azure = host.azure
    azure.new_signer("stranger")
    azure.new_signer("small", bits=1024)
    azure.new_signer("exponent3", exponent=3)
    for label in {*refused.TENANTS, *admitted.TENANTS}:
        host.tenants[label] = azure.add_tenant(refused.SMALL_KEYS if label == "small" else ["tenant1", "tenant2"])
    host.start_main_sshd()
    host.configure(allowed_tenants=" ".join(host.tenants.values()))
    for port, (lines, before) in {**refused.VARIANTS, **admitted.VARIANTS}.items():
        host.start_sshd(port, *lines, before=before)


def play(tell: Teller, host: Host, cases: List[Case]) -> None:
    """Those that wait for a deadline come first, those that need the machine for themselves last, one after the other."""
    def step(case: Case) -> None:
        with tell.step(case.title):
            case.play(host)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(step, sorted((case for case in cases if not case.alone), key=lambda case: not case.slow)))
    for case in cases:
        if case.alone:
            step(case)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--build", type=Path, default=Path("build"), help="where the packages are")
    parser.add_argument("--list", action="store_true", help="only print the rows")
    parser.add_argument("--only", default="", help="rows whose title holds this text")
    parser.add_argument("--long", action="store_true", help="the rows that take long, alone")
    arguments = parser.parse_args()
    rows = admitted.LONG if arguments.long else refused.cases() + admitted.cases()
    cases = [case for case in rows if arguments.only in case.title]
    if not cases:
        parser.error(f"no row's title holds {arguments.only}")
    if arguments.list:
        for number, case in enumerate(cases, 1):
            print(f"{number:3d}  {case.title}")
        return 0
    tell = Teller(chapters=False)
    with Host(arguments.build, "matrix") as host:
        prepare(host)
        play(tell, host, cases)
        with tell.step("the local administrator gets in and keeps sudo"):
            host.check_local_sudo()
    return tell.summary("the rows of who gets in")


if __name__ == "__main__":
    sys.exit(main())
