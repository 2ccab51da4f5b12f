#!/bin/sh
# SPDX-License-Identifier: MIT
# The PAM stacks of test/data/machines with our line, in the real libpam, with the module as it is built and a program
# of the test's in the place of aad_authorize: who is ours gets what the program says, everybody else what the
# distribution says.  Stacks whose account modules Debian does not have are named and left out.  Over layers in memory:
# nothing reaches the machine.  Needs root.  make check runs this in the build directory.
set -u
srcdir=$(cd "${srcdir:-..}" && pwd)
export srcdir
layers='usr etc'
# shellcheck source=test/script/layers.sh
. "$(dirname "$0")/layers.sh"
cp test/script/pamdriver libnss_aad.so.2 pam_aad.so "$tmp" || exit 1
failures=0

pam=$(dirname "$(find /usr/lib* -name pam_permit.so | head -n 1)")
install -m 644 "$tmp/libnss_aad.so.2" "$(dirname "$pam")/libnss_aad.so.2"
echo 'user_domains contoso.com' >/etc/aadsshlogin.conf
echo 'x@corp.local:x:4711:4711::/tmp:/bin/sh' >>/etc/passwd
echo 'x@corp.local:*:19000:0:99999:7:::' >>/etc/shadow
echo 'old:x:4712:4712::/tmp:/bin/sh' >>/etc/passwd
echo 'old:*:10000:0:90:7::10001:' >>/etc/shadow
rm -f /etc/aadpasswd /etc/aadadmins /etc/nologin
mount -t tmpfs none /run || exit 77
program=/usr/libexec/aadsshlogin/aad_authorize
mkdir -p "${program%/*}"

authorize()
{
	printf '#!/bin/sh\n%s\n' "$1" >$program.new
	chmod 755 $program.new
	mv $program.new $program
}

# The line where the step puts it, which test_machines compares byte by byte.
with_line()
{
	awk -v line="account [success=ok new_authtok_reqd=ok ignore=ignore module_unknown=ignore default=die] pam_aad.so$2" \
		'!done && /^(-?account|@include)/ { print line; done = 1 } { print }' "$1"
}

# The number that ends the account phase of SERVICE USER [RUSER].
result() { "$tmp/pamdriver" "$@" 2>&1 | sed -n 's/^result \([0-9]*\):.*/\1/p'; }

# expect WANTED SERVICE USER [RUSER]
expect()
{
	wanted=$1
	shift
	got=$(result "$@")
	if [ "$got" != "$wanted" ]; then
		echo "FAIL: $machine: $*: ended with $got, expected $wanted"
		failures=$((failures + 1))
	fi
}

everybody_else()
{
	expect 0 sshd root
	expect 0 sshd x@corp.local
	expect "$expired" sshd old
	expect 0 sudo root root
	expect 0 sudo x@corp.local x@corp.local
}

played=0
for folder in "$srcdir"/test/data/machines/*; do
	machine=${folder##*/}
	missing=
	for module in $(sed -n 's/^-\{0,1\}account.*\(pam_[a-z0-9_]*\.so\).*/\1/p' \
		$(find "$folder" -path '*/pam.d/*' -type f) | sort -u); do
		[ -e "$pam/$module" ] || missing="$missing $module"
	done
	if [ -n "$missing" ]; then
		echo "$machine: left out, Debian has no$missing"
		continue
	fi
	rm -rf /etc/pam.d
	cp -R "$folder/etc/pam.d" /etc/pam.d
	printf 'account required pam_deny.so\n' >/etc/pam.d/other
	for service in sshd sudo; do
		from=$folder/etc/pam.d/$service
		[ -e "$from" ] || from=$folder/usr/lib/pam.d/$service
		case $service in
		sshd) with_line "$from" '' >/etc/pam.d/sshd ;;
		sudo) with_line "$from" ' admin' >/etc/pam.d/sudo ;;
		esac
	done
	# How the distribution refuses an account that has expired.
	mv /etc/pam.d/sshd "$tmp/sshd"
	cp "$(find "$folder" -path '*/pam.d/sshd')" /etc/pam.d/sshd
	expired=$(result sshd old)
	mv "$tmp/sshd" /etc/pam.d/sshd
	if [ "${expired:-0}" -eq 0 ]; then
		echo "FAIL: $machine lets an expired account in"
		failures=$((failures + 1))
	fi
	sed -e '/^passwd:/s/$/ aad/' -e '/^group:/s/$/ aad/' -e 's/sss//g' -e 's/\[[^]]*return\]//' \
		"$folder/etc/nsswitch.conf" >/etc/nsswitch.conf
	install -m 644 "$tmp/pam_aad.so" "$pam/pam_aad.so"
	authorize 'echo grant'
	everybody_else
	expect 0 sshd alice@contoso.com
	expect 0 sudo alice@contoso.com alice@contoso.com
	authorize 'printf "deny role\nNo.\n"'
	everybody_else
	expect 6 sshd alice@contoso.com
	expect 6 sudo alice@contoso.com alice@contoso.com
	expect 6 sudo root alice@contoso.com
	rm "$pam/pam_aad.so"
	everybody_else
	played=$((played + 1))
done
echo "$played stacks were played"
[ "$played" -ge 12 ] || failures=$((failures + 1))
[ "$failures" -eq 0 ]
