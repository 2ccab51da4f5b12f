# SPDX-License-Identifier: MIT
"""STAND-INS for the packages of Microsoft's closed product, which cannot be had here.

They are named as those are and do to a machine what those are known to do (lib/core/foreign.h says what and from
where): a Match block at the end of sshd_config that is never closed, `aad` in nsswitch.conf, a profile of
pam-auth-update, a file for sudo.  Their programs are none: the PAM module is pam_permit.so by another name, and the
key command prints nothing, so nobody of the tenant signs in by them.
"""

from pathlib import Path
from typing import Sequence

from azure.packages import Package, make_deb

VERSION = "1.0.033220001"

PROFILE = """Name: STAND-IN for sign-in with Entra ID
Default: yes
Priority: 300
Account-Type: Additional
Account:
\trequired\tpam_aad.so
"""

KEY_COMMAND = "#!/bin/sh\n# STAND-IN: knows no keys\nexit 0\n"

# What postinst does, by the name of the part that a test may leave out.
CONFIGURE = {
    "program": "chmod 755 /usr/sbin/aad_certhandler",
    "pam": """folder=$(dirname "$(find /lib /usr/lib -name pam_permit.so | head -n 1)")
ln -sf pam_permit.so "$folder/pam_aad.so"
DEBIAN_FRONTEND=noninteractive pam-auth-update --package""",
    "nsswitch": "grep -q '^passwd:.* aad' /etc/nsswitch.conf || sed -i 's/^passwd:.*/& aad/' /etc/nsswitch.conf",
    "sudo": """echo '%aad_admins ALL=(ALL) NOPASSWD:ALL' >/etc/sudoers.d/aad_admins
chmod 440 /etc/sudoers.d/aad_admins""",
    "sshd": """grep -q 'Added by aadsshlogin installer' /etc/ssh/sshd_config || cat >>/etc/ssh/sshd_config <<'END'
Match User *@*,????????-????-????-????-????????????    # Added by aadsshlogin installer
    AuthenticationMethods publickey
    PubkeyAuthentication yes
    AuthorizedKeysCommand /usr/sbin/aad_certhandler %u %k
    AuthorizedKeysCommandUser root
END""",
    "users": ": >>/etc/aadpasswd",
}

# They take their lines out of PAM and sshd, and leave the rest behind.
REMOVE = """[ "$1" = remove ] || exit 0
sed -i '/Added by aadsshlogin installer/,/AuthorizedKeysCommandUser root/d' /etc/ssh/sshd_config
DEBIAN_FRONTEND=noninteractive pam-auth-update --package --remove aad
rm -f /lib/*/security/pam_aad.so"""


def make(folder: Path, without: Sequence[str] = (), depends: str = "", postinst: str = "", arch: str = "amd64") -> Path:
    """without: parts of CONFIGURE; postinst: a line that its script begins with"""
    parts = [text for name, text in CONFIGURE.items() if name not in without]
    package = Package("aadsshlogin", VERSION, epoch=0, depends=depends,
                      files={"/usr/sbin/aad_certhandler": KEY_COMMAND, "/usr/share/pam-configs/aad": PROFILE},
                      scripts={"postinst": "\n".join(["set -e", *([postinst] if postinst else []), *parts]), "prerm": f"set -e\n{REMOVE}"})
    return make_deb(folder, package, arch)
