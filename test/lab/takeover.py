# SPDX-License-Identifier: MIT
"""Taking over from other products: the closed one, whose packages have our names, and aadlogin, which was before it.

Their packages are stand-ins that are built here (standin/): they make the edits and have the scripts that the real
ones are known for, good and broken.  dpkg, PAM, NSS, sshd and sudo are real.  While the extension is installed over
them a watcher signs in a local user and an Entra user again and again, and a local user's password is asked for.

usage: takeover.py [--build DIR] [--only TEXT] [--sample] [--list]
"""

import shutil
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path
from typing import Callable, List, NamedTuple, Optional

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[1] / "fakes")]

from azure.client import Azure  # noqa: E402
from lab import authselect, layer, rows  # noqa: E402
from lab.install import FIRST, FOLDER, SEQUENCE, Extension, settings, zip_of  # noqa: E402
from lab.login import Person, ssh  # noqa: E402
from lab.machine import Machine, Result  # noqa: E402
from lab.place import MEMORY, NOT_OURS, WATCHED, in_cloud  # noqa: E402
from lab.snapshot import Snapshot, difference  # noqa: E402
from lab.teller import NotHere, Teller, expect  # noqa: E402
from lab.userland import MANAGERS, RED_HAT_9, Userland, os_release, put_on  # noqa: E402

HERE = Path(__file__).resolve().parent / "standin"
CLOSED, OLD, OLD_SELINUX = "aadsshlogin", "aadlogin", "aadlogin-selinux"
VERSION = {CLOSED: "1.0.030480001", OLD: "1.0.016050002", OLD_SELINUX: "1.0.016050002"}

OUR_UIDS = 10000000, 100000000  # by default
UPN, UID = "alice@contoso.com", 4359382  # as the products gave uids, below our range
GONE_UPN, GONE_UID = "bob@contoso.com", 10246103
ADMIN = "admin"

PROFILE = """Name: Sign in with Entra ID (stand-in)
Default: yes
Priority: 512
Auth-Type: Primary
Auth:
	[success=end user_unknown=ignore default=die]	pam_aad.so
Account-Type: Primary
Account:
	[success=end default=ignore]	pam_aad.so
Session-Type: Additional
Session:
	optional	pam_aad.so
"""

# Backups of the tools that edit accounts, and what the machine remembers of them by design.
TRACES = ["/etc/passwd-", "/etc/group-", "/etc/shadow-", "/etc/gshadow-", "/etc/group", "/etc/gshadow", "/var/lib/pam/seen",
          "/var/lib/systemd*", "/var/lib/rpm*", *NOT_OURS, *MEMORY]


# ---- the stand-ins

def modules() -> Path:
    """Both modules in one shared object."""
    built = layer.LAB / "standin" / "modules.so"
    built.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", str(built), str(HERE / "modules.c"), "-lpam"], check=True)
    return built


def script(product: str, broken: str, cases: str) -> str:
    return (f"#!/bin/sh\nset -e\nPRODUCT={product}\nFORM=deb\nBROKEN={broken}\n"
            f"{(HERE / 'scripts.sh').read_text(encoding='utf-8')}\ncase $1 in\n{cases}esac\n")


def deb(product: str, broken: str = "nothing") -> Path:
    folder = layer.LAB / "standin" / f"{product}-{broken}"
    shutil.rmtree(folder, ignore_errors=True)
    control = folder / "DEBIAN"
    control.mkdir(parents=True)
    depends = "libpam-runtime, openssh-server"
    (control / "control").write_text(
        f"Package: {product}\nVersion: {VERSION[product]}\nArchitecture: all\nMaintainer: nobody <nobody@example.invalid>\n"
        f"Depends: {depends}\nDescription: a stand-in for tests\n", encoding="utf-8")
    if product == OLD_SELINUX:
        scripts = {"prerm": "#!/bin/sh\n[ \"$1\" != remove ] || ! dpkg -s aadlogin 2>/dev/null | grep -q 'ok installed' ||\n"
                            "\t{ echo 'uninstalling this before aadlogin may cripple the machine' >&2; exit 1; }\n"}
    else:
        scripts = {
            "postinst": script(product, broken, "configure) run install ;;\n"),
            "prerm": script(product, broken, "remove) run going ;;\nupgrade) run replacing ;;\n"),
            "postrm": script(product, broken, "remove|purge) run gone ;;\nupgrade) run replaced ;;\n"),
        }
        triplet = subprocess.run(["gcc", "-print-multiarch"], check=True, text=True, stdout=subprocess.PIPE).stdout.strip()
        library = folder / "lib" / triplet
        (library / "security").mkdir(parents=True)
        shutil.copy(modules(), library / "libnss_aad.so.2")
        shutil.copy(modules(), library / "security" / "pam_aad.so")
        (folder / "usr/share/pam-configs").mkdir(parents=True)
        (folder / "usr/share/pam-configs/aad").write_text(PROFILE, encoding="utf-8")
        (folder / "usr/sbin").mkdir(parents=True)
        shutil.copy(HERE / "certhandler.py", folder / "usr/sbin/aad_certhandler")
        (folder / "usr/sbin/aad_certhandler").chmod(0o755)
    for name, text in scripts.items():
        (control / name).write_text(text, encoding="utf-8")
        (control / name).chmod(0o755)
    out = folder.with_suffix(".deb")
    subprocess.run(["dpkg-deb", "--root-owner-group", "-Znone", "--build", str(folder), str(out)], check=True,
                   stdout=subprocess.DEVNULL)
    return out


SPEC = """
Name: {product}
Version: {version}
Release: 1
Summary: a stand-in for tests
License: MIT
BuildArch: noarch
AutoReqProv: no
%description
A stand-in for tests.
%install
mkdir -p %{{buildroot}} {root}
cp -a {root}/. %{{buildroot}}/
{scripts}
%files
{files}
"""


def rpm(product: str, broken: str = "nothing") -> Path:
    folder = layer.LAB / "standin" / f"{product}-{broken}-rpm"
    shutil.rmtree(folder, ignore_errors=True)
    files, scripts = [], ""
    if product == OLD_SELINUX:
        scripts = ("%preun\n[ \"$1\" != 0 ] || ! rpm -q aadlogin >/dev/null ||\n"
                   "\t{ echo 'uninstalling this before aadlogin may cripple the machine' >&2; exit 1; }\n")
    else:
        files = {"/usr/sbin/aad_certhandler": HERE / "certhandler.py", "/lib64/libnss_aad.so.2": modules(),
                 "/lib64/security/pam_aad.so": modules()}
        for path, source in files.items():
            (folder / "root" / path[1:]).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, folder / "root" / path[1:])
            (folder / "root" / path[1:]).chmod(0o755)
        for section, cases in {"post": "1) run install ;;\n", "preun": "0) run going ;;\n1) run replacing ;;\n",
                               "postun": "0) run gone ;;\n1) run replaced ;;\n"}.items():
            body = script(product, broken, cases).replace("FORM=deb", "FORM=rpm").replace("%", "%%")
            scripts += f"%{section} -p /bin/sh\n{body}\n"
    folder.mkdir(parents=True, exist_ok=True)
    spec = folder / "standin.spec"
    spec.write_text(SPEC.format(product=product, version=VERSION[product], root=folder / "root", scripts=scripts,
                                files="\n".join(files)), encoding="utf-8")
    defines = {"_topdir": folder / "top", "__os_install_post": "%{nil}", "_binaries_in_noarch_packages_terminate_build": 0}
    subprocess.run(["rpmbuild", "-bb", "--quiet", *(word for name, value in defines.items()
                                                     for word in ("--define", f"{name} {value}")), str(spec)],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return next((folder / "top" / "RPMS").rglob("*.rpm"))


# ---- a machine with one of them

class Lab(NamedTuple):
    machine: Machine
    azure: Azure
    extension: Extension
    alice: Person
    before: Snapshot  # before any of them was there
    rpm: bool

    def install(self, code: int = 0, **public: object) -> str:
        """Returns what the status says."""
        self.extension.write_settings(settings(public))
        result = self.extension.run("install")
        expect(result.returncode == code, result)
        status = self.extension.status()
        expect(status is not None and status["code"] == code, f"{status}\n{result}")
        return "\n".join([status["formattedMessage"]["message"],
                          *(part["formattedMessage"]["message"] for part in status.get("substatus", []))])


def put(lab: Lab, *products: str, broken: str = "nothing") -> None:
    """Install a product's stand-in, with two users who have signed in, one of them an administrator."""
    machine = lab.machine
    machine.sh(f"""
        echo '{UPN}:{lab.alice.oid}:{UID}:{UID}:Alice:/home/alice:/bin/bash' >/etc/aadpasswd
        echo '{GONE_UPN.upper()}:{lab.azure.add_user(GONE_UPN)}:{GONE_UID}:{GONE_UID}::/home/bob:/bin/sh' >>/etc/aadpasswd
        for home in alice:{UID} bob:{GONE_UID}; do
            install -d -m 700 -o "${{home#*:}}" -g "${{home#*:}}" "/home/${{home%:*}}"
            echo kept >"/home/${{home%:*}}/file"
            chown "${{home#*:}}:${{home#*:}}" "/home/${{home%:*}}/file"
        done""")
    for product in products:
        package = (rpm if lab.rpm else deb)(product, broken)
        machine.write(f"/root/{package.name}", package.read_bytes())
        machine.run([*(["rpm", "-i", "--nosignature"] if lab.rpm else ["dpkg", "-i"]), f"/root/{package.name}"])
        machine.sh(f"rm /root/{package.name}")
    # Its own tools write the members behind NSS's back.
    machine.sh(f"sed -i 's/^aad_admins:.*/&{UPN}/' /etc/group")


def patiently(attempt: Callable[[], Result]) -> Result:
    """Without an init system that holds its socket, sshd refuses connections for a moment while it reads its files."""
    for _ in range(20):
        result = attempt()
        if "Connection refused" not in result.stderr:
            break
        time.sleep(0.05)
    return result


def sign_in(lab: Lab, command: str = "id -u; id -un; pwd; cat file") -> Result:
    return patiently(lambda: lab.alice.run(command))


def check_alice(lab: Lab) -> None:
    result = sign_in(lab)
    expect(result.stdout.split() == [str(UID), UPN, "/home/alice", "kept"], result)


def check_alice_refused(lab: Lab) -> None:
    result = sign_in(lab)
    expect(result.returncode == 255 and not result.stdout, result)


def local_login(machine: Machine) -> Result:
    return patiently(lambda: machine.run(ssh("/root/.ssh/local", "local", ["id -un; sudo -n id -u"]), check=False, timeout=30))


def local_password(machine: Machine) -> Result:
    """The phase of PAM that asks for a password, for somebody local."""
    return machine.run(["sh", "-c", "echo secret | sudo -k -S -p '' id -u"], user="pat", check=False, timeout=30)


def check_local(machine: Machine) -> None:
    result = local_login(machine)
    expect(result.stdout.split() == ["local", "0"], result)
    result = local_password(machine)
    expect(result.stdout.split() == ["0"], result)


def check_taken_over(lab: Lab) -> None:
    machine = lab.machine
    check_local(machine)
    check_alice(lab)
    result = sign_in(lab, "sudo -n id -u")
    expect(result.stdout.strip() == "0", result)
    shown = machine.run(["/usr/sbin/sshd", "-T", "-C", f"user={UPN},host=h,addr=127.0.0.1"]).stdout.lower().splitlines()
    for line in ("authorizedkeyscommand /usr/sbin/aad_certhandler %u %k", "authorizedkeyscommanduser aadsshlogin",
                 "authorizedkeysfile none", "authenticationmethods publickey"):
        expect(line in shown, f"sshd does not show {line}")
    expect("Added by aadsshlogin" not in machine.read("/etc/ssh/sshd_config"), "their block is still there")
    lines = machine.sh("grep -H pam_aad /etc/pam.d/*").stdout.splitlines()
    files = {line.split(":")[0].rpartition("/")[2] for line in lines}
    expect(len(lines) == 3 and files == {"sshd", "sudo", "sudo-i"} and all("account [success=ok" in line for line in lines),
           f"lines of pam_aad.so: {lines}")
    expect(not machine.sh("grep ^aad_admins: /etc/group || true").stdout, "their group is still there")
    expect("aad" not in machine.sh("sed -n 's/^shadow://p' /etc/nsswitch.conf").stdout, "shadow names aad")
    accounts = machine.read("/etc/aadpasswd")
    expect(f":{UID}:{UID}:Alice:/home/alice:/bin/bash\n" in accounts, accounts)
    expect(f"{GONE_UPN}:" in accounts and f":{GONE_UID}:{GONE_UID}::/home/bob:/bin/sh\n" in accounts, accounts)
    expect(machine.read("/home/bob/file") == "kept\n", "a home is not as it was")
    expect(not machine.exists("/var/lib/aadsshlogin/takeover"), "what was kept is still there")
    expect(not machine.sh("ls /var/lib/dpkg/info 2>/dev/null | grep set-aside || true").stdout, "a script is still set aside")


def check_neither(lab: Lab) -> None:
    """After uninstall: the machine without either product; homes and the list of users stay as they were."""
    expect(lab.extension.run("uninstall").returncode == 0, "uninstall")
    changes = difference(lab.before, lab.machine.snapshot(WATCHED, TRACES))
    expect(all(line.startswith("new      /etc/aadpasswd ") for line in changes), "\n".join(changes))
    check_local(lab.machine)
    check_alice_refused(lab)


class Watch:
    """Signs in again and again while the body runs; local people must always get in, Alice gets in or is refused."""

    def __init__(self, lab: Lab) -> None:
        self.lab, self.results, self._stop = lab, {"local": [], "password": [], "alice": []}, threading.Event()

    def __enter__(self) -> "Watch":
        tries = {"local": lambda: local_login(self.lab.machine), "password": lambda: local_password(self.lab.machine),
                 "alice": lambda: sign_in(self.lab, "id -u")}
        self._threads = [threading.Thread(target=self._watch, args=(name, tries[name])) for name in tries]
        for thread in self._threads:
            thread.start()
        return self

    def _watch(self, name: str, attempt: Callable[[], Result]) -> None:
        while not self._stop.is_set():
            try:
                self.results[name].append(attempt())
            except subprocess.TimeoutExpired as error:
                self.results[name].append(Result([name], -1, "", str(error)))

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def check(self, uid: Optional[int] = UID) -> None:
        """uid: Alice's, None: one of ours, since no list has her"""
        expect(all(results for results in self.results.values()), "it was not watched")
        for result in self.results["local"]:
            expect(result.stdout.split() == ["local", "0"], result)
        for result in self.results["password"]:
            expect(result.stdout.split() == ["0"], result)
        for result in self.results["alice"]:
            if result.returncode == 0:
                expect(int(result.stdout) in ([uid] if uid else range(*OUR_UIDS)), result)
            else:
                expect(result.returncode == 255 and not result.stdout, result)


# ---- rows

class Row(NamedTuple):
    title: str
    play: Callable[[Lab], None]
    sample: bool = False
    userland: Optional[Userland] = None  # of a machine of rpm; the others are Debian's
    prepare: Callable[[Machine], None] = lambda machine: None  # what that machine has besides


def closed(broken: str = "nothing", before: str = "true") -> Callable[[Lab], None]:
    """Take over from the closed product, watched; before: what somebody did to the machine by hand."""
    def play(lab: Lab) -> None:
        put(lab, CLOSED, broken=broken)
        check_alice(lab)
        check_local(lab.machine)
        lab.machine.sh(before)
        with Watch(lab) as watch:
            lab.install()
        watch.check()
        check_taken_over(lab)
        check_neither(lab)
    return play


def closed_then_failing(lab: Lab) -> None:
    """A later step fails: what was replaced is not brought back, and nobody of the tenant gets in until it is mended."""
    put(lab, CLOSED)
    lab.machine.sh("sed -i 's/^group:/#group:/' /etc/nsswitch.conf")
    with Watch(lab) as watch:
        lab.install(21)
    watch.check()
    check_local(lab.machine)
    check_alice_refused(lab)
    lab.machine.sh("sed -i 's/^#group:/group:/' /etc/nsswitch.conf")
    lab.install()
    check_taken_over(lab)


def closed_stays(lab: Lab) -> None:
    """The packages cannot be installed: the closed product is in force again, byte for byte."""
    put(lab, CLOSED)
    before = lab.machine.snapshot(WATCHED, NOT_OURS + MEMORY)
    lab.machine.sh(f"for file in {FOLDER}/packages/*; do echo >>$file; done")
    with Watch(lab) as watch:
        message = lab.install(24)
    watch.check()
    expect("SHA256SUMS" in message or "damaged" in message, message)
    changes = difference(before, lab.machine.snapshot(WATCHED, NOT_OURS + MEMORY))
    expect(not changes, "\n".join(changes))
    check_alice(lab)
    check_local(lab.machine)


def killed(number: int) -> Callable[[Lab], None]:
    """The handler dies at its Nth publication of a file; local people get in, and the next run converges."""
    def play(lab: Lab) -> None:
        put(lab, CLOSED)
        program = lab.machine.sh(f"ls {FOLDER}/bin/$(uname -m)/aadssh-handler").stdout.strip()
        result = lab.machine.run(
            ["strace", "-qq", "-o", "/dev/null", "-e", f"inject=renameat,renameat2:signal=SIGKILL:when={number}",
             program, "install"], check=False, cwd=FOLDER, timeout=180, env={"ConfigSequenceNumber": str(SEQUENCE)})
        expect(result.returncode != 0, f"it was done before the {number}. publication")
        check_local(lab.machine)
        result = sign_in(lab)
        expect(result.returncode == 255 or result.stdout.split()[:1] == [str(UID)], result)
        lab.install()
        check_taken_over(lab)
        check_neither(lab)
    return play


def old_is_refused(lab: Lab) -> None:
    put(lab, OLD)
    before = lab.machine.snapshot(WATCHED, NOT_OURS + MEMORY)
    message = lab.install(23)
    expect("aadlogin" in message and "migrateLegacy" in message, message)
    changes = difference(before, lab.machine.snapshot(WATCHED, NOT_OURS + MEMORY))
    expect(not changes, "\n".join(changes))


def old(*products: str, broken: str = "nothing", session: bool = False, users: bool = True) -> Callable[[Lab], None]:
    def play(lab: Lab) -> None:
        put(lab, *products, broken=broken)
        if not users:
            lab.machine.sh(": >/etc/aadpasswd; sed -i 's/^\\(aad_admins:.*:\\).*/\\1/' /etc/group")
        process = lab.machine.popen(["setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups", "sleep", "600"]) \
            if session else None
        with Watch(lab) as watch:
            message = lab.install(migrateLegacy=True)
        watch.check(UID if users else None)
        states = lab.machine.sh("rpm -qa 'aadlogin*'" if lab.rpm else
                                "dpkg-query -W -f '${Package} ${db:Status-Status}\\n' 'aadlogin*' 2>/dev/null || true").stdout
        expect("installed" not in states.replace("not-installed", "") and (not lab.rpm or not states), states)
        if process:
            expect(process.poll() is None, "the session was ended")
            process.kill()
            process.wait()
        expect((f"signed in from before: {UPN}" in message) == session, message)
        if users:
            check_taken_over(lab)
        check_neither(lab)
    return play


def old_with_a_local_member(lab: Lab) -> None:
    put(lab, OLD)
    lab.machine.sh("gpasswd -a pat aad_admins")
    before = lab.machine.snapshot(WATCHED, NOT_OURS + MEMORY)
    message = lab.install(23, migrateLegacy=True)
    expect("pat" in message and "aad_admins" in message, message)
    changes = difference(before, lab.machine.snapshot(WATCHED, NOT_OURS + MEMORY))
    expect(not changes, "\n".join(changes))


LOCAL_PAM = """sed -i '/^account.*pam_aad/d' /etc/pam.d/common-account
sed -i '/^account.*pam_unix/s/success=[0-9]/success=2/; /^account.*pam_unix/a account [success=1 default=ignore] pam_aad.so' \\
    /etc/pam.d/common-account"""


def by_authselect(machine: Machine) -> None:
    """A SHIM of authselect makes /etc/nsswitch.conf and the files that services include: test/fakes/authselect.py."""
    authselect.put_shim(machine, "1.5")
    authselect.select(machine)


ROWS: List[Row] = [
    Row("the closed product", closed(), sample=True),
    Row("the closed product, PAM edited by hand since", closed(before=LOCAL_PAM)),
    Row("the closed product, whose scripts fail", closed("fails")),
    Row("the closed product, whose script takes its lines out at an upgrade", closed("early")),
    Row("the closed product, whose script hangs", closed("hangs")),
    Row("the closed product, its key command and profile gone by hand",
        closed(before="rm /usr/sbin/aad_certhandler /usr/share/pam-configs/aad /var/lib/dpkg/info/aadsshlogin.prerm")),
    Row("the closed product, its block gone by hand", closed(before="sed -i '/Added by/,$d' /etc/ssh/sshd_config")),
    Row("the closed product, and a later step fails", closed_then_failing),
    Row("the closed product stays when ours cannot be installed", closed_stays, sample=True),
    Row("the old product is refused", old_is_refused),
    Row("the old product with somebody signed in", old(OLD, OLD_SELINUX, session=True), sample=True),
    Row("the old product, whose scripts fail", old(OLD, broken="fails")),
    Row("the old product without users", old(OLD, OLD_SELINUX, users=False)),
    Row("the old product without users, whose scripts fail", old(OLD, OLD_SELINUX, broken="fails", users=False)),
    Row("the old product, with a local account in its group", old_with_a_local_member),
    Row("the closed product, by rpm", closed(), userland=RED_HAT_9),
    Row("the closed product, by rpm, whose scripts fail", closed("fails"), userland=RED_HAT_9),
    Row("the closed product, by rpm, whose script hangs", closed("hangs"), userland=RED_HAT_9),
    Row("the closed product, by rpm, its lines in authselect's files",
        closed(before="for name in system-auth password-auth; do [ -L /etc/pam.d/$name ]; grep -q pam_aad /etc/authselect/$name; done"),
        userland=RED_HAT_9, prepare=by_authselect),
    Row("the old product, by rpm, with somebody signed in", old(OLD, OLD_SELINUX, session=True), userland=RED_HAT_9),
    Row("the old product without users, by rpm, whose scripts fail", old(OLD, OLD_SELINUX, broken="fails", users=False),
        userland=RED_HAT_9),
    *(Row(f"the closed product, killed at publication {number}", killed(number)) for number in range(1, 26)),
]


PAT = """useradd --create-home --shell /bin/bash pat
echo pat:secret | chpasswd
echo 'pat ALL=(ALL) ALL' >/etc/sudoers.d/pat; chmod 440 /etc/sudoers.d/pat"""


def play(build: Path, row: Row) -> None:
    def prepare(machine: Machine) -> None:
        machine.sh(PAT)
        if row.userland:
            put_on(machine, row.userland, os_release("rhel-9.6"))
            row.prepare(machine)

    if row.userland:
        with zipfile.ZipFile(zip_of(build, FIRST)) as archive:
            if not any(name.endswith(".rpm") for name in archive.namelist()):
                raise NotHere("the zip has no packages for rpm")
    with in_cloud(f"takeover{ROWS.index(row)}", prepare, MANAGERS if row.userland else ()) as (machine, azure):
        extension = Extension(machine, zip_of(build, FIRST))
        alice = Person(machine, azure, UPN, ADMIN)
        row.play(Lab(machine, azure, extension, alice, machine.snapshot(WATCHED, TRACES), bool(row.userland)))


def main() -> int:
    parser = rows.options(__doc__, "where the extension's zip is", "one row of each kind")
    arguments = parser.parse_args()
    chosen = rows.choose(parser, arguments, ROWS, lambda row: row.sample)
    tell = Teller()
    for row in chosen:
        with tell.step(row.title):
            play(arguments.build, row)
    return tell.summary("taking over")


if __name__ == "__main__":
    sys.exit(main())
