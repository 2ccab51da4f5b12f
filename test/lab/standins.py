# SPDX-License-Identifier: MIT
"""STAND-INS for the packages of Microsoft's closed product, which cannot be had here.

They are named as those are and do to a machine what those are known to do (lib/core/foreign.h says what and from
where): a Match block at the end of sshd_config that is never closed, `aad` in nsswitch.conf, a profile of
pam-auth-update or lines in the files of PAM that services include, a file for sudo.  Their programs are none: the PAM
module is pam_permit.so by another name, and the key command prints nothing, so nobody of the tenant signs in by them.
"""

from pathlib import Path
from typing import Dict, Optional, Sequence

from azure.packages import Package, Signer, make_deb, make_rpm

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
    "pam": """folder=$(dirname "$(find /usr/lib -name pam_permit.so | head -n 1)")
ln -sf pam_permit.so "$folder/pam_aad.so"
change_pam""",
    "nsswitch": "grep -q '^passwd:.* aad' /etc/nsswitch.conf || sed -i --follow-symlinks 's/^passwd:.*/& aad/' /etc/nsswitch.conf",
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
REMOVE = """sed -i '/Added by aadsshlogin installer/,/AuthorizedKeysCommandUser root/d' /etc/ssh/sshd_config
restore_pam
rm -f /usr/lib/*/security/pam_aad.so"""

# By Debian's tool where it is the machine's; otherwise in the files that services include, behind links too.
PAM = {
    "deb": """change_pam() { DEBIAN_FRONTEND=noninteractive pam-auth-update --package; }
restore_pam() { DEBIAN_FRONTEND=noninteractive pam-auth-update --package --remove aad; }
""",
    "rpm": """included() { find /etc/pam.d -name password-auth -o -name system-auth -o -name system-account -o -name common-account; }
change_pam() {
	for file in $(included); do
		grep -q pam_aad "$file" || sed -i --follow-symlinks '0,/^account/s//account required pam_aad.so\\n&/' "$file"
	done
}
restore_pam() { sed -i --follow-symlinks /pam_aad/d $(included); }
""",
}
GOING = {"deb": "remove", "rpm": "0"}  # what prerm is told when they go for good


def make(folder: Path, kind: str = "deb", without: Sequence[str] = (), depends: str = "", postinst: str = "", arch: str = "amd64",
         signer: Optional[Signer] = None) -> Path:
    """
    kind: deb or rpm; without: parts of CONFIGURE; postinst: a line that its script begins with; arch: of a deb
    signer: who signs an rpm
    """
    parts = [text for name, text in CONFIGURE.items() if name not in without]
    begin = f"set -e\n{PAM[kind]}"
    scripts: Dict[str, str] = {"postinst": "\n".join([begin, *([postinst] if postinst else []), *parts]),
                               "prerm": f'{begin}[ "$1" = {GOING[kind]} ] || exit 0\n{REMOVE}'}
    files = {"/usr/sbin/aad_certhandler": KEY_COMMAND, **({"/usr/share/pam-configs/aad": PROFILE} if kind == "deb" else {})}
    package = Package("aadsshlogin", VERSION, epoch=0, depends=depends, files=files, scripts=scripts)
    return make_deb(folder, package, arch) if kind == "deb" else make_rpm(folder, package, signer)
