#!/bin/sh
# SPDX-License-Identifier: MIT
# make.sh: small.deb and small.rpm, of the same files, by the real tools.
set -eu
umask 022
here=$(cd "${0%/*}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export SOURCE_DATE_EPOCH=1700000000

mkdir -p "$work/tree/usr/sbin" "$work/tree/usr/share/small" "$work/tree/usr/share/doc/small" "$work/tree/DEBIAN"
printf '#!/bin/sh\nexit 0\n' >"$work/tree/usr/sbin/small"
chmod 0755 "$work/tree/usr/sbin/small"
: >"$work/tree/usr/share/small/empty"
ln -s ../../sbin/small "$work/tree/usr/share/small/link"
echo MIT >"$work/tree/usr/share/doc/small/copyright"
find "$work/tree" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
cat >"$work/tree/DEBIAN/control" <<END
Package: small
Version: 1:1.0.0.0
Architecture: all
Maintainer: The aadsshlogin authors <authors@aadsshlogin.invalid>
Description: files for a test
END
dpkg-deb --root-owner-group -Zxz --build "$work/tree" "$here/small.deb"
rm -r "$work/tree/DEBIAN"

cat >"$work/small.spec" <<END
Name: small
Epoch: 1
Version: 1.0.0.0
Release: 1
Summary: files for a test
License: MIT
BuildArch: noarch
%description
Files for a test.
%install
cp -R $work/tree/. %{buildroot}
%files
%defattr(-,root,root,-)
%dir /usr/share/small
/usr/sbin/small
/usr/share/small/empty
/usr/share/small/link
/usr/share/doc/small/copyright
END
HOME=$work rpmbuild -bb --quiet --nodeps --define "_topdir $work/rpm" --define "_rpmdir $work/out" \
	--define "_dbpath $work/db" --define '_binary_payload w6.xzdio' --define '_buildhost localhost' \
	--define 'use_source_date_epoch_as_buildtime 1' --define 'clamp_mtime_to_source_date_epoch 1' "$work/small.spec"
mv "$work"/out/noarch/*.rpm "$here/small.rpm"
