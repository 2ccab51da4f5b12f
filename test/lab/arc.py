# SPDX-License-Identifier: MIT
"""A machine of Azure Arc: the extension is installed and people sign in, with HIMDS instead of IMDS.

Two machines live at the same time.  On the first the guest agent installs the extension and people sign in; then
HIMDS asks back in each wrong way while somebody does.  On the second, the handler runs as the agent would run it,
against the same wrong ways.

usage: arc.py [--build DIR]
"""

import argparse
import shutil
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Callable, Dict, List, NamedTuple, Optional, Sequence

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[1] / "fakes")]

from azure.himds import TOKENS  # noqa: E402
from azure.model import Extension  # noqa: E402
from lab import badinput, install, layer  # noqa: E402
from lab.install import FIRST, NAME, settings, zip_of  # noqa: E402
from lab.login import Person, as_person, check_no_sudo, check_refused, check_sudo, uid_of  # noqa: E402
from lab.machine import Machine  # noqa: E402
from lab.place import DOMAIN, SETTINGS, Place  # noqa: E402
from lab.snapshot import difference  # noqa: E402
from lab.teller import Teller, expect  # noqa: E402

HIMDS = "http://127.0.0.1:40342"
ACTION = "Microsoft.HybridCompute/machines/login/action"

# What the agent's package makes: a user, who hands out keys, and a group, which may read a key whose name it knows.
AGENT = """
groupadd --system himds
useradd --system --gid himds --no-create-home --shell /usr/sbin/nologin himds
install -D -m 755 /bin/true /opt/azcmagent/bin/himds
chown himds:himds "$1"
chmod 710 "$1"
id -u himds
id -g himds"""

# Somebody who is nobody here takes the port of an agent that is down.
STRANGER = """
import http.server, os, socketserver

class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        open("/tmp/asked", "a").write(str(self.headers))
        self.send_response(401)
        self.send_header("WWW-Authenticate", "Basic realm=/var/opt/azcmagent/tokens/stranger.key")
        self.end_headers()

server = socketserver.TCPServer(("127.0.0.1", 40342), Answer)
print(os.getpid(), flush=True)
server.serve_forever()
"""


class ArcPlace(Place):
    """A machine of Arc with its cloud and the guest agent, which stands for Arc's own agent of extensions."""

    def __init__(self, build: Path, label: str) -> None:
        super().__init__(build, label)
        self.tokens = layer.LAB / f"himds-{label}"
        shutil.rmtree(self.tokens, ignore_errors=True)
        self.tokens.mkdir(parents=True)
        self.machine = Machine(hostname=label, shares={self.tokens: TOKENS})
        self.stranger: Optional[subprocess.Popen] = None
        self.stranger_pid = ""  # as the machine sees it

    def __enter__(self) -> "ArcPlace":
        super().__enter__()
        uid, gid = self.machine.sh(AGENT, TOKENS).stdout.split()
        self.azure.become_arc(self.tokens, int(uid), int(gid))
        return self

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        shutil.rmtree(self.tokens, ignore_errors=True)


class Wrong(NamedTuple):
    """A way in which HIMDS can be wrong; words are in the message of whoever asks it."""

    title: str
    words: Sequence[str]
    begin: Callable[[ArcPlace], None]


def with_key(kind: str) -> Callable[[ArcPlace], None]:
    return lambda place: place.azure.set_key(kind)


def with_fault(endpoint: str, **fault: object) -> Callable[[ArcPlace], None]:
    return lambda place: place.azure.fault(f"himds.{endpoint}", **fault)


def with_realm(value: str) -> Callable[[ArcPlace], None]:
    headers: Dict[str, str] = {"WWW-Authenticate": value} if value else {}
    return with_fault("challenge", status=401, headers=headers)


def with_nobody(place: ArcPlace) -> None:
    place.azure.set_himds(False)


def with_stranger(place: ArcPlace) -> None:
    """What he names is there, and would be sent to him."""
    with_nobody(place)
    place.machine.write(f"{TOKENS}/stranger.key", "c2VjcmV0", 0o440, "himds:himds")
    place.machine.write("/tmp/stranger.py", STRANGER)
    place.stranger = place.machine.popen(["python3", "/tmp/stranger.py"], user="local", stdout=subprocess.PIPE)
    place.stranger_pid = place.stranger.stdout.readline().strip()


def mend(place: ArcPlace) -> None:
    if place.stranger is not None:
        place.machine.run(["kill", place.stranger_pid])
        place.stranger.communicate(timeout=20)
        place.stranger = None
        expect(not place.machine.exists("/tmp/asked"), "the stranger was asked")
    place.azure.set_himds(True)
    place.azure.clear_faults()
    place.azure.set_key("right")


WRONG: List[Wrong] = [
    Wrong("a challenge without a realm", ["not Basic with a realm"], with_realm("Basic")),
    Wrong("no challenge at all", ["not Basic with a realm"], with_realm("")),
    Wrong("a realm outside the agent's directory", ["/etc/ssh/host.key"], with_realm("Basic realm=/etc/ssh/host.key")),
    Wrong("a realm that leads out of the directory", ["../../../../etc/shadow.key"],
          with_realm(f"Basic realm={TOKENS}/../../../../etc/shadow.key")),
    Wrong("a realm in another directory below", ["tokens/more/a.key"], with_realm(f"Basic realm={TOKENS}/more/a.key")),
    Wrong("a realm that is no key", ["tokens/shadow"], with_realm(f"Basic realm={TOKENS}/shadow")),
    Wrong("a key that is not there", ["No such file"], with_key("missing")),
    Wrong("a key that is a link", [".key: ", "ymbolic link"], with_key("link")),  # two libcs, two texts
    Wrong("a key with two links", ["one link"], with_key("two-links")),
    Wrong("a key that is a FIFO", ["not a regular file"], with_key("fifo")),
    Wrong("a key over 4096 bytes", ["4096"], with_key("long")),
    Wrong("a key that everybody can write", ["can be changed by others"], with_key("open")),
    Wrong("a stranger's key", ["can be changed by others"], with_key("stranger")),
    Wrong("a second 401", ["refuses the key"], with_fault("token", status=401)),
    Wrong("a token that is none", ["access_token"], with_fault("token", status=200, body="<html>")),
    Wrong("an agent that hangs", ["does not answer"], with_fault("*", hang=True)),
    Wrong("an agent that is down", ["nobody listens"], with_nobody),
    Wrong("a stranger at the port of an agent that is down", ["not the agent"], with_stranger),
]


def chapter_life(tell: Teller, build: Path) -> None:
    with ArcPlace(build, "arc-life") as place:
        place.agent.start()
        with tell.step("the agent installs the extension on a machine of Arc: Ready, success", essential=True):
            report = place.install()
            expect(report and (report.handler, report.status) == ("Ready", "success"), report)
            lines = place.machine.read("/etc/aadsshlogin.conf").splitlines()
            expect(f"himds {HIMDS}" in lines and f"resource_id {place.azure.resource_id}" in lines, lines)
            expect(f"tenant {place.azure.tenant}" in lines and not [line for line in lines if line.startswith("imds")], lines)
            counts = place.azure.counts()
            expect(counts["himds.challenge"] == counts["himds.token"] > 0 and not counts.get("imds.token"), counts)
            expect(not list(place.tokens.iterdir()), "keys are left over")
        user = sign_in(tell, place)
        with tell.step("a second goal state changes no file, and asks HIMDS nothing"):
            before, asked = place.snapshot(), place.azure.counts()["himds.instance"]
            report = place.ask(Extension(NAME, FIRST, public=SETTINGS, seq=place.seq))
            expect((report.handler, report.status) == ("Ready", "success"), report)
            changes = difference(before, place.snapshot())
            expect(not changes, "\n".join(changes))
            expect(place.azure.counts()["himds.instance"] == asked, place.azure.counts())
        for wrong in WRONG:
            with tell.step(f"{wrong.title}: nobody of the tenant gets in, local users do"):
                refuse(place, user, wrong)
        with tell.step("a key that root alone can read: the jailed child has the group and no more"):
            refuse(place, user, Wrong("", ["Permission denied"], with_key("root-only")))
        with tell.step("and once all is right again, people get in"):
            forget(place)
            expect(user.run("true").returncode == 0, user.run("true"))
        with tell.step("aadsshlogin configure finds the agent, and takes another address of it"):
            configure(place)


def sign_in(tell: Teller, place: ArcPlace) -> Person:
    admin = Person(place.machine, place.azure, f"Alice.Admin@{DOMAIN}", "admin")
    user = Person(place.machine, place.azure, f"bob@{DOMAIN}", "user")
    nobody = Person(place.machine, place.azure, f"carol@{DOMAIN}")
    with tell.step("a role on the machine of Arc lets people in, an administrator's sudo too", essential=True):
        forget(place)
        result = admin.run("id -u")
        expect(result.stdout.split() == [str(uid_of(admin.name))], result)
        check_sudo(as_person(admin))
        expect(user.run("true").returncode == 0, user.run("true"))
        check_no_sudo(as_person(user))
    with tell.step("an account without a role reads the action and the machine of Arc"):
        check_refused(nobody.run("id"), ACTION, place.azure.resource_id, nobody.oid)
    return user


def forget(place: ArcPlace) -> None:
    """The next question needs a token, and so a key."""
    place.machine.sh("rm -f /run/aadsshlogin/private/token-* /run/aadsshlogin/decisions/*")


def refuse(place: ArcPlace, user: Person, wrong: Wrong) -> None:
    forget(place)
    log = len(place.machine.syslog())
    wrong.begin(place)
    try:
        check_refused(user.run("id"), "token-unavailable")
        wait_logged(place, log, ['reason="token-unavailable"', *wrong.words])
        place.check_local_users()
        keep_keys(place)
    finally:
        mend(place)


def wait_logged(place: ArcPlace, start: int, words: Sequence[str]) -> None:
    """Who writes the log may be slower than who reads of the refusal."""
    deadline = time.monotonic() + 20
    while True:
        lines = place.machine.syslog()[start:]
        if any(all(word in line for word in words) for line in lines):
            return
        expect(time.monotonic() < deadline, f"{words} are in no line of {lines}")
        time.sleep(0.1)


def keep_keys(place: ArcPlace) -> None:
    """No key is in a log, whole or its beginning."""
    logs = place.machine.run(["sh", "-c", "cat /var/log/syslog /var/log/azure/*/* 2>/dev/null"], check=False).stdout
    for path in place.tokens.iterdir():
        if path.is_file():
            expect(path.read_text()[:32] not in logs, f"what stands in {path.name} is in a log")
        path.unlink()


def configure(place: ArcPlace) -> None:
    """Without the extension: the machine's own tool asks HIMDS, and what is named stays."""
    machine = place.machine
    machine.sh("rm /etc/aadsshlogin.conf; aadsshlogin configure")
    expect(f"\nhimds {HIMDS}\n" in machine.read("/etc/aadsshlogin.conf"), machine.read("/etc/aadsshlogin.conf"))
    machine.sh("aadsshlogin configure himds=http://127.0.0.1:40343")
    expect("\nhimds http://127.0.0.1:40343\n" in machine.read("/etc/aadsshlogin.conf"), "another port")
    result = machine.run(["aadsshlogin", "configure", "himds=http://localhost:40342"], check=False)
    expect(result.returncode != 0 and "himds must be" in result.stderr, result)


def chapter_refusals(tell: Teller, build: Path) -> None:
    with ArcPlace(build, "arc-refusals") as place:
        extension = install.Extension(place.machine, zip_of(build, FIRST))
        lab = badinput.Lab(place.machine, place.azure, extension)
        extension.write_settings(settings({"identityWait": 0}))
        for wrong in WRONG:
            def break_it(lab: badinput.Lab, wrong: Wrong = wrong) -> Callable[[], None]:
                wrong.begin(place)
                return lambda: mend(place)

            words = [*wrong.words, "azcmagent show"]
            with tell.step(f"{wrong.title}: install ends with 52, never 22"):
                badinput.play(lab, badinput.Row(wrong.title, 52, words, break_it))
                keep_keys(place)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--build", type=Path, default=Path("build"), help="where the extension's zips are")
    arguments = parser.parse_args()
    layer.ensure()
    tell = Teller()
    chapters = {"life": chapter_life, "refusals": chapter_refusals}
    tell.play({name: partial(chapter, build=arguments.build) for name, chapter in chapters.items()})
    return tell.summary("the machine of Arc")


if __name__ == "__main__":
    sys.exit(main())
