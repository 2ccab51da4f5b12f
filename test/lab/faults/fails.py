# SPDX-License-Identifier: MIT
"""The world fails under a verb: disks, memory, the package manager, sshd, systemd, the clock, the metadata service.

usage: fails.py [--build DIR] [--list] [--only TEXT] [--sample] [--counts FILE]    as root; exit status 1 if anything is lost

After each: an exit code of the table, a status that tells cause and remedy, nothing left in the agent's folders, no
process left, the machine as before; a local user gets in and is root by sudo.  Then what failed is mended, the verb runs
again and succeeds, and uninstall leaves the machine as it was before it all.

What stands in for a program is called a SHIM and says so in its first line.
"""

import argparse
import os
import sys
import time
from pathlib import Path
from typing import Callable, Dict, List, NamedTuple, Optional, Sequence, Set

sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parents[2] / "fakes")]

from azure.client import Azure  # noqa: E402
from lab import login  # noqa: E402
from lab.faults.tally import ADMITTED, CONVERGED, RESTORED, TOLD, WORLDS, Tally, lead, options  # noqa: E402
from lab.install import FIRST, LOGS, SEQUENCE, Extension, settings, zip_of  # noqa: E402
from lab.machine import ENVIRONMENT, Machine, Result  # noqa: E402
from lab.place import MEMORY, NOT_OURS, WATCHED, in_cloud  # noqa: E402
from lab.snapshot import difference  # noqa: E402
from lab.teller import Teller, expect  # noqa: E402

AT_ONCE = 2  # machines
TABLE = {0, 19, 20, 21, 22, 23, 24, 25, 26, 27, 51, 52, 53}
MOMENT = "/run/lab/moment"  # of a leap: there when it is time
CHILD = "/run/lab/child"  # the process of a SHIM that does not end, and of what it started
TEN_YEARS = 315360000


class Lab:
    """A machine, its cloud and the extension on it."""

    def __init__(self, machine: Machine, azure: Azure, build: Path, tally: Tally) -> None:
        self.machine, self.azure, self.tally = machine, azure, tally
        self.extension = Extension(machine, zip_of(build, FIRST))
        self.leap = str(build.resolve() / "test/lab/faults/leap")
        self.sh("mkdir -p /run/lab")

    def sh(self, script: str, *arguments: str, **keywords: object) -> Result:
        return self.machine.sh(script, *arguments, **keywords)

    def run(self, verb: str, *before: str, **more: str) -> Result:
        """As the agent would; before: words of a command that runs it, the program itself then"""
        variables = {"PATH": ENVIRONMENT["PATH"], "LANG": "C.UTF-8", "AZURE_GUEST_AGENT_EXTENSION_PATH": self.extension.folder,
                     "AZURE_GUEST_AGENT_EXTENSION_VERSION": FIRST, "ConfigSequenceNumber": str(SEQUENCE), **more}
        words = [f"{name}={value}" for name, value in variables.items()]
        program = [f"{self.extension.folder}/bin/{os.uname().machine}/aadssh-handler", verb] if before \
            else ["/bin/sh", "-c", f"{self.extension.folder}/bin/aadssh-shim {verb}"]
        argv = ["env", "-i", *words, *before, *program]
        return self.machine.run(argv, check=False, cwd=self.extension.folder, timeout=150)


class Row(NamedTuple):
    """
    around  a shell script that breaks the machine, and one that mends it
    codes   of which it must end with one; 0: it may succeed
    words   one of the message's, of which all are wanted
    """

    title: str
    codes: Set[int]
    words: Sequence[str] = ()
    breaks: str = ":"
    mends: str = ":"
    after: str = ":"  # the next run and uninstall
    verb: str = "install"
    before: Sequence[str] = ()  # words of a command that runs the verb; LEAP stands for the program
    installed: bool = False  # before it
    settings: Optional[dict] = None
    cloud: Optional[Callable[[Azure], object]] = None
    inside: Sequence[str] = ()  # folders that are looked at from inside: others lie over them meanwhile
    as_before: bool = True  # otherwise the next run brings it where it was to go
    told: bool = True  # a status can be written
    seconds: float = 60  # in which it must end
    check: Optional[Callable[[Lab, Result], None]] = None  # what else is wanted
    admits: bool = True  # somebody can get in
    sample: bool = False


# ---- what breaks

def over(folder: str, size: str, files: str = "", then: str = "") -> "tuple[str, str]":
    """A copy of the folder on a small file system, and what is done to it then."""
    return (f"""mkdir -p /run/lab/copy && cp -a {folder}/. /run/lab/copy/ && mount -t tmpfs -o size={size}{files} lab {folder}
        chmod --reference=/run/lab/copy {folder}; cp -a /run/lab/copy/. {folder}/; rm -rf /run/lab/copy; {then}""",
            f"umount {folder}")


def freed(folder: str) -> str:
    """It is large enough after all, with what happened there meanwhile."""
    return f"rm -f {folder}/lab-filler; mount -o remount,size=400m,nr_inodes=100k {folder}"


def filled(folder: str) -> str:
    """To the last byte."""
    return f"head -c 1G /dev/zero >{folder}/lab-filler 2>/dev/null || :"


def read_only(folder: str) -> "tuple[str, str]":
    return f"mount --bind {folder} {folder} && mount -o remount,bind,ro {folder}", f"umount {folder}"


def shim(path: str, body: str) -> "tuple[str, str]":
    """In the place of a program, which is PATH.real meanwhile."""
    return (f"mv {path} {path}.real; cat >{path} <<'END'\n#!/bin/sh\n# SHIM: stands in for {path}\n{body}\nEND\nchmod 755 {path}",
            f"mv {path}.real {path}")


# It does not heed SIGTERM, and has a child that does not either; the clock leaps when it is there.
HANGS = f"""trap '' TERM
(trap '' TERM; exec sleep 3601) &
echo $$ $! >{CHILD}
touch {MOMENT}
wait; wait; sleep 3602"""


def hangs(path: str, when: str = ":") -> "tuple[str, str]":
    """when: a shell condition; otherwise it is as ever"""
    broken, mended = shim(path, f"if {when}; then\n{HANGS}\nfi\nexec {path}.real \"$@\"")
    return f"rm -f {MOMENT} {CHILD}; {broken}", f"{mended}; rm -f {MOMENT} {CHILD}"


def packed(script: str, body: str) -> "tuple[str, str]":
    """dpkg is handed the package with this script in it, whatever it is asked to install."""
    bad = "/run/lab/bad"
    broken, mended = shim("/usr/bin/dpkg", f"case $1 in --install) exec /usr/bin/dpkg.real --install {bad}.deb ;; esac\n"
                          "exec /usr/bin/dpkg.real \"$@\"")
    return (f"""rm -rf {bad} {bad}.deb; dpkg-deb -R /var/lib/waagent/*/packages/aadsshlogin_*_"$(dpkg --print-architecture)".deb {bad}
        printf '#!/bin/sh\\n%s\\n' '{body}' >{bad}/DEBIAN/{script}; chmod 755 {bad}/DEBIAN/{script}
        dpkg-deb --root-owner-group -Znone -b {bad} {bad}.deb >/dev/null
        {broken}""", f"{mended}; rm -rf {bad} {bad}.deb")


def installed_script(script: str, body: str) -> "tuple[str, str]":
    """The script of the package that is installed."""
    path = f"/var/lib/dpkg/info/aadsshlogin.{script}"
    return (f"cp -p {path} /run/lab/script; printf '#!/bin/sh\\n%s\\n' '{body}' >{path}",
            f"[ ! -e {path} ] || cp -p /run/lab/script {path}")


def systemd(body: str) -> "tuple[str, str]":
    """systemd is there, as far as a folder and systemctl go."""
    broken, mended = shim("/usr/bin/systemctl", body)
    return f"mkdir -p /run/systemd/system; {broken}", f"{mended}; rmdir /run/systemd/system"


STORE = "/run/lab/semodules"
SEMODULE = f"""if [ "$1" = -X ] && [ -e /run/lab/semodule-fails ]; then
BODY
fi
[ "$*" != '-lfull -m' ] || exit 1
[ "$1" != -lfull ] || exec cat {STORE}
shift 2
while [ $# -gt 0 ]; do
	name=${{2##*/}} name=${{name%.cil}}
	sed -i "/^400 $name cil/d" {STORE}
	[ "$1" = -r ] || echo "400 $name cil" >>{STORE}
	shift 2
done"""


def semodule(body: str) -> "Dict[str, object]":
    """A policy, as far as a folder goes, and its program, which does that when it is to change the policy."""
    return {"how": (f"""mkdir -p /etc/selinux/lab/policy; touch /etc/selinux/lab/policy/policy.33 {STORE} /run/lab/semodule-fails
        echo SELINUXTYPE=lab >/etc/selinux/config; rm -f {MOMENT} {CHILD}
        cat >/usr/sbin/semodule <<'END'
#!/bin/sh
# SHIM: stands in for /usr/sbin/semodule
{SEMODULE.replace("BODY", body)}
END
        chmod 755 /usr/sbin/semodule""", f"rm -f /run/lab/semodule-fails {MOMENT} {CHILD}"),
            "after": f"rm -rf /usr/sbin/semodule /etc/selinux/lab /etc/selinux/config {STORE}; rmdir /etc/selinux 2>/dev/null || :"}


def leap(clock: str, seconds: int) -> Sequence[str]:
    return ["LEAP", clock, format(seconds, "+d"), MOMENT, "--"]


LATE = leap("boottime", 900)  # beyond the deadline of every verb
SLOW = leap("boottime", 61)  # beyond what one program gets, within that of the verb
FLOOD = "head -c 100000000 /dev/zero | tr '\\0' x"


def no_child(lab: Lab, _: Result) -> None:
    """Neither what hung nor what it started is left."""
    pids = lab.machine.read(CHILD).split()
    for _ in range(50):
        left = [pid for pid in pids if lab.machine.exists(f"/proc/{pid}")]
        if not left:
            return
        time.sleep(0.1)
    raise AssertionError(f"processes are left: {left}")


def small_log(lab: Lab, _: Result) -> None:
    size = int(lab.sh(f"cat {LOGS}/packages.log* | wc -c").stdout)
    expect(size < 4 << 20, f"packages.log has {size} bytes")


def requests(lab: Lab) -> List[str]:
    text = (lab.azure.dir / "requests.log").read_text(encoding="utf-8")
    return [line for line in text.splitlines() if "/metadata/" in line]


# A package that wants to know of manual pages, as man-db, and was configured before it broke.
OWNERS = (r"""mkdir -p /run/lab/owners/DEBIAN && cd /run/lab/owners/DEBIAN
    printf '%s\n' 'Package: owners' 'Version: 1' 'Architecture: all' 'Maintainer: Owner <owner@contoso.com>' 'Description: of the owner' >control
    echo 'interest-noawait /usr/share/man' >triggers
    printf '%s\n' '#!/bin/sh' 'echo no such luck' '[ "$1$2" = configure ]' >postinst
    chmod 755 postinst && cd / && dpkg-deb --build /run/lab/owners /run/lab/owners.deb && dpkg --install /run/lab/owners.deb""",
          "dpkg --purge owners; rm -r /run/lab/owners /run/lab/owners.deb")


def told_of_owners(lab: Lab, _: Result) -> None:
    log = lab.sh(f"cat {LOGS}/*.log").stdout
    for word in ("the packages are removed, but ", "unfinished, since a run was broken off: owners; "):
        expect(word in log, f"{word!r} is not in {log}")


ROWS: List[Row] = []


def add(title: str, codes: "int | Set[int]", how: "tuple[str, str]" = (":", ":"), **more: object) -> None:
    ROWS.append(Row(title, {codes} if isinstance(codes, int) else codes, breaks=how[0], mends=how[1], **more))


# ---- disks

FULL_ETC = over("/etc", "16m", then=filled("/etc"))
add("/etc is full", 52, FULL_ETC, inside=["/etc"], words=["free some space"])
FILLING = shim("/usr/bin/dpkg", '/usr/bin/dpkg.real "$@"; code=$?; case $1 in --install) head -c 1G /dev/zero >/etc/lab-filler 2>/dev/null ;; esac\n'
               'exit $code')
add("/etc is full once dpkg is through", 52, (FILLING[0] + "\n" + over("/etc", "16m")[0], f"{freed('/etc')}; {FILLING[1]}"),
    inside=["/etc"], words=["No space left on device"], as_before=False, after="umount /etc", sample=True)
add("/etc is full when it is to be taken off", {24, 52}, FULL_ETC, inside=["/etc"], verb="uninstall", installed=True,
    as_before=False)
add("/etc has no inode left", {24, 52},
    over("/etc", "16m", ",nr_inodes=$(($(find /etc | wc -l) + 1))"), inside=["/etc"], as_before=False)
add("/etc is read-only", 52, read_only("/etc"), words=["/etc is read-only"], sample=True)
add("/etc is read-only when what drifted is put right", 52,
    ("mv /etc/ssh/sshd_config.d/20-aadsshlogin.conf /run/lab/; " + read_only("/etc")[0],
     read_only("/etc")[1] + "; rm -f /run/lab/20-aadsshlogin.conf"), verb="enable", installed=True, words=["/etc is read-only"])
add("/etc is read-only when it is to be taken off", {24, 52}, read_only("/etc"), verb="uninstall", installed=True,
    as_before=False)
add("/var/lib is full", 52, over("/var/lib", "400m", then=filled("/var/lib")), inside=["/var/lib"], words=["free some space"], told=False)
add("/var is read-only", 52, read_only("/var"), told=False)
add("/var is read-only when it is to be taken off", {21, 24, 52}, read_only("/var"), verb="uninstall", installed=True,
    told=False)
add("the agent's folders are full", 0,
    (f"for f in /var/lib/waagent/*/status {LOGS}/events; do mount -t tmpfs -o size=4k lab $f; head -c 4096 /dev/zero >$f/x; done",
     f"umount {LOGS}/events /var/lib/waagent/*/status"), told=False)
add("the disk is full when the old status is success", 52,
    ("mv /etc/ssh/sshd_config.d/20-aadsshlogin.conf /run/lab/; " + read_only("/etc")[0] + """
      set -- /var/lib/waagent/*/status; cp -a $1 /run/lab/status; mount -t tmpfs -o size=16k lab $1; cp -a /run/lab/status/. $1
      head -c 1M /dev/zero >$1/x 2>/dev/null || :""",
     "umount /var/lib/waagent/*/status; rm -rf /run/lab/status; " + read_only("/etc")[1] + "; rm -f /run/lab/20-aadsshlogin.conf"),
    verb="enable", installed=True, sample=True)

# ---- memory and descriptors

add("64 MB of memory", {0, 24}, before=["prlimit", f"--data={64 << 20}", f"--as={256 << 20}"], as_before=False)
for number in (4, 6, 8, 10, 12, 16, 24):
    add(f"{number} descriptors", TABLE, before=["prlimit", f"--nofile={number}"], as_before=False, told=number > 6)
# ---- the package manager

add("dpkg is killed", 24, shim("/usr/bin/dpkg", 'case $1 in --install) /usr/bin/dpkg.real "$@"; kill -9 $$ ;; esac\nexec /usr/bin/dpkg.real "$@"'),
    words=["signal 9", "packages.log"], sample=True)
add("dpkg is killed halfway", 24, packed("postinst", "kill -9 $PPID"), words=["signal 9"])
add("dpkg is killed among the files", 24, shim("/usr/bin/dpkg-deb", """case $1 in --fsys-tarfile)
    mkdir /run/lab/dpkg-killed && { /usr/bin/dpkg-deb.real "$@" | head -c 200000; sleep 0.5; kill -9 $PPID; exit; } ;;
esac
exec /usr/bin/dpkg-deb.real "$@\""""), after="rmdir /run/lab/dpkg-killed", words=["signal 9"])
add("preinst fails", 24, packed("preinst", "echo no such luck >&2; exit 3"), words=["exit status 3"])
add("postinst fails", 24, packed("postinst", "echo no such luck >&2; exit 3"), words=["exit status 3"], sample=True)
add("prerm fails", 24, installed_script("prerm", "exit 3"), verb="uninstall", installed=True, as_before=False, words=["exit status 3"])
add("postrm fails", 24, installed_script("postrm", "exit 3"), verb="uninstall", installed=True, as_before=False, words=["exit status 3"])
add("a script of the owner's fails when our pages are gone", 0, OWNERS, verb="uninstall", installed=True, check=told_of_owners)
add("dpkg says 100 MB and fails", 24, shim("/usr/bin/dpkg", f'case $1 in --install) {FLOOD}; echo; echo "dpkg: error: no such luck"; exit 2 ;; esac\n'
    'exec /usr/bin/dpkg.real "$@"'), words=["no such luck"], check=small_log)
add("dpkg says 100 MB and succeeds", 0, shim("/usr/bin/dpkg", f'case $1 in --install) {FLOOD} ;; esac\nexec /usr/bin/dpkg.real "$@"'),
    check=small_log)
add("dpkg says that it succeeded, and did nothing", 24, shim("/usr/bin/dpkg", 'case $1 in --install) exit 0 ;; esac\nexec /usr/bin/dpkg.real "$@"'),
    words=["reports success"])
add("there is no dpkg", 51, ("mv /usr/bin/dpkg /usr/bin/dpkg.real", "mv /usr/bin/dpkg.real /usr/bin/dpkg"), words=["package manager"])

# ---- time

add("dpkg hangs past the deadline", 27, hangs("/usr/bin/dpkg", '[ "$1" = --install ]'), before=LATE, check=no_child, words=["/usr/bin/dpkg"],
    sample=True)
add("dpkg hangs past what it gets", 24, hangs("/usr/bin/dpkg", '[ "$1" = --install ]'), before=leap("boottime", 601), check=no_child,
    words=["/usr/bin/dpkg", "in time"])
add("dpkg hangs when it is to be removed", {24, 27}, hangs("/usr/bin/dpkg", '[ "$1" = --force-remove-reinstreq ]'), before=leap("boottime", 245),
    check=no_child, verb="uninstall", installed=True, as_before=False)
add("dpkg-query hangs", 24, hangs("/usr/bin/dpkg-query"), before=SLOW, check=no_child, words=["/usr/bin/dpkg-query"])
add("sshd -t hangs", {21, 25}, hangs("/usr/sbin/sshd", 'case $1 in -T) exit 255 ;; esac; [ "$1" = -t ]'), before=SLOW, check=no_child, words=["/usr/sbin/sshd"], sample=True)
add("sshd -T hangs", {21, 25}, hangs("/usr/sbin/sshd", '[ "$1" = -T ]'), before=SLOW, check=no_child, words=["/usr/sbin/sshd"])
add("visudo hangs", 21, hangs("/usr/sbin/visudo"), before=SLOW, check=no_child, words=["/usr/sbin/visudo"])
add("sudo -V hangs", 21, hangs("/usr/bin/sudo", '[ "$1" = -V ]'), before=SLOW, check=no_child, words=["/usr/bin/sudo"])
add("getent hangs", 21, hangs("/usr/bin/getent"), before=SLOW, check=no_child, words=["/usr/bin/getent"])
add("sshd hangs past the deadline of enable", 27, hangs("/usr/sbin/sshd", '[ "$1" = -T ]'), before=LATE, check=no_child, verb="enable",
    installed=True, as_before=True)

# ---- sshd and systemd

add("there is no sshd", 52, ("mv /usr/sbin/sshd /usr/sbin/sshd.real", "mv /usr/sbin/sshd.real /usr/sbin/sshd"), words=["sshd"], sample=True)
add("sshd refuses every configuration", 25, shim("/usr/sbin/sshd", 'case $1 in -t | -T) echo "no such luck" >&2; exit 255 ;; esac\nexec /usr/sbin/sshd.real "$@"'),
    words=["no such luck"])
add("sshd dies when it is asked", {21, 25}, shim("/usr/sbin/sshd", 'case $1 in -T) kill -SEGV $$ ;; esac\nexec /usr/sbin/sshd.real "$@"'), words=["sshd"])
ACTIVE = 'case $1 in show) printf "Id=ssh.service\\nActiveState=active\\n\\n" ;;'
add("the reload fails", 25, systemd(f'{ACTIVE} reload) echo "Job for ssh.service failed" >&2; exit 1 ;; esac'),
    words=["Job for ssh.service failed"], sample=True)
add("systemctl fails", 25, systemd('echo "Failed to connect to bus" >&2; exit 1'), words=["systemctl"])
add("systemctl hangs", {25, 27}, systemd(f"rm -f {MOMENT}\n{HANGS}"), before=SLOW, check=no_child, words=["systemctl"])
add("systemctl fails when it is to be taken off", 25, systemd('echo "Failed to connect to bus" >&2; exit 1'), verb="uninstall", installed=True,
    as_before=False)
add("the reload is refused once all is off", 25, systemd(f'{ACTIVE} reload) exit 1 ;; esac'), verb="uninstall", installed=True, as_before=False)
add("systemd is absent", 0)

# ---- SELinux

add("semodule fails", 21, **semodule("echo no such luck >&2; exit 1"), words=["/usr/sbin/semodule", "no such luck"], sample=True)
add("semodule says that it succeeded, and did nothing", 21, **semodule("exit 0"), words=["reports success"])
add("semodule hangs past what it gets", 21, **semodule(HANGS), before=leap("boottime", 601), check=no_child,
    words=["/usr/sbin/semodule", "in time"])
add("semodule hangs past the deadline", 27, **semodule(HANGS), before=LATE, check=no_child, words=["/usr/sbin/semodule"])

# ---- clocks

add("the clock leaps ten years ahead while dpkg works", 0,
    shim("/usr/bin/dpkg", f'case $1 in --install) touch {MOMENT} ;; esac\nexec /usr/bin/dpkg.real "$@"'), before=leap("realtime", TEN_YEARS))
add("the clock leaps ten years back while dpkg works", 0,
    shim("/usr/bin/dpkg", f'case $1 in --install) touch {MOMENT} ;; esac\nexec /usr/bin/dpkg.real "$@"'), before=leap("realtime", -TEN_YEARS), sample=True)
add("the clock says 1970", 0, (f"touch {MOMENT}", f"rm {MOMENT}"), before=leap("realtime", -56 * 365 * 86400))
add("the clock is ten years ahead when what drifted is put right", 0,
    (f"rm -f /etc/ssh/sshd_config.d/20-aadsshlogin.conf; touch {MOMENT}", f"rm {MOMENT}"), before=leap("realtime", TEN_YEARS), verb="enable",
    installed=True, as_before=False)
add("the clock is ten years back when it is to be taken off", 0, (f"touch {MOMENT}", f"rm {MOMENT}"), before=leap("realtime", -TEN_YEARS),
    verb="uninstall", installed=True, as_before=False)

# ---- the metadata service

NO_IDENTITY = {"error": "invalid_request", "error_description": "Identity not found"}


def no_hurry(lab: Lab, _: Result) -> None:
    """A few requests, with pauses between them."""
    expect(2 <= len(requests(lab)) <= 40, f"{len(requests(lab))} requests")


add("the metadata service is slow", 0, cloud=lambda azure: azure.fault("imds.*", delay=2))
add("the metadata service does not answer", 22, cloud=lambda azure: azure.fault("imds.*", hang=True), settings={"identityWait": 0},
    words=["169.254.169.254"])
add("the metadata service throttles for a while", 0, check=no_hurry,
    cloud=lambda azure: azure.fault("imds.*", status=429, times=3, headers={"Retry-After": "1"}))
add("the metadata service throttles for ever", 22, settings={"identityWait": 0}, words=["429"], check=no_hurry,
    cloud=lambda azure: azure.fault("imds.*", status=429, headers={"Retry-After": "2"}))
add("the metadata service is down for a while", 0, cloud=lambda azure: azure.fault("imds.*", status=503, times=3), check=no_hurry, sample=True)
add("the identity comes after a while", 0, cloud=lambda azure: azure.fault("imds.token", status=400, body=NO_IDENTITY, times=5), check=no_hurry)
add("the identity never comes", 22, settings={"identityWait": 8}, words=["managed identity"], check=no_hurry,
    cloud=lambda azure: azure.fault("imds.token", status=400, body=NO_IDENTITY))


# ---- playing

INSIDE = r"""cd "$1" && find . -xdev \( -type f -printf '%p %m %U:%G ' -exec sha256sum {} \; \) -o -printf '%p %y %m %U:%G %l\n' |
    grep -v -e lab-filler -e '^./ld.so.cache' -e '^./dpkg/' -e '^./apt/' -e '^./waagent' -e '^./aadsshlogin/\(state.json\|seal\|lock\) ' \
        -e '^./aadsshlogin d' -e '^. d' -e '^./.pwd.lock' | sort"""


class View:
    """What a machine looks like, without what a failed run may leave: from outside, and folders from inside."""

    def __init__(self, lab: Lab, inside: Sequence[str]) -> None:
        self.outside = lab.machine.snapshot(WATCHED, NOT_OURS + MEMORY)
        self.inside = [lab.sh(INSIDE, folder).stdout.splitlines() for folder in inside]

    def differs(self, other: "View") -> List[str]:
        return difference(self.outside, other.outside) + self.inside_differs(other)

    def inside_differs(self, other: "View") -> List[str]:
        found: List[str] = []
        for mine, theirs in zip(self.inside, other.inside):
            found += [f"gone     {line}" for line in mine if line not in theirs]
            found += [f"new      {line}" for line in theirs if line not in mine]
        return found


def check_local(lab: Lab) -> None:
    with lab.tally.trial(ADMITTED):
        login.check_local(lab.machine)


def check_told(lab: Lab, row: Row, result: Result) -> None:
    with lab.tally.trial(TOLD):
        code, status = result.returncode, lab.extension.status() if row.told else None
        message = status["formattedMessage"]["message"] if status else result.stderr
        expect(code == 0 or f"error {code} " in result.stderr, result)
        if row.told:
            expect(status and (status["status"], status["code"]) == ("error" if code else "success", code), (status, result))
            expect(code == 0 or "\n" in message, f"no remedy in {message!r}")
        for word in row.words if code else ():
            expect(word in message, f"{word!r} is not in {message!r}")


def check_litter(lab: Lab) -> None:
    found = lab.sh(f"find /var/lib/waagent {LOGS} /etc /var/lib/aadsshlogin -xdev -name '*aadssh-new' -o -name event.tmp 2>/dev/null || :").stdout
    expect(not found, f"left: {found}")


def broken(lab: Lab, row: Row, before: View) -> Result:
    """The verb while the world is broken."""
    started = time.monotonic()
    result = lab.run(row.verb, *[lab.leap if word == "LEAP" else word for word in row.before])
    took = time.monotonic() - started
    expect(result.returncode in row.codes, result)
    expect(took < row.seconds, f"it took {took:.0f} s")
    check_told(lab, row, result)
    check_local(lab)
    if row.check:
        row.check(lab, result)
    if result.returncode and row.as_before:
        changes = before.differs(View(lab, row.inside))
        expect(not changes, "\n".join([*changes, str(result)]))
    check_litter(lab)
    return result


def healed(lab: Lab, row: Row) -> None:
    """The next run, and what uninstall leaves."""
    with lab.tally.trial(CONVERGED):
        result = lab.run(row.verb)
        expect(result.returncode == 0, result)
        check_litter(lab)
    if row.verb != "uninstall":
        result = lab.run("uninstall")
        expect(result.returncode == 0, result)


def play(lab: Lab, row: Row) -> None:
    lab.extension.write_settings(settings(row.settings or {}))
    lab.sh(f"rm -rf {lab.extension.folder}/status/* {LOGS}/packages.log*")
    clean = View(lab, [])
    if row.installed:
        result = lab.run("install")
        expect(result.returncode == 0, result)
    (lab.azure.dir / "requests.log").write_text("", encoding="utf-8")
    lab.sh(row.breaks)
    before = View(lab, row.inside)
    try:
        if row.cloud:
            row.cloud(lab.azure)
        with lab.tally.trial(WORLDS):
            broken(lab, row, before)
    finally:
        lab.azure.clear_faults()
        lab.sh(row.mends)
    lab.extension.write_settings(settings({}))
    healed(lab, row)
    changes = before.inside_differs(View(lab, row.inside)) if row.after != ":" else []
    lab.sh(row.after)
    with lab.tally.trial(RESTORED):
        changes += clean.differs(View(lab, []))
        expect(not changes, "\n".join(changes))
    check_local(lab)


def play_some(lab: Lab, queue: List[Row], tell: Teller) -> None:
    """Until one is broken: what comes after it wants another machine."""
    whole = True
    while queue and whole:
        row, whole = queue.pop(0), False
        with tell.step(f"{row.title}: {'any' if row.codes == TABLE else ' or '.join(map(str, sorted(row.codes)))}"):
            play(lab, row)
            whole = True


def work(label: str, build: Path, queue: List[Row], tally: Tally, tell: Teller) -> None:
    while queue:
        with in_cloud(label) as (machine, azure):
            play_some(Lab(machine, azure, build, tally), queue, tell)


def play_all(arguments: argparse.Namespace, chosen: List[Row], tell: Teller, tally: Tally) -> None:
    tell.play({f"fails{number}": lambda _, number=number: work(f"fails{number}", arguments.build, chosen, tally, tell)
               for number in range(min(AT_ONCE, len(chosen)))})


if __name__ == "__main__":
    sys.exit(lead(options(__doc__), "the failing world", ROWS, play_all))
