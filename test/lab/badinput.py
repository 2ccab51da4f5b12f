# SPDX-License-Identifier: MIT
"""What bad input gets: a clear error in the status and on stderr, its exit code, and nothing half-changed.

The extension's folder is laid out as the guest agent does it, and the handler runs as the agent would run it, on one
machine; each row breaks one thing, runs install, and mends it again.

usage: badinput.py [--build DIR]
"""

import argparse
import base64
import sys
from pathlib import Path
from typing import Callable, List, NamedTuple, Optional, Sequence

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[1] / "fakes")]

from azure.client import Azure  # noqa: E402
from lab.install import FIRST, FOLDER, SEQUENCE, Extension, settings, zip_of  # noqa: E402
from lab.login import check_local  # noqa: E402
from lab.machine import Machine  # noqa: E402
from lab.place import MEMORY, NOT_OURS, WATCHED, in_cloud  # noqa: E402
from lab.snapshot import difference  # noqa: E402
from lab.teller import Teller, expect  # noqa: E402

SSHD_CONFIG, NSSWITCH = "/etc/ssh/sshd_config", "/etc/nsswitch.conf"


class Lab(NamedTuple):
    machine: Machine
    azure: Azure
    extension: Extension


class Row(NamedTuple):
    """break_it returns what mends it; words must be in the status message (or on stderr alone: no status)."""

    title: str
    code: int
    words: Sequence[str]
    break_it: Callable[[Lab], Callable[[], None]]
    status: bool = True


def with_settings(text: "str | bytes") -> Callable[[Lab], Callable[[], None]]:
    def break_it(lab: Lab) -> Callable[[], None]:
        lab.extension.write_settings(text)
        return lambda: lab.extension.write_settings(settings({}))
    return break_it


def with_environment(text: Optional[str]) -> Callable[[Lab], Callable[[], None]]:
    def break_it(lab: Lab) -> Callable[[], None]:
        if text is None:
            lab.machine.sh(f"rm {FOLDER}/HandlerEnvironment.json")
        else:
            lab.extension.write_environment(text)
        return lab.extension.write_environment
    return break_it


def with_file(path: str, change: Callable[[str], str]) -> Callable[[Lab], Callable[[], None]]:
    def break_it(lab: Lab) -> Callable[[], None]:
        before = lab.machine.read(path)
        lab.machine.write(path, change(before))
        return lambda: lab.machine.write(path, before)
    return break_it


def with_imds(**fault: object) -> Callable[[Lab], Callable[[], None]]:
    def break_it(lab: Lab) -> Callable[[], None]:
        lab.extension.write_settings(settings({"identityWait": 0}))
        lab.azure.fault("imds.*", **fault)

        def mend() -> None:
            lab.azure.clear_faults()
            lab.extension.write_settings(settings({}))
        return mend
    return break_it


def with_script(before: str, after: str) -> Callable[[Lab], Callable[[], None]]:
    def break_it(lab: Lab) -> Callable[[], None]:
        lab.machine.sh(before)
        return lambda: lab.machine.sh(after) and None
    return break_it


def without_lines(word: str) -> Callable[[str], str]:
    return lambda text: "".join(line for line in text.splitlines(True) if not line.startswith(word))


NO_KEY = "AB" * 20
SECRET = base64.b64encode(b"\x30\x03\x02\x01\x00").decode()

# Exit code 0: it must work all the same.
ROWS: List[Row] = [
    Row("settings that are not JSON", 53, ["JSON", "line 1"], with_settings("{nonsense")),
    Row("settings with an unknown key", 53, ["userDomain", "userDomains"], with_settings(settings({"userDomain": []}))),
    Row("settings with a wrong type", 53, ["identityWait", "string", "an integer"],
        with_settings(settings({"identityWait": "long"}))),
    Row("settings with a value out of range", 53, ["identityWait", "121"], with_settings(settings({"identityWait": 121}))),
    Row("settings for a key that is not there", 53, [NO_KEY],
        with_settings(settings({}, protectedSettings=SECRET, protectedSettingsCertThumbprint=NO_KEY))),
    Row("settings that are missing", 53, [f"{SEQUENCE}.settings"],
        with_script(f"mv {FOLDER}/config/{SEQUENCE}.settings /tmp/kept", f"mv /tmp/kept {FOLDER}/config/{SEQUENCE}.settings")),
    Row("settings with a byte-order mark", 0, [], with_settings("\ufeff".encode() + settings({}).encode())),
    Row("settings that are null", 0, [], with_settings(settings(None))),
    Row("settings of length zero", 0, [], with_settings("")),
    Row("HandlerEnvironment.json is missing", 53, ["HandlerEnvironment.json"], with_environment(None)),
    Row("HandlerEnvironment.json is half-written", 53, ["HandlerEnvironment.json"],
        with_environment('[{"name": "x", "handlerEnv')),
    Row("the status folder is missing", 0, [], with_script(f"rmdir {FOLDER}/status", "true")),
    Row("the status folder is full", 0, ["cannot publish the status"],
        with_script(f"mount -t tmpfs -o size=4k tmpfs {FOLDER}/status && head -c 4096 /dev/zero >{FOLDER}/status/x",
                    f"umount {FOLDER}/status"), status=False),
    Row("sshd_config with CRLF", 0, [], with_file(SSHD_CONFIG, lambda text: text.replace("\n", "\r\n"))),
    Row("sshd_config without a final newline", 0, [], with_file(SSHD_CONFIG, lambda text: text + "PrintMotd no")),
    Row("sshd_config without Include and without a final newline", 0, [],
        with_file(SSHD_CONFIG, lambda text: without_lines("Include")(text) + "PrintMotd no")),
    Row("sshd_config with Match blocks", 0, [],
        with_file(SSHD_CONFIG, lambda text: text + "Match User git\n    ForceCommand /bin/false\n")),
    Row("sshd_config without Include that ends in a Match block", 0, [],
        with_file(SSHD_CONFIG, lambda text: without_lines("Include")(text) + "Match User git\n    ForceCommand /bin/false\n")),
    Row("sshd_config that includes another folder too", 0, [],
        with_file(SSHD_CONFIG, lambda text: "Include /etc/ssh/more.d/*.conf\n" + text)),
    Row("sshd_config with a syntax error of the owner's", 25, ["Nonsense"],
        with_file(SSHD_CONFIG, lambda text: text + "Nonsense yes\n")),
    Row("sshd_config with UsePAM no", 25, ["UsePAM"],
        with_file(SSHD_CONFIG, lambda text: text.replace("UsePAM yes", "UsePAM no"))),
    Row("sshd_config that takes no RSA certificates", 25, [f"{SSHD_CONFIG}:1 ", "+rsa-sha2-512-cert-v01@openssh.com"],
        with_file(SSHD_CONFIG, lambda text: "PubkeyAcceptedKeyTypes ssh-ed25519,rsa-sha2-512\n" + text)),
    Row("sshd_config that takes no RSA signatures in certificates", 25, ["CASignatureAlgorithms +rsa-sha2-256"],
        with_file(SSHD_CONFIG, lambda text: "CASignatureAlgorithms ssh-ed25519\n" + text)),
    Row("sshd_config with another AuthorizedKeysCommand for everybody in a Match block", 25, ["AuthorizedKeysCommand"],
        with_file(SSHD_CONFIG, lambda text: "Match all\n    AuthorizedKeysCommand /bin/true\n"
                  "    AuthorizedKeysCommandUser nobody\nMatch all\n" + text)),
    Row("nsswitch.conf without a passwd line", 21, ["nsswitch.conf", "passwd"], with_file(NSSWITCH, without_lines("passwd"))),
    Row("nsswitch.conf without a group line", 21, ["nsswitch.conf", "group"], with_file(NSSWITCH, without_lines("group"))),
    Row("IMDS answers 404", 22, ["169.254.169.254", "404"], with_imds(status=404)),
    Row("IMDS answers 429", 22, ["169.254.169.254", "429"], with_imds(status=429)),
    Row("IMDS answers 500", 22, ["169.254.169.254", "500"], with_imds(status=500)),
    Row("IMDS answers garbage", 22, ["JSON"], with_imds(status=200, body="<html>not JSON</html>")),
    Row("IMDS says nothing at all", 22, ["169.254.169.254"], with_imds(hang=True)),
]


def play(lab: Lab, row: Row) -> None:
    mend = row.break_it(lab)
    try:
        before = lab.machine.snapshot(WATCHED, NOT_OURS + MEMORY)
        result = lab.extension.run("install")
        expect(result.returncode == row.code, result)
        told = result.stderr
        if row.status:
            status = lab.extension.status()
            expect(status is not None, "there is no status file")
            expect((status["status"], status["code"]) == ("error" if row.code else "success", row.code), status)
            message = status["formattedMessage"]["message"]
            expect(row.code == 0 or "\n" in message, f"no remedy in {message!r}")
            told = message
            expect(row.code == 0 or message.split("\n")[0] in result.stderr, result)
        for word in row.words:
            expect(word in told, f"{word!r} is not in {told!r}")
        expect(row.code == 0 or f"error {row.code} " in result.stderr, result)
        if row.code == 0:
            expect(lab.extension.run("uninstall").returncode == 0, "uninstall")
        changes = difference(before, lab.machine.snapshot(WATCHED, NOT_OURS + MEMORY))
        expect(not changes, "\n".join(changes))
        check_local(lab.machine)
    finally:
        mend()
        lab.extension.forget()


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--build", type=Path, default=Path("build"), help="where the extension's zip is")
    parser.add_argument("--only", default="", help="rows whose title holds this text")
    arguments = parser.parse_args()
    tell = Teller()
    with in_cloud("badinput") as (machine, azure):
        lab = Lab(machine, azure, Extension(machine, zip_of(arguments.build, FIRST)))
        for row in ROWS:
            if arguments.only in row.title:
                with tell.step(f"{row.title}: exit {row.code}"):
                    play(lab, row)
    return tell.summary("the rows of bad input")


if __name__ == "__main__":
    sys.exit(main())
