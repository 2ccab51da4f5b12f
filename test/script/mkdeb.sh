#!/bin/sh
# SPDX-License-Identifier: MIT
# debian/mkdeb: what goes into the packages, the same bytes each time; and, as root, that installing,
# updating and removing them leaves a machine as it was.  Stand-ins take the programs' places.
set -eu

source=$(cd "${srcdir:-.}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
fail()
{
	echo "FAIL: $*" >&2
	exit 1
}
if ! command -v dpkg-gencontrol >/dev/null; then
	echo "dpkg-dev is missing"
	exit 77
fi

arch=$(dpkg --print-architecture)
lib=lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH)

# What `make install` puts below DESTDIR; the program tells what it was called with.
mkdir -p stage/usr/sbin stage/usr/libexec/aadsshlogin "stage/$lib/security" \
	stage/usr/lib/tmpfiles.d stage/usr/share/aadsshlogin stage/usr/share/man/man8 \
	stage/usr/share/selinux/packages
echo .Dt >stage/usr/share/man/man8/aadsshlogin.8
cat >stage/usr/sbin/aadsshlogin <<'END'
#!/bin/sh
echo "$0 $*" >>/var/log/stand-in
END
chmod 0755 stage/usr/sbin/aadsshlogin
for name in aad_certhandler aaduseradd aaduserdel; do
	ln -s aadsshlogin stage/usr/sbin/$name
done
ln -s ../../sbin/aadsshlogin stage/usr/libexec/aadsshlogin/aad_authorize
cp /bin/true "stage/$lib/libnss_aad.so.2"
cp /bin/true "stage/$lib/security/pam_aad.so"
install -m 0644 "$source/payload/tmpfiles/aadsshlogin.conf" stage/usr/lib/tmpfiles.d
install -m 0644 "$source/payload/selinux/aadsshlogin.cil" stage/usr/share/selinux/packages
install -m 0644 "$source/manifest/clouds.yaml" stage/usr/share/aadsshlogin

export SOURCE_DATE_EPOCH=1700000000
"$source/debian/mkdeb" stage 1.2.3.4 one >log 2>&1 || fail "$(cat log)"
touch stage/usr/sbin/aadsshlogin
chmod 0700 stage/usr stage/usr/sbin
(umask 077 && TZ=Asia/Tokyo "$source/debian/mkdeb" stage 1.2.3.4 two) >log 2>&1 || fail "$(cat log)"
diff -r one two || fail "the bytes depend on time zone, umask or times"
"$source/debian/mkdeb" stage 1.2.3.5 one >log 2>&1 || fail "$(cat log)"

main=one/aadsshlogin_1.2.3.4_$arch.deb
selinux=one/aadsshlogin-selinux_1.2.3.4_all.deb
field()
{
	dpkg-deb --field "$@"
}
[ "$(field "$main" Version)" = 1:1.2.3.4 ] || fail "version $(field "$main" Version)"
[ "$(field "$main" Conflicts)" = aadlogin ] || fail "conflicts"
[ -z "$(field "$main" Source)" ] || fail "source $(field "$main" Source)"
field "$main" Depends | grep -q '^passwd, libc6 (>= [0-9.]*)$' || fail "$(field "$main" Depends)"
[ "$(field "$selinux" Depends)" = 'aadsshlogin (= 1:1.2.3.4)' ] || fail "$(field "$selinux" Depends)"

dpkg-deb --contents "$main" | awk '{print $1, $2, $6 $7 $8}' | sed 's|\./||' >contents
cat >expected <<END
drwxr-xr-x root/root
drwxr-xr-x root/root lib/
drwxr-xr-x root/root $lib/
-rw-r--r-- root/root $lib/libnss_aad.so.2
drwxr-xr-x root/root $lib/security/
-rw-r--r-- root/root $lib/security/pam_aad.so
drwxr-xr-x root/root usr/
drwxr-xr-x root/root usr/lib/
drwxr-xr-x root/root usr/lib/tmpfiles.d/
-rw-r--r-- root/root usr/lib/tmpfiles.d/aadsshlogin.conf
drwxr-xr-x root/root usr/libexec/
drwxr-xr-x root/root usr/libexec/aadsshlogin/
drwxr-xr-x root/root usr/sbin/
-rwxr-xr-x root/root usr/sbin/aadsshlogin
drwxr-xr-x root/root usr/share/
drwxr-xr-x root/root usr/share/aadsshlogin/
-rw-r--r-- root/root usr/share/aadsshlogin/clouds.yaml
drwxr-xr-x root/root usr/share/doc/
drwxr-xr-x root/root usr/share/doc/aadsshlogin/
-rw-r--r-- root/root usr/share/doc/aadsshlogin/changelog.gz
-rw-r--r-- root/root usr/share/doc/aadsshlogin/copyright
drwxr-xr-x root/root usr/share/man/
drwxr-xr-x root/root usr/share/man/man8/
-rw-r--r-- root/root usr/share/man/man8/aadsshlogin.8.gz
lrwxrwxrwx root/root usr/libexec/aadsshlogin/aad_authorize->../../sbin/aadsshlogin
lrwxrwxrwx root/root usr/sbin/aad_certhandler->aadsshlogin
lrwxrwxrwx root/root usr/sbin/aaduseradd->aadsshlogin
lrwxrwxrwx root/root usr/sbin/aaduserdel->aadsshlogin
END
sed 's| *$||' contents | diff expected - || fail "the contents of the package"

# The rest needs a machine to install on: this one's files, under an overlay that nobody else sees.
if [ "$(id -u)" -ne 0 ] || ! unshare -m true 2>/dev/null; then
	echo "not root: installing was not tried"
	exit 0
fi
mkdir over root
install -m 0644 "$source/test/script/mkdeb-inside.sh" one
unshare -m sh -eu -c '
	mount -t tmpfs tmpfs over
	mkdir over/upper over/work
	mount -t overlay -o lowerdir=/,upperdir=over/upper,workdir=over/work overlay root
	mount -t tmpfs tmpfs root/run
	mount --bind /dev root/dev
	mkdir root/packages
	cp one/* root/packages
	exec chroot root sh /packages/mkdeb-inside.sh'
