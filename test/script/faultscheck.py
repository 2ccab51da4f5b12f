# SPDX-License-Identifier: MIT
"""The tally of check-faults, and the program that sums it."""

import json
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from lab.faults import all as faults
from lab.faults.tally import ADMITTED, CONVERGED, KILLED, Tally, table

# A part that counts what its name says.
PART = """import json, sys
arguments = dict(zip(sys.argv[1::2], sys.argv[2::2]))
open(arguments["--counts"], "w").write({text!r})
sys.exit({code})
"""


class TallyTest(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def test_what_raises_is_lost_and_raises(self) -> None:
        tally = Tally()
        with self.assertRaises(AssertionError), tally.trial(CONVERGED):
            raise AssertionError
        with tally.trial(CONVERGED):
            pass
        self.assertEqual((tally.counts[CONVERGED], tally.lost), ((2, 1), 1))

    def test_a_name_that_nobody_knows_is_refused(self) -> None:
        self.assertRaises(ValueError, Tally().add, "runs convreged")

    def test_no_more_is_lost_than_was_tried(self) -> None:
        self.assertRaises(ValueError, Tally().add, KILLED, 1, 2)

    def test_what_is_written_is_read_again(self) -> None:
        one, two, path = Tally(), Tally(), self.folder / "counts"
        one.add(KILLED, 7, 2)
        one.write(path)
        two.include(path)
        two.include(path)
        self.assertEqual(two.counts, {KILLED: (14, 4)})

    def test_a_part_that_counted_nothing_or_wrote_something_else_is_refused(self) -> None:
        path = self.folder / "counts"
        for text in ("", "{}", "[]", '{"points killed": 3}', '{"points killed": {"tried": true, "lost": 0}}',
                     '{"points": {"tried": 1, "lost": 0}}', '{"points killed": {"tried": 1, "lost": 2}}'):
            path.write_text(text, encoding="ascii")
            with self.subTest(text):
                self.assertRaises(ValueError, Tally().include, path)
        self.assertRaises(OSError, Tally().include, self.folder / "none")

    def test_the_table_sums_by_name(self) -> None:
        one, two = Tally(), Tally()
        one.add(KILLED, 7, 2)
        two.add(KILLED, 3)
        two.add(ADMITTED, 5)
        lines = [line.split() for line in table({"one": one, "two": two})]
        self.assertEqual(lines[1:], [["points", "killed", "7", "(2)", "3", "(0)", "10", "(2)"],
                                     ["local", "users", "let", "in", "-", "5", "(0)", "5", "(0)"]])

    def play(self, text: str, code: int = 0) -> "list[str]":
        (self.folder / "part.json").unlink(missing_ok=True)
        (self.folder / "part.py").write_text(PART.format(text=text, code=code), encoding="ascii")
        return faults.play(faults.Part("part", ""), self.folder, False, self.folder, self.folder)[1]

    def test_a_part_is_wrong_when_it_fails_loses_or_tells_nothing(self) -> None:
        self.assertEqual(self.play(json.dumps({KILLED: {"tried": 1, "lost": 0}})), [])
        self.assertEqual(len(self.play(json.dumps({KILLED: {"tried": 1, "lost": 0}}), 3)), 1)
        self.assertEqual(len(self.play(json.dumps({KILLED: {"tried": 1, "lost": 1}}))), 1)
        self.assertEqual(len(self.play("")), 1)

    def test_a_part_that_was_never_written_is_wrong(self) -> None:
        self.assertEqual(len(faults.play(faults.Part("part", ""), self.folder, False, self.folder, self.folder)[1]), 2)


if __name__ == "__main__":
    sys.exit(not unittest.main(exit=False, verbosity=0).result.wasSuccessful())
