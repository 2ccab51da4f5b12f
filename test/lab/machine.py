# SPDX-License-Identifier: MIT
"""A whole machine on a copy of this one.

A Machine has its own mounts, processes, network (loopback only), host name and IPC, over an overlay
of "/".  What happens there stays there and is gone when it stops: the host keeps its files,
services, processes and network.  There is no init system inside; /run/systemd/system is absent, as
in a container.  What is sent to /dev/log is collected in the machine's /var/log/syslog.

By hand, as root, in the checkout:

    $ PYTHONPATH=test python3
    >>> from lab.machine import Machine
    >>> m = Machine().start()          # the first time, a minute: the layer is made
    >>> m.start_sshd()
    >>> print(m.run(["ssh", "-i", "/root/.ssh/local", "local@localhost", "sudo -n id"]).stdout)
    >>> m.shell()                      # a root shell with a terminal; leave it with exit
    >>> m.stop()

With the fake Azure and the real guest agent, see agent.py and selftest.py.
"""

import os
import shlex
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Iterable, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Union

from lab import init, layer, snapshot
from lab.snapshot import Entry, Snapshot

WIRE_SERVER = "168.63.129.16"
METADATA = "169.254.169.254"
CLOUD_HOSTS = (
    "login.microsoftonline.com",
    "management.azure.com",
    "westeurope.authorization.azure.net",
    "labstorage.blob.core.windows.net",
    "packages.contoso.com",
    "packages.microsoft.com",
)

TRUST_ANCHOR = "/usr/local/share/ca-certificates/lab.crt"

# What commands get; nothing of the caller's but the kind of its terminal.
ENVIRONMENT = {**init.ENVIRONMENT, "TERM": os.environ.get("TERM", "dumb")}

NAMESPACES = ("--mount", "--uts", "--ipc", "--net", "--pid")

# As su would, but without a session of PAM's: what PAM does is a matter of the story.
BECOME = """u=$1
shift
exec setpriv --reuid="$u" --regid="$(id -g -- "$u")" --init-groups --reset-env \\
	env LC_ALL=C.UTF-8 "$@"
"""


class Result(NamedTuple):
    """How a command ended."""

    argv: Sequence[str]
    returncode: int
    stdout: str
    stderr: str


class CommandError(Exception):
    """A command in the machine failed; the text says all that is known."""

    def __init__(self, result: Result) -> None:
        what = f"{shlex.join(result.argv)} ended with {result.returncode}"
        super().__init__(f"{what}\n{result.stdout}{result.stderr}")
        self.result = result


class Machine:
    """One machine: a context manager, or start() and stop()."""

    def __init__(
        self,
        hostname: str = "vm1",
        shares: Optional[Mapping[Union[str, Path], str]] = None,
        hosts: Optional[Mapping[str, str]] = None,
        optional: Sequence[str] = (),
        root: Optional[Path] = None,
        arch: str = "",
    ) -> None:
        """
        shares: directories of the host to show, writable, in the machine: host path -> path inside
        hosts:  further names for /etc/hosts: name -> address
        optional: packages that the machine has besides, if they can be had; see layer.WITHOUT
        root:   lie over this root, which has what the lab needs, instead of "/"; see roots.py
        arch:   that of the root's programs, if not the host's: qemu runs them
        """
        names = {name: "127.0.0.1" for name in CLOUD_HOSTS}
        names.update(hosts or {})
        self._config = init.Config(
            scratch=str(layer.scratch()),
            base=str(root or "/"),
            emulate=arch,
            hostname=hostname,
            hosts=names,
            addresses=[WIRE_SERVER, METADATA],
            read_only={str(layer.CHECKOUT): str(layer.CHECKOUT)},
            read_write={
                str(Path(host).resolve()): inside for host, inside in (shares or {}).items()
            },
        )
        self._optional = tuple(optional)
        self._init: Optional[subprocess.Popen] = None
        self.pid = 0  # of its process 1, as the host sees it
        self._upper = ""  # the directory of what differs from the base

    def start(self) -> "Machine":
        over = str(layer.ensure(self._optional)) if self._config.base == "/" else None
        config = init.Config(**{**vars(self._config), "layer": over})
        # The pipe to its standard input keeps the machine alive: it goes when this process goes.
        self._init = subprocess.Popen(
            layer.unshare("net") + [config.dump()],
            env=ENVIRONMENT,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        line = self._init.stdout.readline()
        if not line:
            self._init.wait()
            raise RuntimeError("the machine did not start")
        pid, upper = line.split()
        self.pid, self._upper = int(pid), f"/proc/{pid}/fd/{upper}"
        return self

    def stop(self) -> None:
        """End every process of the machine; its mounts and network go with them."""
        if self._init is not None:
            self._init.stdin.close()
            self._init.wait(timeout=30)
            self._init.stdout.close()
            self._init = None

    def __enter__(self) -> "Machine":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def network(self) -> List[str]:
        """The command prefix that runs a program of the host in the machine's network alone."""
        return ["nsenter", f"--net=/proc/{self.pid}/ns/net", "--"]

    def _enter(self, argv: Sequence[str], user: Optional[str], cwd: str) -> List[str]:
        namespaces = [*NAMESPACES, "--user"] if self._config.emulate else NAMESPACES
        command = ["nsenter", f"--target={self.pid}", *namespaces, "--", "env", f"--chdir={cwd}"]
        if user is not None:
            command += ["sh", "-c", BECOME, "sh", user]
        return command + list(argv)

    def popen(
        self,
        argv: Sequence[str],
        *,
        env: Optional[Mapping[str, str]] = None,
        user: Optional[str] = None,
        cwd: str = "/",
        **keywords: Any,
    ) -> subprocess.Popen:
        """Start a command; further keywords are those of subprocess.Popen."""
        if user is not None and env:
            argv = ["env", *(f"{name}={value}" for name, value in env.items()), *argv]
        keywords.setdefault("start_new_session", True)
        keywords.setdefault("text", True)
        return subprocess.Popen(
            self._enter(argv, user, cwd), env={**ENVIRONMENT, **(env or {})}, **keywords
        )

    def run(
        self,
        argv: Sequence[str],
        *,
        input: Optional[str] = None,
        env: Optional[Mapping[str, str]] = None,
        user: Optional[str] = None,
        cwd: str = "/",
        check: bool = True,
        timeout: float = 60,
    ) -> Result:
        """Run a command to its end.  check: raise CommandError unless it ends with 0."""
        process = self.popen(
            argv,
            env=env,
            user=user,
            cwd=cwd,
            errors="backslashreplace",
            stdin=subprocess.DEVNULL if input is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        try:
            stdout, stderr = process.communicate(input, timeout)
        except BaseException:
            os.killpg(process.pid, 9)  # nsenter and the command share the process group
            process.communicate()
            raise
        result = Result(argv, process.returncode, stdout, stderr)
        if check and result.returncode != 0:
            raise CommandError(result)
        return result

    def sh(self, script: str, *arguments: str, **keywords: Any) -> Result:
        """Run a shell script, which ends at the first failure; keywords are those of run()."""
        return self.run(["sh", "-euc", script, "sh", *arguments], **keywords)

    @contextmanager
    def changed(self, before: str, after: str) -> Iterator[None]:
        """Two shell scripts: what the one did, the other undoes."""
        self.sh(before)
        try:
            yield
        finally:
            self.sh(after)

    def read(self, path: str) -> str:
        return self.run(["cat", "--", path]).stdout

    def exists(self, path: str) -> bool:
        return self.run(["test", "-e", path, "-o", "-L", path], check=False).returncode == 0

    def write(
        self, path: str, content: Union[str, bytes], mode: int = 0o644, owner: str = "root:root"
    ) -> None:
        """Replace or make a file with the directories above it."""
        script = 'mkdir -p -- "${1%/*}/" && cat > "$1" && chown -- "$3" "$1" && chmod -- "$2" "$1"'
        data = content.encode() if isinstance(content, str) else content
        process = self.popen(
            ["sh", "-c", script, "sh", path, format(mode, "o"), owner],
            text=False,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        output, _ = process.communicate(data, timeout=60)
        if process.returncode != 0:
            raise CommandError(
                Result(["write", path], process.returncode, output.decode(errors="replace"), "")
            )

    def snapshot(self, paths: Iterable[str], exclude: Iterable[str] = (),
                 look: Callable[[str], Optional[Entry]] = snapshot.entry) -> Snapshot:
        """
        What lies at and below the paths; two with the same arguments go to snapshot.difference().
        exclude: shell patterns of whole paths, where `*` matches `/` too; look: see snapshot.take().
        """
        return snapshot.take(self._upper, paths, exclude, self._config.base, look)

    def written(self, text: str) -> List[str]:
        """Files on the overlay (not /dev, /proc, /run, /sys, /tmp) that the machine wrote and that hold the text."""
        argv = ["grep", "--recursive", "--files-with-matches", "--fixed-strings", "--no-messages", "--devices=skip", text, f"{self._upper}/"]
        found = subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=False).stdout
        return sorted(line[len(self._upper):] for line in found.splitlines())

    def trust(self, certificate: Union[str, Path]) -> None:
        """Make a certificate of the host a root of TLS: update-ca-certificates, but at once."""
        self.write(TRUST_ANCHOR, Path(certificate).read_text(encoding="ascii"))
        self.sh(
            """cat "$1" >> /etc/ssl/certs/ca-certificates.crt
            ln -sf "$1" "/etc/ssl/certs/$(openssl x509 -noout -hash -in "$1").0\"""",
            TRUST_ANCHOR,
        )

    def allow_refusals(self, *lines: str) -> None:
        """
        From 9.8 on sshd shuts an address out after refused logins; here one address stands for everybody.
        lines: what sshd_config is to have besides
        """
        path = "/etc/ssh/sshd_config.d/lab.conf"
        self.write(path, "".join(f"{line}\n" for line in (*lines, "PerSourcePenalties no")))
        self.sh('mkdir -p /run/sshd; /usr/sbin/sshd -t 2>/dev/null || sed -i /PerSourcePenalties/d "$1"', path)

    def start_sshd(self) -> None:
        """Start sshd as the distribution configures it; it writes its pid file when it listens."""
        self.sh(
            """install -d -m 755 /run/sshd
            /usr/sbin/sshd
            until [ -s /run/sshd.pid ]; do sleep 0.02; done""",
            timeout=10,
        )

    def stop_sshd(self) -> None:
        """Stop the listener; open sessions stay."""
        self.sh(
            """kill "$(cat /run/sshd.pid)"
            while [ -e /run/sshd.pid ]; do sleep 0.02; done""",
            timeout=10,
        )

    def syslog(self) -> List[str]:
        return self.read("/var/log/syslog").splitlines()

    def shell(self, argv: Sequence[str] = ("bash", "-l")) -> int:
        """An interactive root shell; script gives it a terminal that the machine knows."""
        command = ["script", "--quiet", "--return", "--command", shlex.join(argv), "/dev/null"]
        if not sys.stdin.isatty():
            command = list(argv)
        return self.popen(command, cwd="/root", start_new_session=False).wait()
