# SPDX-License-Identifier: MIT
"""The tally of check-faults, the program that sums it, and what is made of the log of a program's calls."""

import json
import shutil
import sys
import tempfile
import unittest
from pathlib import Path

from lab.faults import all as faults
from lab.faults import calls, errors
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


def log(*lines: str) -> "list[calls.Call]":
    """Of process 0: NAME RESULT ARGUMENT..., numbered."""
    words = [line.split() for line in lines]
    return calls.parse("".join("\t".join([f"0:{number}", *line]) + "\n" for number, line in enumerate(words, 1)))


# As fs_replace does it.
REPLACED = ["openat 3 /etc/.a 577 0600", "write 5 /etc/.a 5", "fchmod 0 /etc/.a 0644", "fsync 0 /etc/.a", "renameat 0 /etc/.a /etc/a",
            "fsync 0 /etc"]
CLAIM = ["openat 3 /var/.s 577 0600", "write 5 /var/.s 5", "fsync 0 /var/.s", "renameat 0 /var/.s /var/s", "fsync 0 /var"]


class KillsTest(unittest.TestCase):
    def points(self, *lines: str) -> "list[str]":
        return [f"{kill.option} {kill.call.point}" for kill in calls.kills(log(*lines))]

    def test_what_changes_nothing_is_passed_over(self) -> None:
        self.assertEqual(self.points("fsync 0 /etc/a", "write 9 /dev/null 9", "unlinkat -2 /etc/.a 0", "execve 0 /bin/true",
                                     "write 5 /var/cache/man/1 5", "sendto 5 socket 5"), [])

    def test_a_kill_is_before_between_and_after_what_changes_something(self) -> None:
        self.assertEqual(self.points("openat 3 /etc/.a 577 0600", "fsync 0 /etc/.a", "write 5 /etc/.a 5", "renameat 0 /etc/.a /etc/a"),
                         ["--before 0:1", "--before 0:3", "--after 0:3", "--after 0:4"])

    def test_a_signal_to_another_process_counts(self) -> None:
        self.assertEqual(self.points("kill 0 1"), ["--before 0:1", "--after 0:1"])

    def test_a_rename_out_of_a_cache_counts(self) -> None:
        self.assertEqual(len(self.points("renameat 0 /var/cache/a /etc/a")), 2)


def traced(*lines: str) -> "list[str]":
    """What may fail in a log of lines PROCESS NAME ARGUMENT..., after what sys_open() did."""
    counts: "dict[str, int]" = {}
    found = []
    for process, name, *arguments in (line.split() for line in ("0 open / 0", *lines)):
        counts[process] = counts.get(process, 0) + 1
        found.append("\t".join([f"{process}:{counts[process]}", name, "0", *arguments]) + "\n")
    return [str(fault) for fault in errors.faults("".join(found))]


class ErrorsTest(unittest.TestCase):
    LINES = ("0 openat /etc/a 0", "0.1 read /etc/a 9", "0.1.2 read /etc/a 9", "0 poll", "0 read pipe 1", "0 fsync /logs/.event-123.tmp",
             "0.2 read /etc/a 9", "0.10 read /etc/a 9")

    def test_what_chance_does_changes_nothing(self) -> None:
        other = [self.LINES[number] for number in (0, 3, 3, 3, 6, 2, 1, 4, 4, 4, 7)] + ["0 fsync /logs/.event-99.tmp"]
        self.assertEqual(traced(*self.LINES), traced(*other))

    def test_of_what_is_alike_the_first_and_the_last_are_taken(self) -> None:
        found = [fault for fault in traced(*["0 read /etc/a 9"] * 3, "0.1 read /etc/a 9", "0.2 read /etc/a 9") if fault.endswith("EIO")]
        self.assertEqual({fault for fault in found if ":read:" in fault},
                         {"0:read:1:/etc/a=EIO", "0:read:3:/etc/a=EIO", "0.1:read:1:/etc/a=EIO", "0.2:read:1:/etc/a=EIO"})

    def test_of_what_names_no_file_each_is_taken(self) -> None:
        self.assertEqual(sorted(fault for fault in traced(*["0 pipe2"] * 3) if fault.endswith("=EMFILE") and "pipe2" in fault),
                         ["0:pipe2:1:=EMFILE", "0:pipe2:2:=EMFILE", "0:pipe2:3:=EMFILE"])

    def test_one_of_each_call_and_error_comes_first(self) -> None:
        found = traced(*(f"0 fsync /etc/{name}" for name in "abcdefgh"), "0 renameat /etc/a /etc/b")
        rounds = [fault.split(":")[1] + fault.partition("=")[2] for fault in found]
        self.assertEqual(len(set(rounds[:11])), 11)  # four of open, three of fsync, four of renameat

    def test_what_makes_a_file_may_find_the_disk_full(self) -> None:
        self.assertIn("0:openat:1:/etc/a=ENOSPC", traced("0 openat /etc/a 577 0600"))
        self.assertNotIn("0:openat:1:/etc/a=ENOSPC", traced("0 openat /etc/a 0"))

    def test_what_the_loader_does_is_passed_over(self) -> None:
        self.assertEqual(errors.faults("0:1\topenat\t3\t/lib/libc.so.6\t0\n"), [])


class OrderTest(unittest.TestCase):
    def losses(self, lines: "list[str]") -> "list[str]":
        found = log(*lines)
        claims = {call.point for call in found if call.arguments[-1] == "/var/s"}
        return [loss.why for loss in calls.Order().play(found, claims).losses]

    def test_what_is_synced_in_order_is_safe(self) -> None:
        order = calls.Order().play(log(*REPLACED, *CLAIM), {"0:10"})
        self.assertEqual((order.losses, order.renames, order.claims), ([], 2, 1))

    def test_a_missing_sync_is_found(self) -> None:
        for number, line in enumerate(REPLACED):
            with self.subTest(line):
                lost = self.losses(REPLACED[:number] + REPLACED[number + 1:] + CLAIM)
                self.assertEqual(bool(lost), line.startswith("fsync"))

    def test_a_change_after_the_sync_is_found(self) -> None:
        for line in ("write 5 /etc/.a 5", "fchmod 0 /etc/.a 0644", "ftruncate 0 /etc/.a 0"):
            self.assertTrue(self.losses(REPLACED[:4] + [line] + REPLACED[4:] + CLAIM), line)

    def test_a_name_that_came_or_went_must_be_synced(self) -> None:
        for line in ("unlinkat 0 /etc/b 0", "mkdirat 0 /etc/b 0755", "symlinkat 0 /etc/b", "linkat 0 /etc/c /etc/b"):
            self.assertEqual(self.losses([line] + CLAIM), ["not on the disk yet: the name /etc/b"])
            self.assertEqual(self.losses([line, "fsync 0 /etc"] + CLAIM), [])

    def test_what_was_in_a_removed_directory_needs_no_sync(self) -> None:
        self.assertEqual(self.losses(["unlinkat 0 /etc/d/x 0", "unlinkat 0 /etc/d 512", "fsync 0 /etc"] + CLAIM), [])

    def test_what_a_killed_run_left_must_be_synced_by_the_next(self) -> None:
        """It finds the file as it shall be, and has nothing to write."""
        for line, lost in (("", True), ("syncfs 0 /etc", False), ("syncfs 0 /usr", True), ("syncfs 0 /etcetera", True)):
            with self.subTest(line):
                order = calls.Order().play(log(*REPLACED[:-1]), ())
                self.assertEqual(bool(order.play(log(*[line] * bool(line), *CLAIM), {f"0:{len(CLAIM) - 1 + bool(line)}"}).losses), lost)

    def test_a_change_after_the_claim_is_not_claimed(self) -> None:
        self.assertEqual(self.losses(CLAIM + ["unlinkat 0 /etc/b 0"]), [])


if __name__ == "__main__":
    sys.exit(not unittest.main(exit=False, verbosity=0).result.wasSuccessful())
