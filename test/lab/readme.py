# SPDX-License-Identifier: MIT
"""README.md, followed by somebody who has nothing but this checkout.

A Debian as debootstrap leaves it gets a clone of what is committed, and what README.md says is typed there as root: the
commands are read out of it, and what they print is held against what it shows.  Nothing comes from this machine but its
mirror of Debian; compilers and libraries are built there, unless --cache names a folder that has them.

--words only compares: every command that README.md names exists, and those of az are checked by azcli.py, or named among
what is not proved.  It needs no root; make check does it.

usage: readme.py [--dir DIR] [--cache DIR] [--words]    as root, with debootstrap and the network
"""

import argparse
import fcntl
import re
import shlex
import shutil
import subprocess
import sys
from difflib import unified_diff
from pathlib import Path
from typing import List, NamedTuple

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[1] / "fakes")]

from lab import azcli, layer, roots  # noqa: E402
from lab.teller import Teller, expect  # noqa: E402

SUITE, RELEASE = "bookworm", "12"
HOME = "/root/somewhere"  # of the clone
ZIP_MAX = 9_000_000  # bytes
SCRIPT = "journal"  # of the lab, for the command that is to start any of them

# Commands of README.md that are tests themselves, of minutes or hours: it is known that they exist.
ELSEWHERE = ("./bootstrap check", "./bootstrap roots", "./bootstrap distros", "./bootstrap nscd", "./bootstrap reproduce", "make ",
             "aadsshlogin configure")


class Done(NamedTuple):
    code: int
    said: str


# ---- what README.md says

def read(path: str) -> str:
    return (layer.CHECKOUT / path).read_text(encoding="utf-8")


def blocks(text: str) -> List[str]:
    return re.findall(r"^```\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def spans(text: str) -> List[str]:
    """What stands between single backquotes, on one line."""
    prose = re.sub(r"^```\n.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose)]


def commands(block: str) -> List[str]:
    lines = block.replace("\\\n", " ").splitlines()
    return [command for command in (re.sub(r"(^|\s+)#.*", "", line) for line in lines) if command]


def block_with(text: str, words: str) -> str:
    found = [block for block in blocks(text) if words in block]
    expect(len(found) == 1, f"{len(found)} blocks of README.md have {words!r}")
    return found[0]


def verbs(text: str) -> List[str]:
    """The first column of the table of ./bootstrap."""
    table = re.search(r"^\| `\./bootstrap \.\.\.` .*\n\|.*\n((?:\|.*\n)+)", text, re.MULTILINE)
    expect(table, "README.md has no table of ./bootstrap")
    return [span for row in table[1].splitlines() for span in spans(row.split("|")[1])]


def story(text: str) -> List[str]:
    """How the steps ended, chapter by chapter, and what was counted.  Chapters are told at once: numbers differ."""
    steps = re.findall(r"^ *\d+  (\w+) +\[(\w+)\] (.*)  \([\d.]+ s\)$", text, re.MULTILINE)
    told = [f"[{chapter}] {result} {title}" for result, chapter, title in sorted(steps, key=lambda step: step[1])]
    return told + re.findall(r"^\d+ passed, .*$", text, re.MULTILINE)


# ---- words alone

def known_verbs(program: str) -> List[str]:
    """As the shells complete them."""
    found = re.search(rf"\"{program} 1\"\)\s+printf '%s\\n' ([a-z ]+)", read("payload/completion/aadsshlogin"))
    expect(found, f"nobody completes the verbs of {program}")
    return found[1].split()


def missing(command: str) -> str:
    """What of a command is not there; "": nothing."""
    words = [word for word in shlex.split(command) if "=" not in word]
    if words[0] == "./bootstrap":
        known = re.findall(r"^([a-z| -]+)\) ", read("bootstrap"), re.MULTILINE)
        return "" if words[1] in {one.strip() for each in known for one in each.split("|")} else f"./bootstrap {words[1]}"
    if words[0] == "make":
        return "" if words[1] == "dist" or re.search(rf"^{words[1]}:", read("Makefile.am"), re.MULTILINE) else f"make {words[1]}"
    if words[0] == "python3":
        return "" if (layer.CHECKOUT / words[1].replace("NAME", SCRIPT)).exists() else words[1]
    return "" if words[1] in known_verbs(words[0]) else command


def named(text: str) -> List[str]:
    """The commands of this tree that README.md names; those with dots for the rest are no commands."""
    begins = re.compile(r"(\./bootstrap|make|python3|PROGRAMS=native \./bootstrap|aadssh-handler|aadsshlogin) [a-z]")
    found = [command for block in blocks(text) for command in commands(block)] + spans(text)
    return [command for command in found if begins.match(command)] + [f"./bootstrap {verb}" for verb in verbs(text)]


def scripts(text: str) -> List[str]:
    return [span for span in spans(text) if re.fullmatch(r"[\w/*.]+\.(py|sh)", span)]


def is_script(name: str) -> bool:
    return any(list(layer.CHECKOUT.glob(f"{folder}{name}")) for folder in ("", "test/lab/", "test/script/"))


def compare_words(tell: Teller, text: str) -> None:
    with tell.step("every command and every script that README.md names exists"):
        found = named(text)
        expect(len(found) > 30 and len(scripts(text)) > 20, found)
        lines = [missing(command) for command in found] + [name for name in scripts(text) if not is_script(name)]
        expect(not any(lines), [line for line in lines if line])
    with tell.step("every command is typed on an empty machine, or a test itself"):
        typed = {*commands(blocks(text)[0]), *machine_commands(text), *(f"./bootstrap {verb}" for verb in HERE)}
        other = [command for command in found if not command.startswith((*typed, *ELSEWHERE, *SCRIPTS)) and
                 not any(each.startswith(command) for each in typed)]
        expect(not other, other)
    with tell.step("every command of az is checked by azcli.py, or named as not proved"):
        expect("README.md" in azcli.PAGES and len(azcli.commands_of(text)) >= 5, azcli.commands_of(text))
        unproved = spans(text[text.index("\nNot proved"):text.index("\n## Working on it")])
        expect([each for each in azcli.EXTENSIONS if f"az {each} " in text and f"az {each}" not in unproved] == [], unproved)


# ---- on the empty machine

class Empty:
    """A copy of the root, with a clone."""

    def __init__(self, folder: Path, root: Path) -> None:
        self.root, self.log_path = folder / "machine", folder / "readme.log"
        shutil.rmtree(self.root, ignore_errors=True)
        subprocess.run(["cp", "-a", root, self.root], check=True)
        subprocess.run(["git", "clone", "-q", "--no-hardlinks", layer.CHECKOUT, f"{self.root}{HOME}"], check=True)
        self.log_path.write_text("", encoding="utf-8")

    def type(self, command: str) -> Done:
        """As root, in the clone; what is said is in the log, too."""
        argv = ["setpriv", "--pdeathsig", "KILL", *roots.entered(self.root, None, f"cd {HOME}; {command}")]
        with open(self.log_path, "a+", encoding="utf-8", errors="replace") as log:
            print(f"# {command}", file=log, flush=True)
            start = log.tell()
            code = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False).returncode
            log.seek(start)
            return Done(code, log.read())

    def must(self, command: str) -> str:
        done = self.type(command)
        expect(done.code == 0, f"{command} ended with {done.code}\n{done.said[-2000:]}")
        return done.said

    def path(self, inside: str) -> Path:
        return Path(f"{self.root}{inside}")


def first_command(tell: Teller, machine: Empty, text: str) -> None:
    first = commands(blocks(text)[0])[0]
    with tell.step(f"{first}, the first command of README.md, does its work on Debian {RELEASE} with nothing on it", essential=True):
        expect(RELEASE in re.findall(r"on Debian (\d+) or (\d+)", text)[0], f"README.md does not speak of Debian {RELEASE}")
        expect(not machine.path("/usr/bin/python3").exists() and not machine.path("/usr/bin/cc").exists(), "it is not empty")
        said = machine.must(first)
    with tell.step("what it prints is the story that README.md tells"):
        told, printed = story(block_with(text, "[life]")), story(said)
        expect(len(told) > 30 and printed == told, "\n".join(unified_diff(told, printed, "README.md", "printed", n=0)))


def is_zip(machine: Empty, said: str) -> None:
    package = machine.path(str(Path(HOME, said.splitlines()[-1])))
    expect(package.suffix == ".zip" and 0 < package.stat().st_size <= ZIP_MAX, said)


def is_help(_: Empty, said: str) -> None:
    lines = [verb for verb in verbs(read("README.md")) if not re.search(rf"^  {verb}\b", said, re.MULTILINE)]
    expect(not lines, f"it does not tell of {lines}")


HELD = {"extension": is_zip, "help": is_help}  # what they print is looked at
HERE = ("help", "deps", "build", "extension", "static", "shell")
SCRIPTS = ("python3 test/lab/NAME.py", "PROGRAMS=native ./bootstrap build")


def further_commands(tell: Teller, machine: Empty, text: str) -> None:
    known = [*verbs(text), "help"]
    for verb in HERE[:-1]:
        with tell.step(f"./bootstrap {verb}"):
            expect(verb in known, "README.md does not name it")
            said = machine.must(f"./bootstrap {verb}")
            if verb in HELD:
                HELD[verb](machine, said)


def machine_commands(text: str) -> List[str]:
    return commands(block_with(text, "aadssh-handler collect"))


def on_the_machine(tell: Teller, machine: Empty, text: str) -> None:
    """The commands for an administrator, in the sandbox that ./bootstrap shell opens."""
    shims = [f"{span} version" for span in spans(text) if span.startswith("/var/lib/waagent/") and span.endswith("/aadssh-shim")]
    typed = [*shims, *machine_commands(text)]
    expect(len(typed) > 6, typed)
    lines = ["alice sudo -n id -u </dev/null && echo 'typed: 0 alice'", "cd /tmp"]
    lines += [f"{each.replace('USER', 'alice.admin@contoso.com')}; echo 'typed:' \"$? {each}\"" for each in typed]
    machine.path(f"{HOME}/typed").write_text("\n".join([*lines, "exit 0", ""]), encoding="utf-8")
    with tell.step("./bootstrap shell: what an administrator of the machine types works there, and alice has sudo"):
        said = machine.must("./bootstrap shell <typed")
        ended = re.findall(r"^typed: (.*)$", said, re.MULTILINE)
        expect(ended == ["0 alice", *(f"0 {each}" for each in typed)], f"{ended}\n{said}")


def scripts_alone(tell: Teller, machine: Empty, text: str) -> None:
    found = [span for span in spans(text) if span.startswith("python3 test/lab/NAME.py ")]
    native = [span for span in spans(text) if span.startswith("--build ")]
    expect((len(found), len(native)) == (1, 1) and SCRIPTS[1] in spans(text), (found, native))
    with tell.step("a script of the lab runs alone"):
        machine.must(found[0].replace("NAME", SCRIPT))
    with tell.step("and with programs of this machine's libraries"):
        machine.must(SCRIPTS[1])
        machine.must(f"python3 test/lab/{SCRIPT}.py {native[0]}")


def ensure_root(folder: Path) -> Path:
    """Of nothing but Debian's smallest set of packages."""
    with open(folder / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return roots.Root(SUITE, folder, ":").ensure()


def play(tell: Teller, arguments: argparse.Namespace, text: str) -> None:
    folder = arguments.dir.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    machine = Empty(folder, ensure_root(folder))
    if arguments.cache:
        machine.path("/root/.cache").mkdir()
        subprocess.run(["cp", "-a", arguments.cache, machine.path("/root/.cache/aadsshlogin")], check=True)
    tell.play({"readme": lambda tell: [chapter(tell, machine, text) for chapter in
                                       (first_command, further_commands, on_the_machine, scripts_alone)]})
    if tell.broken:
        print(f"what was said: {machine.log_path}")
    shutil.rmtree(machine.root)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--dir", type=Path, default=layer.CHECKOUT / "build" / "readme", help="where the root is kept")
    parser.add_argument("--cache", type=Path, help="take compilers and libraries of static programs from there")
    parser.add_argument("--words", action="store_true", help="only compare what README.md names with what is there")
    arguments = parser.parse_args()
    tell, text = Teller(chapters=False), read("README.md")
    compare_words(tell, text)
    if not arguments.words:
        play(tell, arguments, text)
    return tell.summary("the README")


if __name__ == "__main__":
    sys.exit(main())
