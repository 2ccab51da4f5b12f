# SPDX-License-Identifier: MIT
# The part of mkdeb.sh that runs in a machine of its own, with the packages in /packages.
set -eu
cd /packages
user=aadsshlogin
main=$(ls ${user}_1.2.3.4_*.deb)
newer=$(ls ${user}_1.2.3.5_*.deb)
selinux=$user-selinux_1.2.3.4_all.deb
said=/var/log/stand-in # by the stand-in of the program

fail()
{
	echo "FAIL: $*" >&2
	exit 1
}

quietly()
{
	"$@" >log 2>&1 || fail "$*: $(cat log)"
}

# The backups that useradd keeps are put back by the extension, not by the package.
names()
{
	find /usr/sbin /usr/bin /usr/lib /etc /var/cache /var/mail /run ! -path '/etc/*-' \
		-printf '%p %M %u:%g %l\n' | LC_ALL=C sort
}

check_directories()
{
	found=$(cd / && stat -c '%a %U %n' run/$user run/$user/handoff run/$user/private \
		run/$user/decisions var/cache/$user)
	[ "$found" = "755 root run/$user
700 $user run/$user/handoff
700 $user run/$user/private
700 root run/$user/decisions
700 $user var/cache/$user" ] || fail "the directories: $found"
}

check_as_before()
{
	sha256sum --check --quiet sums || fail "the accounts are not as before"
	names | diff names - || fail "files are not as before"
}

sha256sum /etc/passwd /etc/group /etc/shadow /etc/gshadow /etc/ld.so.cache >sums
names >names

# Install: a user and directories, and nothing else.
quietly dpkg --install "$main" "$selinux"
grep -q "^$user:[^:]*:[0-9]*:[0-9]*:[^:]*:/nonexistent:/usr/sbin/nologin$" /etc/passwd ||
	fail "the user: $(grep $user /etc/passwd)"
[ ! -e /nonexistent ] || fail "a home was made"
check_directories
[ ! -e $said ] || fail "installing configured something: $(cat $said)"
[ -z "$(dpkg --verify $user)" ] || fail "the files are not as packed"

# Update: the same.
quietly dpkg --purge $user-selinux
quietly dpkg --install "$newer"
[ ! -e $said ] || fail "an update configured something: $(cat $said)"
grep -q "^$user:" /etc/passwd || fail "an update lost the user"

# Remove: unconfigured once, then everything is as it was.
quietly dpkg --purge $user
[ "$(cat $said)" = "/usr/sbin/$user unconfigure" ] || fail "before removal: $(cat $said)"
check_as_before
if dpkg-query --show $user >log 2>&1; then
	fail "dpkg still knows it: $(cat log)"
fi

# Half states: a group without its user, then a program and a user that are gone.
groupadd --system $user
quietly dpkg --install "$main"
[ "$(id -gn $user)" = $user ] || fail "the group that was there is not the user's"
rm /usr/sbin/$user
userdel $user
quietly dpkg --purge $user
check_as_before

# Where systemd-tmpfiles does not work.
mkdir bin
ln -s /bin/false bin/systemd-tmpfiles
PATH=/packages/bin:$PATH
quietly dpkg --install "$main"
check_directories
quietly dpkg --purge $user
check_as_before
