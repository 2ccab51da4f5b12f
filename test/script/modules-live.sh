#!/bin/sh
# SPDX-License-Identifier: MIT
# The two modules as they are built, inside the real glibc and the real libpam, with a program of
# the test's in the place of aad_authorize.  All in a mount namespace of its own, over layers in memory:
# nothing reaches the machine.  Needs root.  make check runs this in the build directory.
set -u
layers='usr etc'
# shellcheck source=test/script/layers.sh
. "$(dirname "$0")/layers.sh"
cp test/script/pamdriver libnss_aad.so.2 pam_aad.so "$tmp" || exit 1
failures=0

# expect WANTED COMMAND...: what it prints, both streams, whatever its status.
expect()
{
	wanted=$1
	shift
	got=$("$@" 2>&1)
	if [ "$wanted" != "$got" ]; then
		printf 'FAIL: %s\nexpected:\n%s\ngot:\n%s\n' "$*" "$wanted" "$got"
		failures=$((failures + 1))
	fi
}

as_nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }

# The machine: modules where they belong, our words in nsswitch.conf, and a service for PAM.
pam=$(dirname "$(find /usr/lib* -name pam_permit.so | head -n 1)")
install -m 644 "$tmp/pam_aad.so" "$pam/pam_aad.so"
install -m 644 "$tmp/libnss_aad.so.2" "$(dirname "$pam")/libnss_aad.so.2"
sed -i -e '/^passwd:/d' -e '/^group:/d' -e '/^initgroups:/d' /etc/nsswitch.conf
printf 'passwd: files aad\ngroup: files aad\n' >>/etc/nsswitch.conf
echo 'user_domains contoso.com' >/etc/aadsshlogin.conf
echo 'x@corp.local:x:4711:4711::/tmp:/bin/sh' >>/etc/passwd
echo 'x@corp.local:*:19000:0:99999:7:::' >>/etc/shadow
rm -f /etc/aadpasswd /etc/aadadmins

service()
{
	control='success=ok new_authtok_reqd=ok ignore=ignore module_unknown=ignore default=die'
	printf 'account [%s] pam_aad.so %s\naccount required pam_unix.so\n' "$control" "$2" >"/etc/pam.d/$1"
}
service aadlogin ''
service aadsudo admin

alice='alice@contoso.com:!:96865231:96865231::/home/alice@contoso.com:/bin/bash'
line='alice@contoso.com:1c0163c0-47e6-4577-8991-ea5c82e286e4:96865231:96865231::/home/alice@contoso.com:/bin/bash'

# ---- before anybody has signed in: root alone is told
expect "$alice" getent passwd alice@contoso.com
expect "$alice" getent passwd Alice@CONTOSO.com
expect '' as_nobody getent passwd alice@contoso.com
expect '' getent passwd 96865231
expect '' getent passwd alice@b.example
expect 'alice@contoso.com     10000000' getent initgroups alice@contoso.com
expect '' getent group aad_admins2
expect 'aad_users:*:10000000:' as_nobody getent group aad_users
echo alice@contoso.com >/etc/aadadmins
expect 'alice@contoso.com     10000000 10000001' getent initgroups alice@contoso.com
expect 'aad_admins:*:10000001:alice@contoso.com' as_nobody getent group 10000001

# nscd asks for others under a uid of its own.
cp /usr/bin/getent /usr/sbin/nscd
cp /usr/bin/getent /usr/sbin/nscd2
expect "$alice" as_nobody /usr/sbin/nscd passwd alice@contoso.com
expect '' as_nobody /usr/sbin/nscd2 passwd alice@contoso.com

# ---- after the first login: everybody is
echo "$line" >/etc/aadpasswd
expect "$alice" as_nobody getent passwd alice@contoso.com
expect "$alice" as_nobody getent passwd 96865231
expect "$alice" sh -c 'getent passwd | grep @contoso'
expect 'aad_users:*:10000000:
aad_admins:*:10000001:alice@contoso.com
alice@contoso.com:*:96865231:' sh -c 'getent group | tail -n 3'
expect 'uid=96865231(alice@contoso.com) gid=96865231(alice@contoso.com) groups=96865231(alice@contoso.com),10000000(aad_users),10000001(aad_admins)' \
	as_nobody id alice@contoso.com
expect 'uid=0(root) gid=0(root) groups=0(root)' id root
expect 'alice@contoso.com' setpriv --reuid=96865231 --clear-groups id -un

# Buffers of every size that glibc tries on the way to 20,000 administrators.
seq -f 'u%.0f@contoso.com' 20000 >/etc/aadadmins
expect 20000 sh -c 'getent group aad_admins | tr , "\n" | wc -l'
echo alice@contoso.com >/etc/aadadmins

# ---- PAM.  authorize SCRIPT: what takes the place of the program.
program=/usr/libexec/aadsshlogin/aad_authorize
mkdir -p "${program%/*}"
authorize()
{
	printf '#!/bin/sh\nprintf "%%s\\n" "$*" >/etc/asked\n%s\n' "$1" >$program.new
	chmod 755 $program.new
	mv $program.new $program
	rm -f /etc/asked
}
account() { "$tmp/pamdriver" "$@"; }

undecided='message 3: Entra sign-in: this machine could not decide. Its administrator finds the reason in the log.
result 4: System error'
granted='result 0: Success'

authorize 'exec sleep 3600'
account aadlogin alice@contoso.com >"$tmp/hanging" 2>&1 &
sleep 1
expect 'login alice@contoso.com 96865231 aadlogin -' cat /etc/asked

authorize 'echo grant'
expect "$granted" account aadlogin alice@contoso.com
expect "$granted" account aadlogin Alice@contoso.com
expect 'login alice@contoso.com 96865231 aadlogin -' cat /etc/asked
expect "$granted" account aadsudo alice@contoso.com alice@contoso.com
expect 'admin alice@contoso.com 96865231 aadsudo -' cat /etc/asked
expect "$granted" account aadlogin bob@contoso.com
expect 'login bob@contoso.com 50320355 aadlogin -' cat /etc/asked

authorize 'printf "deny role\nYou have no role here.\n"'
expect 'message 3: You have no role here.
result 6: Permission denied' account aadlogin alice@contoso.com
expect 'message 3: You have no role here.
result 6: Permission denied' account aadsudo root alice@contoso.com
authorize 'echo deny unavailable'
expect 'message 3: Entra sign-in: the service that knows the roles did not answer. Try again.
result 9: Authentication service cannot retrieve authentication info' account aadlogin alice@contoso.com
for script in 'echo granted' 'printf grant' 'printf "grant\ngrant\n"' ':' 'kill -9 $$' 'yes grant' 'echo grant >&2'; do
	authorize "$script"
	expect "$undecided" account aadlogin alice@contoso.com
done
rm $program
expect "$undecided" account aadlogin alice@contoso.com

# Without root nobody of ours gets in, not even with a grant.
authorize 'echo grant'
expect 'message 3: Entra sign-in: only a program that runs as root can ask.
result 6: Permission denied' as_nobody "$tmp/pamdriver" aadlogin alice@contoso.com

# Everybody else gets in, whatever is broken on our side; nobody of ours does.
for broken in ':' 'rm $program' 'rm /etc/aadsshlogin.conf' 'chmod 666 /etc/aadpasswd' \
	'rm /etc/aadpasswd; mkdir /etc/aadpasswd' 'rm "$pam/pam_aad.so"'; do
	eval "$broken"
	expect "$granted" account aadlogin root
	expect "$granted" account aadlogin x@corp.local
	expect "$granted" account aadsudo root root
	expect "$granted" account aadsudo x@corp.local x@corp.local
done
expect '' getent passwd alice@contoso.com
expect 'root:x:0:0:root:/root:/bin/bash' getent passwd root

# The program that hung was ended after fifteen seconds.
wait
expect "$undecided" cat "$tmp/hanging"
[ "$failures" -eq 0 ]
