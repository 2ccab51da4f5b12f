# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# Sourced by mkdeb.sh and mkrpm.sh: a folder of its own, $work, with a stage of what `make install` puts below DESTDIR.
# Stand-ins take the programs' places; the one of aadsshlogin tells what it was called with.
source=$(cd "${srcdir:-.}" && pwd)
. "$source/test/script/work.sh"
lib=lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH)
export SOURCE_DATE_EPOCH=1700000000

mkdir -p stage/usr/sbin stage/usr/libexec/aadsshlogin "stage/$lib/security" \
	stage/usr/lib/tmpfiles.d stage/usr/share/aadsshlogin stage/usr/share/man/man5 \
	stage/usr/share/man/man8 stage/usr/share/selinux/packages
echo .Dt >stage/usr/share/man/man5/aadsshlogin.conf.5
echo .Dt >stage/usr/share/man/man8/aadsshlogin.8
cat >stage/usr/sbin/aadsshlogin <<'END'
#!/bin/sh
echo "${0##*/} $*" >>/var/log/stand-in
END
chmod 0755 stage/usr/sbin/aadsshlogin
install -m 0755 "$source/payload/aadssh-handler" stage/usr/sbin
for name in aad_certhandler aaduseradd aaduserdel; do
	ln -s aadsshlogin stage/usr/sbin/$name
done
ln -s ../../sbin/aadsshlogin stage/usr/libexec/aadsshlogin/aad_authorize
cp /bin/true "stage/$lib/libnss_aad.so.2"
cp /bin/true "stage/$lib/security/pam_aad.so"
install -m 0644 "$source/payload/tmpfiles/aadsshlogin.conf" stage/usr/lib/tmpfiles.d
install -m 0644 "$source"/payload/selinux/*.cil stage/usr/share/selinux/packages
install -m 0644 "$source/manifest/clouds.yaml" stage/usr/share/aadsshlogin
install -D -m 0644 "$source/payload/completion/aadsshlogin" stage/usr/share/bash-completion/completions/aadsshlogin
ln -s aadsshlogin stage/usr/share/bash-completion/completions/aadssh-handler
mkdir -p stage/usr/share/zsh/site-functions
ln -s ../../bash-completion/completions/aadsshlogin stage/usr/share/zsh/site-functions/_aadsshlogin
install -D -m 0644 "$source/tools/static/licences/curl" stage/usr/share/aadsshlogin/licences/curl

# pack TOOL: version 1.2.3.4 and 1.2.3.5 into one; the first is the same whoever packs it, when and where
pack()
{
	"$source/$1" stage 1.2.3.4 one >log 2>&1 || fail "$(cat log)"
	mkdir elsewhere
	cp -R stage elsewhere
	touch elsewhere/stage/usr/sbin/aadsshlogin
	chmod 0700 elsewhere/stage/usr elsewhere/stage/usr/sbin
	(cd elsewhere && umask 077 && TZ=Asia/Tokyo LC_ALL=C.UTF-8 "$source/$1" stage 1.2.3.4 ../two) >log 2>&1 ||
		fail "$(cat log)"
	diff -r one two || fail "the bytes depend on folder, time zone, umask or times"
	"$source/$1" stage 1.2.3.5 one >log 2>&1 || fail "$(cat log)"
}

# install_inside SUFFIX: the rest needs a machine to install on: this one's files, under an overlay that nobody
# else sees
install_inside()
{
	if [ "$(id -u)" -ne 0 ] || ! unshare -m true 2>/dev/null; then
		echo "not root: installing was not tried"
		exit 0
	fi
	mkdir over root
	install -m 0644 "$source/test/script/packages-inside.sh" one
	unshare -m sh -eu -c '
		mount -t tmpfs tmpfs over
		mkdir over/upper over/work
		mount -t overlay -o lowerdir=/,upperdir=over/upper,workdir=over/work overlay root
		mount -t tmpfs tmpfs root/run
		mount --bind /dev root/dev
		mkdir root/packages
		cp one/* root/packages
		exec chroot root sh /packages/packages-inside.sh '"$1"
}
