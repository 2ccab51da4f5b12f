# SPDX-License-Identifier: MIT
"""The packages that the lab needs and the host may not have.

They are installed by the host's own apt, with the host's own configuration, but into an overlay:
the host does not change.  What was written is kept as one archive, build/lab/layer-<hash>.tar, and
unpacked into the overlay of each machine; so it does not matter what file system the checkout is
on.  The hash covers what the layer lies on top of; when that changes, a new layer is made and the
old one removed.
"""

import fcntl
import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import List, Sequence

from lab import init

CHECKOUT = Path(__file__).resolve().parents[2]
LAB = CHECKOUT / "build" / "lab"

PACKAGES = "ca-certificates iproute2 nscd openssh-client openssh-server openssl sudo systemd waagent"
OPTIONAL = ["sudo-rs"]  # where the release has it

# The local administrator is there to stay what he is, whatever the project does to the machine.
ADMINISTRATOR = """ssh-keygen -A
id -u local || useradd --create-home --shell /bin/bash local
mkdir -m 700 -p /root/.ssh /home/local/.ssh
rm -f /root/.ssh/local /root/.ssh/local.pub
ssh-keygen -q -t ed25519 -N '' -C local -f /root/.ssh/local
cp /root/.ssh/local.pub /home/local/.ssh/authorized_keys
chown -R local: /home/local/.ssh
echo 'local ALL=(ALL) NOPASSWD:ALL' > /etc/sudoers.d/local
chmod 440 /etc/sudoers.d/local
"""

# policy-rc.d keeps apt from starting anything.  man-db's index of pages would take as long as all else that dpkg does; as
# where its owner answered no to it, the trigger runs and leaves it alone.
SETUP = f"""
export DEBIAN_FRONTEND=noninteractive
printf '#!/bin/sh\\nexit 101\\n' > /usr/sbin/policy-rc.d
chmod 755 /usr/sbin/policy-rc.d
get() {{
	optional=$(apt-cache --names-only search '^({"|".join(OPTIONAL)})$' | sed 's/ .*//')
	apt-get -qq -o Dpkg::Use-Pty=0 -o DPkg::Options::=--force-unsafe-io \\
		install --no-install-recommends {PACKAGES} $optional
}}
get || {{ apt-get -qq update; get; }}
echo man-db man-db/auto-update boolean false | debconf-set-selections
rm -f /var/lib/man-db/auto-update
{ADMINISTRATOR}"""

# What some machines have besides, if it can be had: a package that cannot be installed is left out, and
# says why in a file of its name.
WITHOUT = "/var/lib/lab-without"
SETUP_BESIDES = f"""
mkdir -p {WITHOUT}
for package in $optional; do
	apt-get -qq -o Dpkg::Use-Pty=0 -o DPkg::Options::=--force-unsafe-io \\
		install --no-install-recommends "$package" >/tmp/said 2>&1 || cp /tmp/said "{WITHOUT}/$package"
done
rm -f /tmp/said
"""

NOT_SAVED = [
    "etc/hosts",
    "etc/resolv.conf",
    "usr/sbin/policy-rc.d",
    "var/cache/apt",
    "var/lib/apt/lists",
    "var/log",
]

# What the layer replaces whole, so that it must be made again when the host's own changes.
REPLACED = ["/var/lib/dpkg/status", "/etc/passwd", "/etc/group", "/etc/shadow"]


def unshare(*namespaces: str) -> List[str]:
    """The command that starts init.py in new namespaces and kills it when it ends itself."""
    kinds = [f"--{kind}" for kind in ("mount", "pid", "uts", "ipc", *namespaces)]
    options = [*kinds, "--fork", "--kill-child", "--propagation=private"]
    return ["unshare", *options, "--", sys.executable, init.__file__]


def scratch() -> Path:
    """A directory to mount on; nothing is ever written to it."""
    path = LAB / "mnt"
    path.mkdir(parents=True, exist_ok=True)
    return path


def commands(optional: Sequence[str]) -> str:
    return f"{SETUP}\noptional='{' '.join(optional)}'\n{SETUP_BESIDES}" if optional else SETUP


def digest(optional: Sequence[str]) -> str:
    state = hashlib.sha256((commands(optional) + " ".join(NOT_SAVED)).encode())
    for name in REPLACED:
        state.update(Path(name).read_bytes())
    return state.hexdigest()[:16]


def ensure(optional: Sequence[str] = ()) -> Path:
    """
    Return the archive of the layer for this host, made now if need be.
    optional: packages to have besides; each list has a layer of its own, named after its first.
    """
    kind = f"with-{optional[0]}" if optional else "layer"
    scratch()
    with open(LAB / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        path = LAB / f"{kind}-{digest(optional)}.tar"
        if not path.exists():
            make(path, optional)
        for other in LAB.glob(f"{kind}-*"):
            if other != path:
                other.unlink()
    return path


def make(path: Path, optional: Sequence[str]) -> None:
    part = path.with_suffix(".part")
    config = init.Config(
        scratch=str(scratch()), command=commands(optional), save=str(part), not_saved=NOT_SAVED
    )
    print(f"lab: installing into a layer: {PACKAGES} {' '.join(optional)}".rstrip(), file=sys.stderr)
    proxies = {name: text for name, text in os.environ.items() if name.lower().endswith("_proxy")}
    done = subprocess.run(
        unshare() + [config.dump()],
        env={**init.ENVIRONMENT, **proxies},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"the lab's layer cannot be made:\n{done.stdout}")
    os.rename(part, path)
