# SPDX-License-Identifier: MIT
# A stand-in, for tests alone: what the packages' scripts of the closed product (PRODUCT=aadsshlogin) and of the one
# before it (PRODUCT=aadlogin) are known to do to a machine, as far as people have told of it in public.
# BROKEN says what is wrong with them in a row of the tests: nothing, fails, hangs, early.

match='Match User *@*,????????-????-????-????-????????????    # Added by aadsshlogin installer'

reload_sshd()
{
	[ ! -s /run/sshd.pid ] || kill -HUP "$(cat /run/sshd.pid)"
}

set_up()
{
	sed -i --follow-symlinks 's/^\(passwd\|group\|shadow\):.*/& aad/' /etc/nsswitch.conf
	getent group aad_admins >/dev/null || groupadd --system aad_admins
	if [ "$PRODUCT" = aadsshlogin ]; then
		echo '%aad_admins ALL=(ALL) NOPASSWD:ALL' >/etc/sudoers.d/aad_admins
	else
		echo '%aad_admins ALL=(ALL) ALL' >/etc/sudoers.d/aad_admins
	fi
	chmod 440 /etc/sudoers.d/aad_admins
	set_up_pam
	if [ "$PRODUCT" = aadsshlogin ]; then
		cat >>/etc/ssh/sshd_config <<-END
			$match
			    AuthenticationMethods publickey
			    PubkeyAuthentication yes
			    AuthorizedKeysCommand /usr/sbin/aad_certhandler %u %k
			    AuthorizedKeysCommandUser root
		END
		reload_sshd
	fi
}

# By Debian's tool where it is the machine's; otherwise lines in the files that services include, authselect's too.
set_up_pam()
{
	if [ "$FORM" = deb ]; then
		pam-auth-update --package
		return
	fi
	for file in password-auth system-auth; do
		sed -i --follow-symlinks -e '0,/^auth/s/^auth/auth [success=done user_unknown=ignore default=die] pam_aad.so\n&/' \
			-e '0,/^account/s/^account/account [success=done default=ignore] pam_aad.so\n&/' /etc/pam.d/$file
	done
}

take_down()
{
	if [ "$FORM" = deb ]; then
		pam-auth-update --package --remove aad
	else
		sed -i --follow-symlinks '/pam_aad\.so/d' /etc/pam.d/password-auth /etc/pam.d/system-auth
	fi
	sed -i --follow-symlinks 's/ aad\b//' /etc/nsswitch.conf
	rm -f /etc/sudoers.d/aad_admins
	if grep -q 'Added by aadsshlogin' /etc/ssh/sshd_config; then
		sed -i '/Added by aadsshlogin/,$d' /etc/ssh/sshd_config
		reload_sshd
	fi
}

# The older product deletes its users when it goes, and cannot while one of them is signed in.
delete_users()
{
	while IFS=: read -r name _ uid _; do
		if [ -n "$(find /proc -maxdepth 1 -uid "$uid" -name '[0-9]*' 2>/dev/null)" ]; then
			echo "aaduserdel: user $name is currently used by a process" >&2
			exit 8
		fi
		sed -i "/^$name:/d" /etc/aadpasswd
	done </etc/aadpasswd
}

break_down()
{
	case $BROKEN in
	fails) exit 1 ;;
	hangs) sleep 1000 ;;
	esac
}

# what: install, going (before the files go), gone, replacing (before ours come), replaced
run()
{
	case $1 in
	install) set_up ;;
	going)
		break_down
		[ "$PRODUCT" = aadsshlogin ] || delete_users
		take_down
		;;
	gone) [ "$BROKEN" != fails ] || exit 1 ;;
	replacing)
		[ "$BROKEN" != fails ] || exit 1
		[ "$BROKEN" != early ] || take_down
		;;
	replaced) break_down ;;
	esac
}
