# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2086 # commands are lists of words
# The part of mkdeb.sh and mkrpm.sh that runs in a machine of its own, with the packages in /packages.
# packages-inside.sh SUFFIX: deb or rpm
set -eu
cd /packages
user=aadsshlogin
said=/var/log/stand-in # by the stand-in of the program

case $1 in
deb)
	main=$(ls ${user}_1.2.3.4_*.deb)
	newer=$(ls ${user}_1.2.3.5_*.deb)
	selinux=$user-selinux_1.2.3.4_all.deb
	install='dpkg --install' remove='dpkg --purge' verify='dpkg --verify' query='dpkg-query --show' again=
	;;
rpm)
	main=$(ls $user-1.2.3.4-*.rpm)
	newer=$(ls $user-1.2.3.5-*.rpm)
	selinux=$user-selinux-1.2.3.4-1.noarch.rpm
	mkdir db
	rpm="rpm --dbpath /packages/db"
	install="$rpm --upgrade --oldpackage" remove="$rpm --erase" verify="$rpm --verify" query="$rpm --query" again=--replacepkgs
	$install base-*.rpm
	;;
esac

fail()
{
	echo "FAIL: $*" >&2
	exit 1
}

quietly()
{
	"$@" >log 2>&1 || fail "$*: $(cat log)"
}

break_program()
{
	mv "$1" "$1.away"
	ln -s /bin/false "$1"
}

mend_program()
{
	mv -f "$1.away" "$1"
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
quietly $install "$main" "$selinux"
grep -q "^$user:[^:]*:[0-9]*:[0-9]*:[^:]*:/nonexistent:/usr/sbin/nologin$" /etc/passwd ||
	fail "the user: $(grep $user /etc/passwd)"
[ ! -e /nonexistent ] || fail "a home was made"
check_directories
[ ! -e $said ] || fail "installing configured something: $(cat $said)"
[ -z "$($verify $user)" ] || fail "the files are not as packed"

# People find the extension's program by its name, whatever its publisher and version; without the extension they are told.
waagent=/var/lib/waagent
rm -rf $waagent
if aadssh-handler check >log 2>&1; then
	fail "an extension that is not there checks"
fi
grep -q 'extension is not below' log || fail "without the extension: $(cat log)"
for folder in Microsoft.Azure.ActiveDirectory.AADSSHLoginForLinux-1.0.9.0 Contoso.Identity.AADSSHLoginForLinux-1.0.10.0; do
	version=${folder##*-} bin=$waagent/$folder/bin
	mkdir -p "$bin"
	printf '#!/bin/sh\necho "%s $# $2"\nexit 7\n' "$version" >"$bin/aadssh-shim"
	chmod 744 "$bin/aadssh-shim"
	sleep 0.02 # by their times one is newer
done
code=0
aadssh-handler check 'a b' >log 2>&1 || code=$?
[ "$code $(cat log)" = '7 1.0.10.0 2 a b' ] || fail "of two versions: $code $(cat log)"
rm -rf $waagent

# Update and downgrade: the same.
quietly $remove $user-selinux
for package in "$newer" "$main"; do
	quietly $install "$package"
	[ ! -e $said ] || fail "an update configured something: $(cat $said)"
	grep -q "^$user:" /etc/passwd || fail "an update lost the user"
	check_directories
done

# Remove: unconfigured once, then everything is as it was.
quietly $remove $user
[ "$(cat $said)" = "$user unconfigure" ] || fail "before removal: $(cat $said)"
check_as_before
if $query $user >log 2>&1; then
	fail "it is still known: $(cat log)"
fi

# Half states: a group without its user, then a program and a user that are gone.
groupadd --system $user
quietly $install "$main"
[ "$(id -gn $user)" = $user ] || fail "the group that was there is not the user's"
rm /usr/sbin/$user
userdel $user
quietly $remove $user
check_as_before

# A useradd and a userdel that were killed halfway: they write passwd, shadow, group, gshadow in this order.
for known in passwd 'passwd shadow' 'passwd shadow group'; do
	quietly $install $again "$main"
	for file in passwd shadow group gshadow; do
		case " $known " in
		*" $file "*) ;;
		*) sed -i "/^$user:/d" /etc/$file ;;
		esac
	done
	quietly $install $again "$main"
	[ "$(grep -l "^$user:" /etc/passwd /etc/shadow /etc/group /etc/gshadow | wc -l)" = 4 ] || fail "half a user: $known"
	[ "$(id -gn $user)" = $user ] || fail "$known: $(id $user)"
	check_directories
	quietly $remove $user
	check_as_before
done
for unknown in passwd 'passwd shadow' 'passwd shadow group'; do
	quietly $install $again "$main"
	for file in $unknown; do
		sed -i "/^$user:/d" /etc/$file
	done
	quietly $remove $user
	check_as_before
done

# Where systemd-tmpfiles does not work.
tmpfiles=$(command -v systemd-tmpfiles)
break_program "$tmpfiles"
quietly $install "$main"
check_directories
quietly $remove $user
mend_program "$tmpfiles"
check_as_before

# Where no user can be made: said, and mended by the next try.
break_program /usr/sbin/useradd
quietly $install "$main"
grep -q "the user $user could not be made" log || fail "nothing is said of the user: $(cat log)"
mend_program /usr/sbin/useradd
quietly $install $again "$main"
check_directories
quietly $remove $user
check_as_before
