# SPDX-License-Identifier: MIT
"""A machine whose nsswitch.conf and PAM stacks authselect makes, as on RHEL: people sign in, and all of it goes again.

authselect is the shim of test/fakes/authselect.py, since Debian has none; the programs, sshd, PAM and NSS are real.

usage: authselect.py [--build DIR]    as root; exit status 1 if something does not hold
"""

import argparse
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[1] / "fakes")]

from lab import layer  # noqa: E402
from lab.host import Host, Visitor  # noqa: E402
from lab.machine import Machine  # noqa: E402
from lab.snapshot import difference  # noqa: E402
from lab.rawssh import SUCCESS  # noqa: E402
from lab.teller import Teller, expect  # noqa: E402

TREES = ["/etc/authselect", "/etc/pam.d", "/etc/nsswitch.conf", "/etc/dconf", "/var/lib/authselect"]
SERVICES = {
    "sshd": "auth substack password-auth\nauth include postlogin\naccount required pam_nologin.so\n"
            "account include password-auth\npassword include password-auth\nsession include password-auth\n"
            "session include postlogin\n",
    "sudo": "auth include system-auth\naccount include system-auth\npassword include system-auth\n"
            "session include system-auth\n",
    "sudo-i": "auth include sudo\naccount include sudo\npassword include sudo\nsession include sudo\n",
}


def put_shim(machine: Machine, release: str) -> None:
    """release: of authselect's, as which it behaves"""
    machine.write("/usr/bin/authselect", (layer.CHECKOUT / "test/fakes/authselect.py").read_bytes(), 0o755)
    machine.sh('rm -rf /usr/share/authselect /etc/authselect /var/lib/authselect; mkdir -p /usr/share/authselect '
               '/etc/authselect/custom; cp -R "$1" /usr/share/authselect/default', str(layer.CHECKOUT / "test/data/authselect"))
    machine.write("/usr/share/authselect/shim", f"release {release}\n")


def select(machine: Machine) -> None:
    machine.run(["authselect", "select", "minimal", "with-altfiles", "--force", "--nobackup"])


def prepare(host: Host, release: str) -> None:
    machine = host.machine
    put_shim(machine, release)
    for name, text in SERVICES.items():
        machine.write(f"/etc/pam.d/{name}", f"#%PAM-1.0\n{text}")
    select(machine)


def check_selected(host: Host, profile: str) -> None:
    expect(host.machine.run(["authselect", "current", "--raw"]).stdout.split()[0] == profile, f"{profile} is not selected")
    host.machine.run(["authselect", "check"])


def check_login(visitor: Visitor) -> None:
    outcome = visitor.login()
    expect(outcome.end == SUCCESS, outcome)
    result = visitor.ssh("sudo -n id -u")
    expect(result.stdout.split() == ["0"], result)


def play(tell: Teller, host: Host, release: str) -> None:
    machine = host.machine
    with tell.step(f"release {release}: a machine of authselect's"):
        prepare(host, release)
        host.check_local_sudo()
        before = machine.snapshot(TREES)
    visitor = Visitor(host, f"r{release.replace('.', '')}@contoso.com", "admin")
    with tell.step("a profile of ours is selected, and an administrator gets in"):
        host.configure()
        check_selected(host, "custom/aadsshlogin")
        expect(" aad\n" in machine.read("/etc/nsswitch.conf"), machine.read("/etc/nsswitch.conf"))
        check_login(visitor)
    with tell.step("another profile is selected: the next run makes ours from that"):
        machine.run(["authselect", "select", "local", "--force", "--nobackup"])
        expect(visitor.login().end != SUCCESS, "somebody whom nobody knows gets in")
        host.configure()
        check_selected(host, "custom/aadsshlogin")
        check_login(visitor)
        select(machine)
        host.configure()
        check_login(visitor)
    with tell.step("nothing stays of it, and the local administrator gets in"):
        machine.run(["aadsshlogin", "unconfigure"])
        check_selected(host, "minimal")
        left = difference(before, machine.snapshot(TREES))
        if release == "1.2":  # the owner's own select wrote another time on top
            left = [line for line in left if "/authselect/" not in str(line)]
        expect(not left, left)
        host.check_local_sudo()


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--build", type=Path, default=Path("build"), help="where the packages are")
    arguments = parser.parse_args()
    tell = Teller(chapters=False)
    with Host(arguments.build, "authselect") as host:
        host.start_main_sshd()
        for release in ("1.2", "1.5"):
            play(tell, host, release)
    return tell.summary("authselect")


if __name__ == "__main__":
    sys.exit(main())
