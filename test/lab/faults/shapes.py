# SPDX-License-Identifier: MIT
"""
The shapes in which configuration is met in the field, and what comes of each: test/data/shapes has their bytes.

A shape of sshd_config is a folder as /etc/ssh, one of PAM a folder as /etc/pam.d, one of nsswitch.conf the file.
"""

from typing import List, NamedTuple, Sequence

from lab.layer import CHECKOUT

DATA = CHECKOUT / "test" / "data"
SHAPES = DATA / "shapes"
MACHINES = DATA / "machines"  # the distributions' own PAM stacks and nsswitch.conf

SSHD, NSSWITCH, PAM = "sshd_config", "nsswitch", "pam"
MAIN, DROPINS = "/etc/ssh/sshd_config", "/etc/ssh/sshd_config.d"


class Shape(NamedTuple):
    """One configuration of a machine's."""

    kind: str
    name: str
    code: int = 0  # that the extension ends with
    words: Sequence[str] = ()  # in the message, or where it is taken in a note
    script: str = ""  # what is done to the files once they are there: modes, owners, links
    sample: bool = False
    variant: str = ""  # of the same bytes
    domains: str = "contoso.com"  # of Entra users
    closed: bool = False  # a PAM stack that lets nobody in, as it is
    distribution: bool = False  # a folder of test/data/machines

    @property
    def title(self) -> str:
        variant = f", {self.variant}" if self.variant else ""
        return f"{self.kind}: {self.name}{variant}" + (f": exit {self.code}" if self.code else "")


def listed(kind: str, rows: Sequence[Shape]) -> List[Shape]:
    """The rows, and each shape that has none: it is taken without a word."""
    told = {row.name for row in rows}
    rest = [Shape(kind, path.name) for path in (SHAPES / kind).iterdir() if path.name not in told]
    missing = told - {path.name for path in (SHAPES / kind).iterdir()}
    if missing:
        raise ValueError(f"there are no shapes {missing} of {kind}")
    return sorted([*rows, *rest], key=lambda shape: (shape.name, shape.variant))


def of_sshd(name: str, code: int = 0, *words: str, **more: object) -> Shape:
    return Shape(SSHD, name, code, words, **more)


def of_nsswitch(name: str, code: int = 0, *words: str, **more: object) -> Shape:
    return Shape(NSSWITCH, name, code, words, **more)


def of_pam(name: str, code: int = 0, *words: str, **more: object) -> Shape:
    return Shape(PAM, name, code, words, **more)


SSHD_ROWS = listed(SSHD, [
    of_sshd("debian-12", sample=True),
    of_sshd("debian-12", domains="*", variant="all domains, and a local user's among them", sample=True),
    of_sshd("ubuntu-18.04", domains="*", variant="all domains, and a local user's among them"),
    of_sshd("debian-12", script=f"chmod 600 {MAIN}", variant="0600"),
    of_sshd("debian-12", script=f"chown root:adm {MAIN}; chmod 640 {MAIN}", variant="root:adm 0640"),
    of_sshd("debian-12", script=f"chown root:adm {MAIN}; chmod 664 {MAIN}", variant="others can write it, and it is not edited"),
    of_sshd("debian-12", script=f"mkdir -p /srv/ssh; mv {MAIN} /srv/ssh/; ln -s /srv/ssh/sshd_config {MAIN}",
          variant="a link, and it is not edited"),
    of_sshd("debian-12", script=f"rm -r {DROPINS}", variant="the folder is missing"),
    of_sshd("debian-12", script=f"chmod 700 {DROPINS}", variant="the folder is private"),
    of_sshd("debian-12", 25, DROPINS, "can be written by others", script=f"chmod 777 {DROPINS}",
          variant="anybody can write to the folder"),
    of_sshd("ubuntu-18.04", sample=True),
    of_sshd("ubuntu-18.04", script=f"chmod 600 {MAIN}", variant="0600"),
    of_sshd("ubuntu-18.04", script=f"chown root:adm {MAIN}; chmod 640 {MAIN}", variant="root:adm 0640"),
    of_sshd("ubuntu-18.04", script=f"setfacl -m u:local:r {MAIN}; setfattr -n user.note -v kept {MAIN}",
          variant="with an access list"),
    of_sshd("ubuntu-18.04", 25, f"{MAIN} can be written by others", script=f"chown root:adm {MAIN}; chmod 664 {MAIN}",
          variant="others can write it"),
    of_sshd("ubuntu-18.04", 25, f"{MAIN} is a symbolic link",
          script=f"mkdir -p /srv/ssh; mv {MAIN} /srv/ssh/; ln -s /srv/ssh/sshd_config {MAIN}",
            variant="a link"),
    of_sshd("ubuntu-18.04", 25, f"{MAIN} has more than one hard link", script=f"ln {MAIN} /etc/ssh/kept",
          variant="a second hard link"),
    of_sshd("ubuntu-18.04", 25, MAIN, script=f"rm {MAIN}", variant="missing"),
    of_sshd("cis-level-2", 25, f"{MAIN}:23", "AllowGroups", "AllowGroups aad_users", sample=True),
    of_sshd("no-rsa", 25, "sshd would refuse every Entra user", f"{MAIN}:2"),
    of_sshd("match-exec", 25, "line 3"),
    of_sshd("dropin-command-first", 25, f"{DROPINS}/10-keys.conf:3", "AuthorizedKeysCommand"),
    of_sshd("keys-command-earlier", 25, f"{MAIN}:5", "AuthorizedKeysCommand", sample=True),
    of_sshd("methods-earlier", 25, f"{MAIN}:4", "AuthenticationMethods"),
    of_sshd("pam-off", 25, f"{MAIN}:4", "UsePAM", sample=True),
    of_sshd("pam-off-in-a-dropin", 25, f"{DROPINS}/00-hardening.conf:3", "UsePAM"),
    of_sshd("pam-not-mentioned", 25, MAIN, "UsePAM yes"),
    of_sshd("empty", 25, MAIN, "UsePAM yes"),
    of_sshd("only-comments", 25, MAIN, "UsePAM yes"),
    of_sshd("allow-users", 25, f"{MAIN}:3", "AllowUsers"),
    of_sshd("allow-users-upn", 25, f"{MAIN}:4", "AllowUsers"),
    of_sshd("deny-users-all", 25, f"{MAIN}:3", "DenyUsers"),
    of_sshd("deny-groups-aad", 25, f"{MAIN}:3", "DenyGroups"),
    of_sshd("allow-groups-in-a-match", 0, f"{MAIN}:4: AllowGroups keeps Entra users out"),
    of_sshd("byte-order-mark", 25, "line 1"),
    of_sshd("unknown-keyword", 25, "line 3", "UseRoaming"),
    of_sshd("unknown-keyword-in-a-match", 25, "line 4"),
    of_sshd("ssh-audit", 0, "RSA keys below 3072 bits"),
    of_sshd("crlf", sample=True),
    of_sshd("no-newline-in-a-match", sample=True),
    of_sshd("sftp-chroot-no-include", sample=True),
    of_sshd("dropins", sample=True),
    of_sshd("include-in-a-match", sample=True),
    of_sshd("quoted", sample=True),
])

NSSWITCH_ROWS = listed(NSSWITCH, [
    of_nsswitch("debian-12", sample=True),
    of_nsswitch("debian-12", script="chmod 600 /etc/nsswitch.conf", variant="0600"),
    of_nsswitch("debian-12", 21, "/etc/nsswitch.conf is a symbolic link",
          script="mkdir -p /srv/nss; mv /etc/nsswitch.conf /srv/nss/; "
                "ln -s /srv/nss/nsswitch.conf /etc/nsswitch.conf", variant="a link"),
    of_nsswitch("debian-12", 21, "/etc/nsswitch.conf", script="rm /etc/nsswitch.conf", variant="missing"),
    of_nsswitch("debian-12", script="mkdir -p /usr/etc; mv /etc/nsswitch.conf /usr/etc/",
          variant="the vendor's, as SUSE has it since 16", sample=True),
    of_nsswitch("fedora-merge", sample=True),
    of_nsswitch("ldap-ends", sample=True),
    of_nsswitch("no-group", 21, "has no line \"group:\"", "group: files", sample=True),
    of_nsswitch("no-passwd", 21, "has no line \"passwd:\""),
    of_nsswitch("empty", 21, "has no line \"passwd:\""),
    of_nsswitch("merge-and-return", 21, "group: files [SUCCESS=merge NOTFOUND=return] systemd"),
    of_nsswitch("comment-in-a-source", 21, "group: files systemd#groups", "write a blank before the #"),
    of_nsswitch("no-newline", sample=True),
    of_nsswitch("winbind", 53, "names winbind for passwd", "userDomains", domains="*", variant="all domains"),
    of_nsswitch("winbind"),
    of_nsswitch("ldap", 53, "names ldap for passwd", domains="*", variant="all domains"),
    of_nsswitch("ldap"),
])

PAM_ROWS = listed(PAM, [
    of_pam("debian-12", sample=True),
    of_pam("debian-12", script="chmod 600 /etc/pam.d/sshd; chown root:adm /etc/pam.d/sudo", variant="0600"),
    of_pam("debian-12", 21, "/etc/pam.d/sshd is a symbolic link", script="mv /etc/pam.d/sshd /etc/pam.d/sshd-local; "
           "ln -s sshd-local /etc/pam.d/sshd", variant="a link"),
    of_pam("rhel-8-sssd", sample=True),
    of_pam("jumps", sample=True),
    of_pam("continued", sample=True),
    of_pam("continued-comment", closed=True),
    of_pam("crlf", closed=True),
    of_pam("slurm", closed=True),  # Debian's module ends the program that has no job
    of_pam("no-account", 21, "/etc/pam.d/sshd", "there is no account stack", sample=True),
])

# What the distributions ship.
DISTRIBUTIONS = [Shape(kind, path.name, distribution=True, variant="as shipped")
                 for path in sorted(MACHINES.iterdir()) for kind in (NSSWITCH, PAM)]

ROWS = [*SSHD_ROWS, *NSSWITCH_ROWS, *PAM_ROWS, *DISTRIBUTIONS]
