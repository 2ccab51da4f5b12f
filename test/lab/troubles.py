# SPDX-License-Identifier: MIT
"""What goes wrong on machines, found by `check` and `explain` alone: each trouble of the product's documentation, and more.

One machine with the extension installed; each row breaks one thing.  Exactly the link that the row names says so, with
cause and command, and nothing else is blamed; where the command is one of the machine itself, running it mends the
trouble.  What is printed is compared with test/data/transcripts, where times and ids are masked and links that are ok
are left out.

usage: troubles.py [--build DIR] [--sample] [--list] [--only TEXT] [--record]    as root; exit status 1 if a row fails
"""

import json
import re
import sys
import tempfile
from pathlib import Path
from typing import Callable, List, NamedTuple, Optional, Sequence

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[1] / "fakes")]

from azure.client import Azure  # noqa: E402
from azure.packages import Package, make_deb  # noqa: E402
from lab import rows  # noqa: E402
from lab.install import FIRST, FOLDER, LIB, Extension, settings, zip_of  # noqa: E402
from lab.login import Person  # noqa: E402
from lab.machine import CLOUD_HOSTS, Machine  # noqa: E402
from lab.place import DOMAIN, in_cloud  # noqa: E402
from lab.schema import check_schema  # noqa: E402
from lab.teller import Teller, expect  # noqa: E402

TREE = Path(__file__).resolve().parents[2]
TRANSCRIPTS = TREE / "test/data/transcripts"
SSHD_CONFIG, NSSWITCH = "/etc/ssh/sshd_config", "/etc/nsswitch.conf"
OLD = f"{LIB}/Microsoft.Azure.ActiveDirectory.LinuxSSH.AADLoginForLinux-1.0.1"
CACHE = "/var/cache/aadsshlogin/keys-*"
ENABLE = "bin/aadssh-shim enable"

# OpenSSH 7.4 shows no list of signatures for certificates, and takes RSA certificates with SHA-1 alone.
SHIM_7_4 = """#!/bin/sh
# SHIM: the sshd of this machine, as one of OpenSSH 7.4 would show its settings
case "$*" in
-V) echo 'OpenSSH_7.4p1, OpenSSL 1.0.2k-fips' >&2; exit 1 ;;
*-T*) /usr/sbin/sshd.real "$@" | sed -e '/^\\(pubkeyaccepted\\|casignature\\|requiredrsasize\\)/Id' &&
	echo 'pubkeyacceptedkeytypes ssh-rsa-cert-v01@openssh.com,ssh-ed25519-cert-v01@openssh.com,ssh-rsa,ssh-ed25519' ;;
*) exec /usr/sbin/sshd.real "$@" ;;
esac
"""


# The machine's own openssh-server, packed again for apt to have it from, and taken away; its scripts start and stop nothing.
WITHOUT_SSHD = """set -e
mkdir -p /tmp/apt/package/DEBIAN
dpkg -L openssh-server | while read -r path; do
	case $path in /etc/*) continue ;; esac
	[ ! -f "$path" ] || cp -a --parents "$path" /tmp/apt/package
done
dpkg-query -s openssh-server | sed -e '/^Status:/d' -e '/^Conffiles:/d' -e '/^ \\//d' >/tmp/apt/package/DEBIAN/control
cd /tmp/apt && dpkg-deb -b package openssh-server.deb && apt-ftparchive packages . >Packages
rm -rf /etc/apt/sources.list.d/* package
echo 'deb [trusted=yes] file:/tmp/apt ./' >/etc/apt/sources.list
printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d
chmod 755 /usr/sbin/policy-rc.d
apt-get update
dpkg --force-depends --remove openssh-server
"""


class Lab:
    def __init__(self, machine: Machine, azure: Azure, build: Path) -> None:
        self.machine, self.azure = machine, azure
        self.extension = Extension(machine, zip_of(build, FIRST))
        self.set()
        for verb in ("install", "enable"):
            result = self.extension.run(verb)
            expect(result.returncode == 0, result)
        self.person = Person(machine, azure, f"Ann@{DOMAIN}", "admin")
        self.stranger = Person(machine, azure, f"Eve@{DOMAIN}")

    def set(self, **public: object) -> None:
        self.extension.write_settings(settings({"userDomains": [DOMAIN], **public}))

    def enable(self) -> None:
        result = self.extension.run("enable")
        expect(result.returncode == 0, result)

    def check(self, *options: str) -> "tuple[int, str]":
        result = self.machine.run([f"{FOLDER}/bin/aadssh-shim", "check", *options], check=False, timeout=120)
        expect(result.stderr == "", result)
        return result.returncode, result.stdout


Mend = Optional[Callable[[], object]]
Break = Callable[[Lab], Mend]


class Row(NamedTuple):
    """
    break_it breaks it, and returns what is to be done afterwards, whatever mended it.
    typed: the command is one of the machine, and mends it; otherwise that is what break_it returned
    again: the verb that goes on after that
    """

    title: str
    link: str
    seen: str
    command: str
    break_it: Break
    typed: bool = False
    state: str = "failed"
    sample: bool = True
    again: str = ""

    @property
    def transcript(self) -> str:
        return re.sub("[^a-z0-9]+", "-", self.title.lower()).strip("-")


class Person_row(NamedTuple):
    """Somebody who cannot sign in, though nothing is wrong with the machine."""

    title: str
    check: str  # of explain, that refuses
    words: Sequence[str]
    play: Callable[[Lab], "tuple[str, Mend]"]  # what explain is told
    sample: bool = True

    transcript = Row.transcript


# ---- how things break

def script(before: str, after: str = "") -> Break:
    def break_it(lab: Lab) -> Mend:
        lab.machine.sh(before)
        return (lambda: lab.machine.sh(after)) if after else None
    return break_it


def file(path: str, change: Callable[[str], str]) -> Break:
    def break_it(lab: Lab) -> Mend:
        before = lab.machine.read(path)
        after = change(before)
        expect(before != after, f"{path} is as it was")
        lab.machine.sh('cat >"$1"', path, input=after)
        return lambda: lab.machine.sh('cat >"$1"', path, input=before)
    return break_it


def top(line: str) -> Break:
    return file(SSHD_CONFIG, lambda text: f"{line}\n{text}")


def fault(endpoint: str, **fields: object) -> Break:
    def break_it(lab: Lab) -> Mend:
        lab.azure.fault(endpoint, **fields)
        return lab.azure.clear_faults
    return break_it


def identity(present: "bool | str") -> Break:
    def break_it(lab: Lab) -> Mend:
        lab.azure.set_identity(present)
        return lambda: lab.azure.set_identity(True)
    return break_it


def setting(**public: object) -> Break:
    """One that is in force: enable ran with it."""
    def break_it(lab: Lab) -> Mend:
        lab.set(**public)
        lab.enable()

        def mend() -> None:
            lab.set()
            lab.enable()
        return mend
    return break_it


def wrong_setting(lab: Lab) -> Mend:
    lab.extension.write_settings(settings({"userDomain": [DOMAIN]}))
    return lab.set


def proxy_without_login(lab: Lab) -> Mend:
    mend = setting(proxy="http://127.0.0.1:3128")(lab)
    lab.azure.set_proxy_login("somebody:secret")

    def both() -> None:
        lab.azure.set_proxy_login(None)
        mend()
    return both


def old_keys(lab: Lab) -> Mend:
    """Of three days ago, and nobody hands out newer ones."""
    expect(lab.person.run("true").returncode == 0, "a login, which fetches the keys")
    lab.machine.sh(f"""past=$(($(date +%s) - 259200))
        sed -i -e "s/^fetched .*/fetched $past/" -e "s/^expires .*/expires $((past + 3600))/" {CACHE}""")
    lab.azure.fault("entra.*", status=503)

    def mend() -> None:
        lab.azure.clear_faults()
        lab.machine.sh(f"rm -f {CACHE}")
    return mend


def aged_keys(lab: Lab) -> Mend:
    """Of two hours ago: they serve for a day."""
    mend = old_keys(lab)
    lab.machine.sh(f"""past=$(($(date +%s) - 7260))
        sed -i -e "s/^fetched .*/fetched $past/" -e "s/^expires .*/expires $((past + 3600))/" {CACHE}""")
    return mend


def old_package(*, extension: bool = False, stuck: bool = False) -> Break:
    """A STAND-IN of aadlogin, whose files do not matter here; stuck: its script fails while its users are signed in."""
    def break_it(lab: Lab) -> Mend:
        lab.extension.run("uninstall")
        with tempfile.TemporaryDirectory() as folder:
            scripts = {"prerm": "echo 'its users are signed in' >&2; exit 1"} if stuck else {}
            deb = make_deb(Path(folder), Package("aadlogin", "1.0.016290001", scripts=scripts))
            lab.machine.write("/tmp/aadlogin.deb", deb.read_bytes())
        lab.machine.sh("dpkg -i /tmp/aadlogin.deb")
        if stuck:
            result = lab.machine.run(["dpkg", "--purge", "aadlogin"], check=False)
            expect(result.returncode != 0, result)
        if extension:
            lab.machine.sh(f"mkdir -p {OLD}")
        refused = lab.extension.run("install")
        expect(refused.returncode == 23, refused)

        def mend() -> None:
            lab.machine.sh(f"rm -rf {OLD} /var/lib/dpkg/info/aadlogin.prerm; dpkg --purge aadlogin")
            expect(lab.extension.run("install").returncode == 0, "install once it is gone")
        return mend
    return break_it


def full(lab: Lab) -> Mend:
    lab.machine.sh("""size=$(($(du -sk /etc | cut -f 1) + 3000))
        mount -t tmpfs -o "size=${size}k" tmpfs /mnt && cp -a /etc/. /mnt && mount --bind /mnt /etc
        dd if=/dev/zero of=/etc/core bs=4k 2>/dev/null || true""")
    return lambda: lab.machine.sh("umount /etc /mnt")


def without_inodes(lab: Lab) -> Mend:
    lab.machine.sh("""mount -t tmpfs -o "nr_inodes=$(($(find /etc | wc -l) + 40))" tmpfs /mnt && cp -a /etc/. /mnt
        mount --bind /mnt /etc""")
    return lambda: lab.machine.sh("umount /etc /mnt")


def signed_in(lab: Lab) -> Mend:
    return lab.person.session().close


ROWS: List[Row] = [
    Row("the identity was removed", "identity", "no system-assigned managed identity",
        "az vm identity assign --resource-group lab --name vm1", identity(False)),
    Row("only user-assigned identities", "identity", "no system-assigned managed identity", "az vm identity assign",
        identity("user-assigned"), sample=False),
    Row("IMDS is blocked", "imds", "does not answer", "curl -m 5 --noproxy '*'", fault("imds.*", hang=True)),
    Row("the clock is an hour ahead", "clock", "s ahead", "",
        lambda lab: fault("imds.instance", headers={"Date": lab.machine.sh(
            "LC_ALL=C date -u -d '-1 hour' '+%a, %d %b %Y %H:%M:%S GMT'").stdout.strip()})(lab)),
    Row("names are not resolved", "dns", "login.microsoftonline.com cannot be resolved", "getent ahosts login.microsoftonline.com",
        file("/etc/hosts", lambda text: "".join(line for line in text.splitlines(True)
                                                if not any(host in line for host in CLOUD_HOSTS)))),
    Row("the proxy does not listen", "proxy", "the proxy 127.0.0.1:9:", "curl -m 5 -x 127.0.0.1:9",
        setting(proxy="http://127.0.0.1:9")),
    Row("the proxy wants a login", "proxy", "answers 407", "curl", proxy_without_login, sample=False),
    Row("Entra cannot be reached", "keys", "nobody can sign in (signing keys: none)", "curl -m 5 -sSI https://login.micro",
        fault("entra.*", status=503)),
    Row("Entra cannot be reached, and the keys will be too old", "keys", "nobody can sign in from", "curl", aged_keys, sample=False),
    Row("the keys are too old", "keys", "nobody can sign in (signing keys: too old)", "curl", old_keys),
    Row("the identity may not read roles", "roles", "may read role assignments",
        "az role assignment create --assignee-object-id", fault("arm.*", status=403)),
    Row("the old extension is there", "legacy", "aadlogin",
        "az vm extension delete --resource-group lab --vm-name vm1 --name AADLoginForLinux", old_package(extension=True)),
    Row("the old package is there", "legacy", "aadlogin", "dpkg --purge aadlogin", old_package(), typed=True,
        sample=False, again="install"),
    Row("the removal of the old package is stuck", "legacy", "its removal is stuck",
        "rm -f /var/lib/dpkg/info/aadlogin.prerm && dpkg --purge", old_package(stuck=True), typed=True,
        again="install"),
    Row("a setting is misspelt", "agent", "userDomain", "az vm extension set --resource-group lab --vm-name vm1", wrong_setting),
    Row("a file of the package was changed", "packages", "not in force: install aadsshlogin", ENABLE,
        script("echo '#' >>/usr/lib/tmpfiles.d/aadsshlogin.conf"), typed=True),
    Row("the package was removed by hand", "packages", "not in force: install aadsshlogin", ENABLE,
        script("dpkg -r aadsshlogin"), typed=True),
    Row("the configuration was changed", "config", "not in force: write /etc/aadsshlogin.conf", ENABLE,
        script("echo '# mine' >>/etc/aadsshlogin.conf"), typed=True, sample=False),
    Row("sshd_config has a mistake", "sshd-files", "Nonsense", "/usr/sbin/sshd -t", top("Nonsense yes")),
    Row("sshd does not use PAM", "sshd", "told not to use PAM", "sed -i",
        file(SSHD_CONFIG, lambda text: text.replace("UsePAM yes", "UsePAM no")), typed=True),
    Row("AllowUsers leaves Entra users out", "sshd", "AllowUsers keeps all Entra users out", "sed -i '1a\\AllowUsers *?contoso.com'",
        top("AllowUsers local root"), typed=True),
    Row("AllowGroups leaves Entra users out", "sshd", "AllowGroups keeps all Entra users out", "sed -i '1a\\AllowGroups aad_users'",
        top("AllowGroups sudo root"), typed=True),
    Row("DenyGroups names Entra users", "sshd", "DenyGroups keeps all Entra users out", "sed -i '1d'",
        top("DenyGroups aad_users"), typed=True),
    Row("sshd takes no certificates of Entra", "sshd", "would refuse every Entra user", "sed -i",
        top("CASignatureAlgorithms ssh-ed25519"), typed=True, sample=False),
    Row("the drop-in of sshd was removed", "sshd", "not in force: write /etc/ssh/sshd_config.d/20-aadsshlogin.conf", ENABLE,
        script("rm /etc/ssh/sshd_config.d/20-aadsshlogin.conf"), typed=True, sample=False),
    Row("OpenSSH 7.4", "sshd", "sshd asks for the keys of Entra users", "",
        lambda lab: (lab.machine.sh("mv /usr/sbin/sshd /usr/sbin/sshd.real"), lab.machine.write("/usr/sbin/sshd", SHIM_7_4, 0o755)) and
        (lambda: lab.machine.sh("mv /usr/sbin/sshd.real /usr/sbin/sshd")), state="note"),
    Row("nsswitch.conf does not name aad", "accounts", "not in force: write /etc/nsswitch.conf", ENABLE,
        script(f"sed -i 's/ aad//' {NSSWITCH}"), typed=True),
    Row("a line is missing in PAM", "pam", "not in force: write /etc/pam.d/sshd", ENABLE,
        script("sed -i /pam_aad/d /etc/pam.d/sshd"), typed=True),
    Row("sudo is told not to ask PAM", "pam", "pam_acct_mgmt", "visudo -f /etc/sudoers.d/owner",
        script("echo 'Defaults !pam_acct_mgmt' >/etc/sudoers.d/owner; chmod 440 /etc/sudoers.d/owner", "rm /etc/sudoers.d/owner")),
    Row("the rule for sudo was removed", "sudo", "not in force: write /etc/sudoers.d/", ENABLE,
        script("rm /etc/sudoers.d/aad_admins /etc/sudoers.d/*aadsshlogin* 2>/dev/null || true"), typed=True),
    Row("sshd is not installed", "platform", "there is no /usr/sbin/sshd", "apt-get install -y openssh-server",
        script(WITHOUT_SSHD), typed=True),
    Row("the disk is full", "disk", "free on /etc", "df -h", full),
    Row("the inodes are used up", "disk", "no more files can be made", "df -i", without_inodes, sample=False),
    Row("the extension was changed", "extension", "bin/aadssh-shim", "aadssh-shim verify",
        file(f"{FOLDER}/bin/aadssh-shim", lambda text: text + "# mine\n")),
    Row("somebody is signed in", "users", f"signed in: ann@{DOMAIN}", "", signed_in, state="ok", sample=False),
]


# ---- people

def without_role(lab: Lab) -> "tuple[str, Mend]":
    expect(lab.stranger.run("true").returncode == 255, "a login without a role")
    lab.machine.sh('cat >/tmp/eve-cert.pub', input=lab.stranger.certificate.read_text(encoding="ascii"))

    def mend() -> None:
        lab.azure.assign(lab.stranger.oid, "user")
        lab.machine.sh("rm -f /run/aadsshlogin/decisions/*")  # which lives up to a minute
        result = lab.stranger.run("id -un")
        expect(result.stdout.strip() == lab.stranger.name, result)
        lab.azure.unassign(lab.stranger.oid)
        lab.machine.sh(f"rm -f {CACHE} /run/aadsshlogin/decisions/*")
    return f"--cert /tmp/eve-cert.pub {lab.stranger.name}", mend


def other_domain(lab: Lab) -> "tuple[str, Mend]":
    return "ann@fabrikam.com", None


def local_namesake(lab: Lab) -> "tuple[str, Mend]":
    lab.machine.sh(f"echo 'bob@{DOMAIN}:x:1999:1999::/:/bin/bash' >>/etc/passwd")
    lab.enable()  # which leaves the account out of our Match

    def mend() -> None:
        lab.machine.sh(f"sed -i '/^bob@{DOMAIN}:/d' /etc/passwd")
        lab.enable()
    return f"bob@{DOMAIN}", mend


PEOPLE: List[Person_row] = [
    Person_row("the role of a person is missing", "role", ["no role grants it", "az role assignment create --assignee-object-id"], without_role),
    Person_row("a person of another domain", "domain", ["not among user_domains"], other_domain),
    Person_row("a local account has the name of a person", "entry", ["is not one of ours"], local_namesake, sample=False),
]


# ---- what is looked at

def masked(text: str) -> str:
    """Of the same length, so that lines break where they broke."""
    text = re.sub(r"the clock is \d{4} s", "the clock is 3600 s", text)
    text = re.sub("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "00000000-0000-0000-0000-000000000000", text)
    text = re.sub("SHA256:[A-Za-z0-9+/]{43}", "SHA256:" + 43 * "0", text)
    text = re.sub(r"\d+ min left", "60 min left", text)
    text = re.sub(r"kill -HUP \d+", "kill -HUP 1", text)
    text = text.replace("Couldn't connect", "Could not connect")  # as later releases of the library say
    text = re.sub(r"\d+ (s|min) ago", "1 s ago", text)
    text = re.sub(r"good for 2[34] h", "good for 23 h", text)  # of a day that has hardly begun
    return re.sub(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", "2026-01-01T00:00:00Z", text)


def troubles_of(text: str, link: str = "") -> str:
    """Without the links that are ok, but for this one."""
    blocks = re.findall(r"^(\S.*\n(?:[ ].*\n)*)", text, re.MULTILINE)
    return "".join(block for block in blocks if not re.match("ok +[a-z]", block) or block.split()[1] == link)


def check_narrow(text: str) -> None:
    """80 columns, but for words and commands that cannot be broken."""
    too_long = [line for line in text.splitlines() if len(line) > 80 and not re.match(r" +(\$|-|/|https?:|\S+$)", line)]
    expect(not too_long, too_long)


def compare(name: str, command: str, output: str, record: bool) -> None:
    path, text = TRANSCRIPTS / f"{name}.txt", f"# {command}\n{masked(output)}"
    if record:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    expected = path.read_text(encoding="utf-8") if path.exists() else "(none)\n"
    expect(text == expected, f"{path} says otherwise:\n{expected}--- than what was printed:\n{text}")


def check_json(lab: Lab, code: int) -> List[dict]:
    got, text = lab.check("--json")
    document = json.loads(text)
    check_schema("check", document)
    expect(got == code and document["result"] == ["ok", "notes", "failed"][code], document)
    return document["links"]


def check_well(lab: Lab) -> None:
    code, text = lab.check()
    expect(code == 0 and text.endswith("\nok\n"), f"{code}: {troubles_of(text)}")


def check_blame(row: Row, links: Sequence[dict]) -> dict:
    by_id = {link["id"]: link for link in links}
    found = by_id[row.link]
    expect((found["state"], row.seen in found["seen"] or row.seen in " ".join(found["notes"])) == (row.state, True), found)
    expect(row.command in found["command"], found)
    expect(row.state == "ok" or found["remedy"] or found["notes"], found)
    for link in links:
        if link["id"] != row.link and link["state"] != "ok":
            expect((link["state"], link.get("needs")) == ("skipped", row.link), f"{link['id']} is blamed too: {link}")
    return found


def play(lab: Lab, row: Row, record: bool) -> None:
    after = row.break_it(lab)
    try:
        code = {"failed": 2, "note": 1, "ok": 0}[row.state]
        found = check_blame(row, check_json(lab, code))
        got, text = lab.check()
        expect(got == code, text)
        check_narrow(text)
        compare(row.transcript, "aadssh-handler check", troubles_of(text, row.link), record)
        if row.typed:
            lab.machine.run(["sh", "-c", found["command"]], timeout=120)
            if row.again:
                result = lab.extension.run(row.again)
                expect(result.returncode == 0, result)
            check_well(lab)
    finally:
        if after and not row.again:
            after()
    check_well(lab)


def play_person(lab: Lab, row: Person_row, record: bool) -> None:
    name, after = row.play(lab)
    try:
        check_well(lab)
        result = lab.machine.run(["/usr/sbin/aadsshlogin", "explain", *name.split()], check=False)
        expect(result.returncode == 1, result)
        check_narrow(result.stdout)
        for word in row.words:
            expect(word in " ".join(result.stdout.replace("\\\n", "").split()), f"{word!r} is not in {result.stdout}")
        told = json.loads(lab.machine.run(["/usr/sbin/aadsshlogin", "explain", "--json", *name.split()], check=False).stdout)
        check_schema("aadsshlogin-explain", told)
        expect(told["refusedAt"] == row.check and told["remedy"], told)
        compare(row.transcript, f"aadsshlogin explain {name}", result.stdout, record)
    finally:
        if after:
            after()


def check_readme() -> None:
    """What the README shows of check is what was printed here."""
    shown = re.findall(r"^```\n(# a.*?)^```$", (TREE / "README.md").read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    known = [path.read_text(encoding="utf-8") for path in TRANSCRIPTS.iterdir()]
    expect(shown and all(text in known for text in shown), shown)


def main() -> int:
    parser = rows.options(__doc__, "where the extension's zip is")
    parser.add_argument("--record", action="store_true", help="write the transcripts instead of comparing them")
    arguments = parser.parse_args()
    chosen = rows.choose(parser, arguments, [*ROWS, *PEOPLE], lambda row: row.sample)
    tell = Teller(chapters=False)
    with tell.step("the README shows what is printed"):
        check_readme()
    with in_cloud("vm1") as (machine, azure):
        lab = Lab(machine, azure, arguments.build)
        with tell.step("nothing is wrong, and check says so", essential=True):
            check_well(lab)
            check_json(lab, 0)
        for row in chosen:
            with tell.step(row.title):
                (play if isinstance(row, Row) else play_person)(lab, row, arguments.record)
    return tell.summary("troubles")


if __name__ == "__main__":
    sys.exit(main())
