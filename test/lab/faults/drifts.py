# SPDX-License-Identifier: MIT
"""What happens to a machine's configuration while the extension is in force: the rows that drifted.py plays."""

from lab.faults.drifted import ADMINS, CONF, DROPIN, DROPINS, MAIN, NO_INCLUDE, NSSWITCH, RULE, USERS, Drift

BEGIN, END = "# BEGIN aadsshlogin", "# END aadsshlogin"
MODULES = "/usr/lib/*/security"
HARDENED = f"""cat >{MAIN} <<'END'
# Written by a hardening role; changes are lost.
Port 22
Ciphers aes256-gcm@openssh.com,aes128-gcm@openssh.com,aes256-ctr
UsePAM yes
PermitRootLogin no
X11Forwarding no
Match Group sftponly
    ForceCommand internal-sftp
END
chmod 600 {MAIN}"""
UPGRADED = f"""cp {MAIN} {MAIN}.dpkg-old
printf 'Include %s/*.conf\\nUsePAM yes\\nPrintMotd no\\n' {DROPINS} >{MAIN}
printf 'UsePAM yes\\n' >{MAIN}.dpkg-dist
printf 'UsePAM yes\\n' >{MAIN}.rpmnew"""
NOTHING = "true"

SSHD = [
    Drift("the drop-in is deleted", f"rm {DROPIN}", "sshd", [f"write {DROPIN}", "reload sshd"], owners=NOTHING, sample=True),
    Drift("the drop-in is emptied", f": >{DROPIN}", "sshd", [f"write {DROPIN}"], owners=NOTHING),
    Drift("a line is added to the drop-in", f"echo 'X11Forwarding no' >>{DROPIN}", "sshd", [f"write {DROPIN}"],
          owners=NOTHING),
    Drift("anybody may write to the drop-in", f"chmod 666 {DROPIN}", "sshd", [f"write {DROPIN}"], owners=NOTHING),
    Drift("the drop-in is private", f"chmod 600 {DROPIN}", "sshd", [f"write {DROPIN}"], owners=NOTHING),
    Drift("the drop-in belongs to a user", f"chown local {DROPIN}", code=25, words=[DROPIN, "root own it"],
          mend=f"[ ! -e {DROPIN} ] || chown root {DROPIN}",
          owners=NOTHING),
    Drift("the drop-in is a link", f"mkdir -p /srv/conf; mv {DROPIN} /srv/conf/x; ln -s /srv/conf/x {DROPIN}", code=25,
          words=[f"{DROPIN} is a symbolic link"], mend=f"rm -rf {DROPIN} /srv/conf", owners=NOTHING),
    Drift("the drop-in is a link that leads nowhere", f"rm {DROPIN}; ln -s /srv/none {DROPIN}", code=25, words=[DROPIN],
          mend=f"rm -f {DROPIN}", owners=NOTHING),
    Drift("the drop-in is a link when it is to be taken off", f"mkdir -p /srv/conf; echo '# mine' >/srv/conf/x; ln -sf /srv/conf/x {DROPIN}",
          code=25, words=[f"{DROPIN} is a symbolic link"], off=0, owners="mkdir -p /srv/conf; echo '# mine' >/srv/conf/x", sample=True),
    Drift("the drop-in is a link that leads nowhere when it is to be taken off", f"ln -sf /srv/none {DROPIN}", code=25, words=[DROPIN],
          off=0, owners=NOTHING),
    Drift("the folder of drop-ins is deleted", f"rm -r {DROPINS}", "sshd", [f"write {MAIN}"], sample=True),
    Drift("cloud-init writes a file of its own", f"printf 'PasswordAuthentication no\\n' >{DROPINS}/50-cloud-init.conf",
          sample=True),
    Drift("a script adds global lines",
          f"printf '\\nPasswordAuthentication no\\nMaxAuthTries 4\\nAuthorizedKeysCommand /usr/bin/keys %%u\\n"
          f"AuthorizedKeysCommandUser nobody\\n' >>{MAIN}"),
    Drift("a hardening role writes the whole file", HARDENED, "sshd", [f"write {MAIN}", f"remove {DROPIN}"], sample=True),
    Drift("an upgrade replaces the file", UPGRADED),
    Drift("another key command for everybody comes first",
          f"printf '\\nMatch User *\\n AuthorizedKeysCommand /x\\n AuthorizedKeysCommandUser nobody\\n' "
          f">{DROPINS}/10-keys.conf", code=25, words=[f"{DROPINS}/10-keys.conf:3: AuthorizedKeysCommand"],
          mend=f"rm -f {DROPINS}/10-keys.conf", sample=True),
    Drift("another key command for some addresses comes first",
          f"printf 'Match Address 192.0.2.0/24\\n AuthorizedKeysFile /x\\n' "
          f">{DROPINS}/10-keys.conf", code=25, words=[f"{DROPINS}/10-keys.conf:2: AuthorizedKeysFile"],
          mend=f"printf 'Match Address 192.0.2.0/24 User !*@*,!????????-*,*\\n AuthorizedKeysFile /x\\n' >{DROPINS}/10-keys.conf"),
    Drift("another key command comes later",
          f"printf 'Match User *\\n AuthorizedKeysCommand /x\\n AuthorizedKeysCommandUser nobody\\n' "
          f">{DROPINS}/90-keys.conf"),
    Drift("UsePAM no", f"sed -i 's/^UsePAM yes/UsePAM no/' {MAIN}", code=25,
          words=[f"{MAIN}:", "not to use PAM", "to: UsePAM yes"],
          mend=f"sed -i 's/^UsePAM no/UsePAM yes/' {MAIN}", sample=True),
    Drift("AllowGroups leaves everybody out", f"printf 'AllowGroups sudo local root\\n' >{DROPINS}/60-cis.conf", code=25,
          words=[f"{DROPINS}/60-cis.conf:1: AllowGroups", "AllowGroups aad_users"],
          mend=f"printf 'AllowGroups sudo local root aad_users\\n' >{DROPINS}/60-cis.conf", sample=True),
    Drift("AllowUsers leaves everybody out", f"printf 'AllowUsers local root\\n' >{DROPINS}/60-cis.conf", code=25,
          words=[f"{DROPINS}/60-cis.conf:1: AllowUsers", "AllowUsers *?contoso.com"],
          mend=f"printf 'AllowUsers local root\\nAllowUsers *?contoso.com\\n' >{DROPINS}/60-cis.conf"),
    Drift("DenyGroups leaves everybody out", f"printf 'DenyGroups guests aad_*\\n' >{DROPINS}/60-cis.conf", code=25,
          words=[f"{DROPINS}/60-cis.conf:1: DenyGroups", "take aad_* out"], mend=f"rm -f {DROPINS}/60-cis.conf"),
    Drift("RSA keys are not taken any more", f"printf 'PubkeyAcceptedAlgorithms ssh-ed25519\\n' >{DROPINS}/60-cis.conf",
          code=25,
          words=[f"{DROPINS}/60-cis.conf:1"], mend=f"rm -f {DROPINS}/60-cis.conf"),
    Drift("a word that sshd does not know", f"echo 'Nonsense yes' >{DROPINS}/60-cis.conf", code=25,
          words=[f"{DROPINS}/60-cis.conf", "line 1", "Nonsense"], mend=f"rm -f {DROPINS}/60-cis.conf"),
]

BLOCK = [
    Drift("block: lines are added before it", f"sed -i '1i MaxSessions 7' {MAIN}", base=NO_INCLUDE,
          owners=f"sed -i '1i MaxSessions 7' {MAIN}"),
    Drift("block: lines are added behind it", f"printf 'Match User alice\\n\\tX11Forwarding no\\n' >>{MAIN}",
          base=NO_INCLUDE, sample=True),
    Drift("block: a global line is added behind it", f"printf 'MaxSessions 7\\n' >>{MAIN}", base=NO_INCLUDE,
          owners=f"printf 'Match all\\nMaxSessions 7\\n' >>{MAIN}"),
    Drift("block: a line is added behind it without a newline", f"printf 'Match User alice' >>{MAIN}", base=NO_INCLUDE),
    Drift("block: a line is added inside", f"sed -i '/^{BEGIN}/a ForceCommand /bin/false' {MAIN}", "sshd",
          [f"write {MAIN}"], base=NO_INCLUDE, owners=NOTHING),
    Drift("block: a line is changed inside", f"sed -i 's/AuthorizedKeysFile none/AuthorizedKeysFile .x/' {MAIN}", "sshd",
          [f"write {MAIN}"], base=NO_INCLUDE,
          owners=NOTHING),
    Drift("block: it is taken out", f"sed -i '/^{BEGIN}/,/^{END}/d' {MAIN}", "sshd", [f"write {MAIN}"], base=NO_INCLUDE,
          owners=NOTHING, sample=True),
    Drift("block: it is moved to the top",
          f"sed -n '/^{BEGIN}/,/^{END}/p' {MAIN} >/run/block; sed -i '/^{BEGIN}/,/^{END}/d' {MAIN}; "
          f"cat /run/block {MAIN} >/run/main; cat /run/main >{MAIN}", base=NO_INCLUDE, owners=NOTHING),
    Drift("block: it is there twice", f"sed -n '/^{BEGIN}/,/^{END}/p' {MAIN} >/run/block; cat /run/block >>{MAIN}", "sshd",
          [f"write {MAIN}"], base=NO_INCLUDE,
          owners=NOTHING),
    Drift("block: its end is deleted", f"sed -i '/^{END}/d' {MAIN}", code=25,
          words=[f"{MAIN}:", "begins here and has no end"],
          mend=f"sed -i '/^{BEGIN}/,$d' {MAIN}", base=NO_INCLUDE, owners=NOTHING),
    Drift("block: its end is deleted when it is to be taken off", f"sed -i '/^{END}/d' {MAIN}", code=25, off=25,
          words=[f"{MAIN}:", "begins here and has no end", "# END aadsshlogin"],
          mend=f"sed -i '/^{BEGIN}/,$d' {MAIN}", base=NO_INCLUDE, owners=NOTHING),
    Drift("block: its beginning is deleted", f"sed -i '/^{BEGIN}/d' {MAIN}", "sshd", [f"write {MAIN}"], base=NO_INCLUDE,
          owners=NOTHING),
    Drift("block: the Match all before its end is deleted", f"sed -i '/^Match all/d' {MAIN}", "sshd", [f"write {MAIN}"],
          base=NO_INCLUDE, owners=NOTHING),
    Drift("block: the file is rewritten with carriage returns", f"sed -i 's/$/\\r/' {MAIN}", "sshd", [f"write {MAIN}"],
          base=NO_INCLUDE),
    Drift("block: a hardening role writes the whole file", HARDENED, "sshd", [f"write {MAIN}"], base=NO_INCLUDE),
    Drift("block: an upgrade brings the Include", f"sed -i '1i Include {DROPINS}/*.conf' {MAIN}", "sshd",
          [f"write {MAIN}", f"write {DROPIN}"], base=NO_INCLUDE),
    Drift("block: the file is private now", f"chmod 600 {MAIN}", base=NO_INCLUDE),
    Drift("block: others may write to the file", f"chgrp adm {MAIN}; chmod 664 {MAIN}; sed -i '/^{BEGIN}/d' {MAIN}",
          code=25, base=NO_INCLUDE,
          words=[f"{MAIN} can be written by others", "nobody else write"], mend=f"chmod 644 {MAIN}; chgrp root {MAIN}",
          owners=NOTHING),
]

OURS = "pam_aad.so"
CONTROL = "[success=ok new_authtok_reqd=ok ignore=ignore module_unknown=ignore default=die]"
PAM = [
    Drift("PAM: sshd's line is deleted", f"sed -i /{OURS}/d /etc/pam.d/sshd", "pam", ["write /etc/pam.d/sshd"],
          owners=NOTHING, sample=True),
    Drift("PAM: sudo's lines are deleted", f"sed -i /{OURS}/d /etc/pam.d/sudo /etc/pam.d/sudo-i", "pam",
          ["write /etc/pam.d/sudo, write /etc/pam.d/sudo-i"],
          owners=NOTHING),
    Drift("PAM: the line is moved to the end",
          f"grep {OURS} /etc/pam.d/sshd >/run/line; sed -i /{OURS}/d /etc/pam.d/sshd; cat /run/line >>/etc/pam.d/sshd",
          "pam", ["write /etc/pam.d/sshd"], owners=NOTHING),
    Drift("PAM: the line is there twice", f"grep {OURS} /etc/pam.d/sshd >/run/line; cat /run/line >>/etc/pam.d/sshd", "pam",
          ["write /etc/pam.d/sshd"],
          owners=NOTHING),
    Drift("PAM: the line is made optional", f"sed -i 's/^account .*{OURS}/account optional {OURS}/' /etc/pam.d/sshd", "pam",
          ["write /etc/pam.d/sshd"],
          owners=NOTHING, sample=True),
    Drift("PAM: the line is a comment", f"sed -i 's/^account .*{OURS}/#&/' /etc/pam.d/sshd", "pam",
          ["write /etc/pam.d/sshd"],
          owners=f"sed -i '0,/^@include/s/^@include/#account {CONTROL} {OURS}\\n&/' /etc/pam.d/sshd"),
    Drift("PAM: a line of the owner's comes before ours", "sed -i '1i account required pam_access.so' /etc/pam.d/sshd",
          "pam", ["write /etc/pam.d/sshd"]),
    Drift("PAM: a line of the owner's comes behind ours",
          "sed -i '/^account.*pam_nologin/a account required pam_access.so' /etc/pam.d/sshd"),
    Drift("PAM: pam-auth-update --force", "DEBIAN_FRONTEND=noninteractive pam-auth-update --force --package", sample=True),
    Drift("PAM: an upgrade replaces the file and keeps the old one",
          "cp /etc/pam.d/sshd /etc/pam.d/sshd.dpkg-old; sed -i -e /pam_aad.so/d -e /pam_motd/d /etc/pam.d/sshd",
          "pam", ["write /etc/pam.d/sshd"]),
    Drift("PAM: an upgrade leaves the new file beside it",
          "cp /etc/pam.d/sshd /etc/pam.d/sshd.dpkg-dist; sed -i /pam_aad.so/d /etc/pam.d/sshd.dpkg-dist"),
    Drift("PAM: the stack is another distribution's",
          "printf '%s\\n' 'auth required pam_unix.so' 'account required pam_nologin.so' "
          "'account include common-account' 'session required pam_unix.so' >/etc/pam.d/sshd", "pam",
          ["write /etc/pam.d/sshd"]),
    Drift("PAM: sudo-i's file is deleted", "rm /etc/pam.d/sudo-i", code=21, words=["/etc/pam.d/sudo-i is missing"],
          mend="cp /etc/pam.d/sudo /etc/pam.d/sudo-i"),
    Drift("PAM: the file is private now", "chmod 600 /etc/pam.d/sshd"),
]

NAMES = [
    Drift("names: nsswitch.conf is rewritten",
          f"printf 'passwd: files systemd\\ngroup: files systemd\\nshadow: files\\nhosts: files dns\\n' >{NSSWITCH}",
          "accounts", [f"write {NSSWITCH}"], sample=True),
    Drift("names: our word stands behind an end",
          f"sed -i 's/^\\(passwd\\|group\\):.*/\\1: files [NOTFOUND=return] aad/' {NSSWITCH}", "accounts",
          [f"write {NSSWITCH}"], owners=f"sed -i 's/^\\(passwd\\|group\\):.*/\\1: files [NOTFOUND=return]/' {NSSWITCH}"),
    Drift("names: a source is added behind ours", f"sed -i '/^passwd:/s/$/ extrausers/' {NSSWITCH}"),
    Drift("names: the line of group is deleted", f"sed -i /^group:/d {NSSWITCH}", code=21, words=["no line \"group:\""],
          mend=f"echo 'group: files' >>{NSSWITCH}"),
    Drift("names: nsswitch.conf is deleted", f"rm {NSSWITCH}", code=21, words=[f"{NSSWITCH}"],
          mend=f"printf 'passwd: files\\ngroup: files\\n' >{NSSWITCH}"),
    Drift("names: the newline at the end of our line goes",
          f"sed -i /^group:/d {NSSWITCH}; printf 'group: files aad' >>{NSSWITCH}", "accounts",
          [f"write {NSSWITCH}"], owners=f"sed -i /^group:/d {NSSWITCH}; printf 'group: files' >>{NSSWITCH}"),
    Drift("names: a directory that may have names with @ is added", f"sed -i '/^passwd:/s/$/ ldap/' {NSSWITCH}"),
    Drift("names: nsswitch.conf becomes a link",
          f"mkdir -p /srv/nss; grep -v aad {NSSWITCH} >/srv/nss/x || :; rm {NSSWITCH}; "
          f"printf 'passwd: files\\ngroup: files\\n' >/srv/nss/x; ln -s /srv/nss/x {NSSWITCH}", code=21,
          words=[f"{NSSWITCH} is a symbolic link"],
          mend=f"rm {NSSWITCH}; cp /srv/nss/x {NSSWITCH}"),
]

SUDO = [
    Drift("sudo: the rule is deleted", f"rm {RULE}", "sudo", [f"write {RULE}"], owners=NOTHING, sample=True),
    Drift("sudo: the rule has another mode", f"chmod 644 {RULE}", "sudo", [f"write {RULE}"], owners=NOTHING),
    Drift("sudo: anybody may write to the rule", f"chmod 666 {RULE}", "sudo", [f"write {RULE}"], owners=NOTHING),
    Drift("sudo: the rule is wider", f"echo 'ALL ALL=(ALL) NOPASSWD:ALL' >>{RULE}", "sudo", [f"write {RULE}"],
          owners=NOTHING),
    Drift("sudo: the account phase is switched off",
          "echo 'Defaults !pam_acct_mgmt' >/etc/sudoers.d/zz; chmod 440 /etc/sudoers.d/zz", code=21,
          words=["/etc/sudoers.d/zz", "line 1", "pam_acct_mgmt"], mend="rm -f /etc/sudoers.d/zz"),
    Drift("sudo: a local group has the administrators' name", "echo 'aad_admins:x:4999:local' >>/etc/group", code=21,
          words=["/etc/group", "aad_admins:x:4999:local"], mend="sed -i /^aad_admins:/d /etc/group", owners=NOTHING),
    Drift("sudo: the folder is not read any more",
          "sed -i 's/^[#@]includedir.*//' /etc/sudoers; echo 'local ALL=(ALL) NOPASSWD:ALL' >>/etc/sudoers", code=21,
          words=["/etc/sudoers does not read /etc/sudoers.d"], mend="echo '@includedir /etc/sudoers.d' >>/etc/sudoers"),
]

ACCOUNTS = [
    Drift("accounts: the users are deleted", f"rm {USERS}", "accounts", [f"write {USERS}"], owners=NOTHING, sample=True),
    Drift("accounts: the administrators are deleted", f"rm {ADMINS}", "accounts", [f"write {ADMINS}"], owners=NOTHING),
    Drift("accounts: anybody may write to the users", f"chmod 666 {USERS}", "accounts",
          [f"write {USERS}", "could be written by others"], owners=NOTHING),
    Drift("accounts: anybody may write to the administrators", f"chmod 666 {ADMINS}", "accounts",
          [f"write {ADMINS}", "sign in again"], owners=NOTHING),
    Drift("aadsshlogin.conf: it is deleted", f"rm {CONF}", "config", [f"write {CONF}"], owners=NOTHING, sample=True),
    Drift("aadsshlogin.conf: somebody edits it", f"echo 'offline_grace 86400' >>{CONF}", "config", [f"write {CONF}"],
          owners=NOTHING),
    Drift("aadsshlogin.conf: anybody may write to it", f"chmod 666 {CONF}", "config", [f"write {CONF}"], owners=NOTHING),
    Drift("aadsshlogin.conf: the directories in /run and /var/cache are gone",
          "rm -r /run/aadsshlogin /var/cache/aadsshlogin", "config", ["make /run/aadsshlogin"],
          owners=NOTHING),
    Drift("user: aadsshlogin is deleted", "userdel aadsshlogin", "packages", [], owners=NOTHING, packages=True),
    Drift("group: aadsshlogin is deleted", "sed -i /^aadsshlogin:/d /etc/group /etc/gshadow", "packages",
          ["group aadsshlogin"], owners=NOTHING, packages=True),
    Drift("state: it is garbage", "echo '{' >/var/lib/aadsshlogin/state.json", owners=NOTHING),
    Drift("state: it is deleted with the originals", "rm -r /var/lib/aadsshlogin", owners=NOTHING),
]

PACKAGES = [
    Drift("package: it is removed", "dpkg --remove aadsshlogin", "packages", ["aadsshlogin"], owners=NOTHING, packages=True,
          sample=True),
    Drift("package: it is purged", "dpkg --purge aadsshlogin", "packages", ["aadsshlogin"], owners=NOTHING, packages=True),
    Drift("package: it is half-removed",
          "dpkg --unpack $(find /var/lib/waagent -name 'aadsshlogin_*amd64.deb' | head -n 1)", "packages", ["aadsshlogin"],
          owners=NOTHING, packages=True),
    Drift("package: the programs are deleted", "rm /usr/sbin/aadsshlogin /usr/libexec/aadsshlogin/*", "packages",
          ["aadsshlogin"], owners=NOTHING, packages=True),
    Drift("package: the key command is deleted", "rm /usr/sbin/aad_certhandler", "packages", ["aadsshlogin"],
          owners=NOTHING, packages=True),
    Drift("package: the PAM module is deleted", f"rm {MODULES}/pam_aad.so", "packages", ["aadsshlogin"], owners=NOTHING,
          packages=True),
    Drift("package: the NSS module is deleted", "rm /usr/lib/*/libnss_aad.so.2", "packages", ["aadsshlogin"],
          owners=NOTHING, packages=True),
    Drift("package: the modules belong to a user", f"chown local {MODULES}/pam_aad.so /usr/lib/*/libnss_aad.so.2",
          "packages", ["aadsshlogin"], owners=NOTHING,
          packages=True),
    Drift("package: anybody may write to the programs", "chmod 777 /usr/sbin/aadsshlogin", "packages", ["aadsshlogin"],
          owners=NOTHING, packages=True),
    Drift("everything at once",
          f"{HARDENED}; rm {DROPIN} {RULE} {CONF} {USERS} {ADMINS}; sed -i /{OURS}/d /etc/pam.d/*; sed -i 's/ aad//' {NSSWITCH}; "
          "dpkg --remove --force-all aadsshlogin", "packages", ["aadsshlogin"], owners=HARDENED, packages=True, sample=True),
]

ROWS = [*SSHD, *BLOCK, *PAM, *NAMES, *SUDO, *ACCOUNTS, *PACKAGES]
