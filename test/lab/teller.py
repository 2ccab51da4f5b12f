# SPDX-License-Identifier: MIT
"""Telling a story: one numbered line a step, and a summary that counts them."""

import sys
import threading
import time
import traceback
from contextlib import contextmanager
from typing import Callable, Dict, Iterator, List


class Skip(Exception):
    """A step cannot be tried because one before it failed."""


class NotHere(Exception):
    """A step cannot be tried on this machine; the text says what it lacks."""


def expect(condition: object, message: object) -> None:
    if not condition:
        raise AssertionError(message)


class Teller:
    """
    Steps may be told from several threads; the numbers are given as the steps end.  A thread's name says which
    chapter it plays, unless there are none.
    """

    def __init__(self, chapters: bool = True) -> None:
        self._chapters = chapters
        self._lock = threading.Lock()
        self._started = time.monotonic()
        self.held = self.skipped = 0
        self.broken: List[str] = []

    @contextmanager
    def step(self, title: str, essential: bool = False) -> Iterator[None]:
        """
        One step: it holds unless the body raises.  An essential step passes the failure on, so that what builds on
        it is not tried.
        """
        started = time.monotonic()
        try:
            yield
        except NotHere as error:
            self._tell(title, started, error)
        except Exception as error:  # whatever went wrong, it is told and counted
            self._tell(title, started, error)
            if essential:
                raise Skip(title) from error
        else:
            self._tell(title, started, None)

    def play(self, chapters: "Dict[str, Callable[[Teller], None]]") -> None:
        """All of them at once, each told to its end."""
        def to_the_end(chapter: "Callable[[Teller], None]") -> None:
            try:
                chapter(self)
            except Skip:
                pass  # told already
            except Exception as error:  # whatever went wrong, it is told and counted
                self._tell("the chapter broke off", time.monotonic(), error)

        threads = [threading.Thread(target=to_the_end, name=name, args=(chapter,)) for name, chapter in chapters.items()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _tell(self, title: str, started: float, error: "Exception | None") -> None:
        with self._lock:
            number = self.held + self.skipped + len(self.broken) + 1
            took = time.monotonic() - started
            what = "ok    " if error is None else "skip  " if isinstance(error, NotHere) else "BROKEN"
            why = f": {error}" if isinstance(error, NotHere) else ""
            print(f"{number:3d}  {what}  {self._chapter()}{title}{why}  ({took:.1f} s)", flush=True)
            if error is None:
                self.held += 1
                return
            if isinstance(error, NotHere):
                self.skipped += 1
                return
            self.broken.append(title)
            told = traceback.format_exception(type(error), error, error.__traceback__)
            for line in "".join(told).splitlines()[-30:]:
                print(f"             {line}", file=sys.stderr, flush=True)

    def _chapter(self) -> str:
        thread = threading.current_thread()
        return f"[{thread.name}] " if self._chapters and thread is not threading.main_thread() else ""

    def summary(self, what: str) -> int:
        """Print what held of it; returns the exit code."""
        took = time.monotonic() - self._started
        for title in self.broken:
            print(f"broken: {title}")
        print(f"{what} took {took:.0f} s")
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        print(f"{self.held} passed, {len(self.broken)} failed{skipped}")
        return 1 if self.broken or not self.held else 0
