/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "lib/core/authkeys.h"
#include "lib/core/cleanup.h"

/* Made by ssh-keygen, whose sizes and fingerprints the rows hold; those of security keys are put together. */
/* clang-format off */
#define RSAB1024 \
	"ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQDGXz9WRuuD4kVzLayZII2+n34Ve1NKqLN0AanD" \
	"A8HkAsxMsCqgQ2ccf2+YPN/BOmplLSUPrnt7q6FdrBAOmjnbRefpXTKlD4hiJqH/8CoK/QL70R23" \
	"xsNh3aMdWotVJpQeHjqwfSKPXIwO9XhcmkZAZEey7GkUW09Fzn+Hz0IG6w=="
#define RSAB2047 \
	"ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAGkHOvCZXNi7eA6+GGDcnloXNdXza0KtQgYJEZHo" \
	"XA1CkL/F6NgX0mb+RF9PImpH+d4L7EDcXfcT9YWg+vtvo+IaysIosyYIHfGatCKfJwFmrBwIYwer" \
	"NUpOiCPCejJej33io4uHrpICYssWF7xBuOvawKPt/ftKRdtx7gHgG1ifzBav60me3ge6TCZ5EIR2" \
	"DkA3HnX9W0OEMrNcDoC1pxWbfcElond/4Kfky9NbTqnnAItamLDcMW/svpIzETa72v4tbUTVoTnU" \
	"rXtIdihde2de1j7rvrjKqejLdRGwDRkZOZmbapX68CF7mnRX2MlSV9oaUhMiazDH9Bt1tPyAteU="
#define RSAB2048 \
	"ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQCXMq2SkdP7Kp3EkPPOm5rCfbxZfnekBtO0lY4V" \
	"TZ5c82UKScVZAF6L1sIzT8Bexcx8AdEozsbWTJlubJaDYJmHzsqOOY+dbWDvHlBj0QaaYvGU6YaJ" \
	"kS33D/FKVB5AnnjbNSsz+md760m3nlBoR+Iime0XXoOCeDDazWreI8CZTQsDt29SzRtwCP+RjCT/" \
	"JLoZ9KjeX0MeU9QYtSPR0Km+8kmR0tmIqWVaEak3nYJzrU3HQMqTMpAZrRI4J7RNfhEwZ62N8eED" \
	"EB0x7sEsIdEJWboZr+nz3Jg/zZ8DE6/5/OLbGMGCUlVK7M2P0BMNp96aUU7OxTNB2lniRHhp7Oaf"
#define ECDSAB256 \
	"ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBP8x" \
	"XiTKeKMfokhNQGffTs4JQIM3gNVcvXmoWjHziQbsXq6dUdw5ocx+O2As2mS8a2/3hBDN6+D7P0hv" \
	"CWr4Rgs="
#define ECDSAB384 \
	"ecdsa-sha2-nistp384 AAAAE2VjZHNhLXNoYTItbmlzdHAzODQAAAAIbmlzdHAzODQAAABhBDGk" \
	"HXHkfcurrvx4lnEovY4+h495jWANJ8qGwCmhfXLKwmC4m+pZgaL8xac2pb+TPWvrzno3oa/9R/eS" \
	"ujuX44JD8jrt8+PRXf330eGiH72k/4UPy68KYN54bJ9MIs/pTQ=="
#define ECDSAB521 \
	"ecdsa-sha2-nistp521 AAAAE2VjZHNhLXNoYTItbmlzdHA1MjEAAAAIbmlzdHA1MjEAAACFBAFy" \
	"zVaeicLDANhGqOkHuubaboicUKgaJGnKaY2bOZTv/gcI+/1MSg+UDJu27u5O6yn0xRO3p6dgjI9d" \
	"4LIkGENL4QGvcy0oHX/91jZ4R3Ud8B/IsUzunoZac6KVvVrcVhEK1EDnGmAGpNx0SKZRfXHhiOGp" \
	"aqa0LN2pgm/XTwSAG8qXmg=="
#define ED25519 \
	"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJH0U7PqoqMJNP0e2ct/6h21YijcOY3gFcN7rzgY" \
	"afFL"
#define DSA \
	"ssh-dss AAAAB3NzaC1kc3MAAACBAJAKIJLwfrz9qqn/ad8cZM25NTsSWEav5evq4HJl/SBw+q8Z" \
	"4nGaHChUEKdvSqcTfDPgNkDqGp98C0hNFpt9VDbHtj+zLYBffF/MOc2ER/rRWkpwxFlEN4sHCrPd" \
	"mPW9ng3puNfZMx2RBbUFCqYT3SyBZf7Pyo4FNs9O6fSUU//FAAAAFQC3njImf63PYvMZXk9K8dz5" \
	"n9NqFQAAAIBXxhsjsoegpJFxFjMP6FywuvXzdYoJY98GPTENeI6+P5+zY4JpOwLFeyP8zW/aP5a2" \
	"9oobO78tz3XPyQO4UaPz5bv/D+Mt0g8GaxBFaILB65VjqdW1fnkg5KZnKJWWyZ3qm81m4D3vG1WW" \
	"0zQgwpqvbfhNhVaUNTxHCWdWRbVODQAAAIAIPXv4vB2dy+Iw1nPMbKzi3ublwoBYLbCgdH1kQzPh" \
	"TkDhdyUl4+Hlgn/vnnNijongZVfsaLGus0Nz1yCQmiXo5ctmqTT/o0jp43QQX3dBNl/F52QeVgin" \
	"xeks6LIQJuSSezFYLBBlriA5L3mh8hwoPnft8xgiGqCI/gqKrhAtDQ=="
#define SK_ECDSA \
	"sk-ecdsa-sha2-nistp256@openssh.com AAAAInNrLWVjZHNhLXNoYTItbmlzdHAyNTZAb3Blb" \
	"nNzaC5jb20AAAAIbmlzdHAyNTYAAABBBP8xXiTKeKMfokhNQGffTs4JQIM3gNVcvXmoWjHziQbsX" \
	"q6dUdw5ocx+O2As2mS8a2/3hBDN6+D7P0hvCWr4RgsAAAAEc3NoOg=="
#define SK_ED25519 \
	"sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIJH0U" \
	"7PqoqMJNP0e2ct/6h21YijcOY3gFcN7rzgYafFLAAAABHNzaDo="
#define CERTIFICATE \
	"ssh-rsa-cert-v01@openssh.com AAAAHHNzaC1yc2EtY2VydC12MDFAb3BlbnNzaC5jb20AAAA" \
	"gZZdqOqztxCVsUeCLJ0rtD8p116HlylmODMekFTeDG58AAAADAQABAAABAQCXMq2SkdP7Kp3EkPP" \
	"Om5rCfbxZfnekBtO0lY4VTZ5c82UKScVZAF6L1sIzT8Bexcx8AdEozsbWTJlubJaDYJmHzsqOOY+" \
	"dbWDvHlBj0QaaYvGU6YaJkS33D/FKVB5AnnjbNSsz+md760m3nlBoR+Iime0XXoOCeDDazWreI8C" \
	"ZTQsDt29SzRtwCP+RjCT/JLoZ9KjeX0MeU9QYtSPR0Km+8kmR0tmIqWVaEak3nYJzrU3HQMqTMpA" \
	"ZrRI4J7RNfhEwZ62N8eEDEB0x7sEsIdEJWboZr+nz3Jg/zZ8DE6/5/OLbGMGCUlVK7M2P0BMNp96" \
	"aUU7OxTNB2lniRHhp7OafAAAAAAAAAAAAAAABAAAAAXgAAAAIAAAABHJvb3QAAAAAAAAAAP/////" \
	"/////AAAAAAAAAIIAAAAVcGVybWl0LVgxMS1mb3J3YXJkaW5nAAAAAAAAABdwZXJtaXQtYWdlbnQ" \
	"tZm9yd2FyZGluZwAAAAAAAAAWcGVybWl0LXBvcnQtZm9yd2FyZGluZwAAAAAAAAAKcGVybWl0LXB" \
	"0eQAAAAAAAAAOcGVybWl0LXVzZXItcmMAAAAAAAAAAAAAADMAAAALc3NoLWVkMjU1MTkAAAAgkfR" \
	"Ts+qiowk0/R7Zy3/qHbViKNw5jeAVw3uvOBhp8UsAAABTAAAAC3NzaC1lZDI1NTE5AAAAQFS/oL/" \
	"o7abAlkfkyP3iujRUeLxtV95xEqE9fBVyNdwjcAaoX2LQvf6cSTK3MV5C9PuL76je0LEwbNTSJzS" \
	"pGgU="
#define OTHER_BLOB \
	"AAAAB3NzaC1uZXcAAAADYWJj"
#define RSAB1024_BLOB \
	"AAAAB3NzaC1yc2EAAAADAQABAAAAgQDGXz9WRuuD4kVzLayZII2+n34Ve1NKqLN0AanDA8HkAsxM" \
	"sCqgQ2ccf2+YPN/BOmplLSUPrnt7q6FdrBAOmjnbRefpXTKlD4hiJqH/8CoK/QL70R23xsNh3aMd" \
	"WotVJpQeHjqwfSKPXIwO9XhcmkZAZEey7GkUW09Fzn+Hz0IG6w=="

static struct row {
	const char *name;
	const char *text;
	const char *keys; /* LINE KIND BITS [authority] SUPPORTED FINGERPRINT */
} rows[] = {
	{"RSA of 1024 bits",
	 RSAB1024 "\n",
	 "1 RSA 1024 unsupported SHA256:qLqRSN6ZdEGfyBYfcbWSvOVxGk2KCrjoTIe3S4Zw6aw\n"},
	{"RSA of 2047 bits",
	 RSAB2047 "\n",
	 "1 RSA 2047 unsupported SHA256:pQMFSACGUEHgt8CDmV5Vhq8+utuTL6DncSih9+1tChI\n"},
	{"RSA of 2048 bits",
	 RSAB2048 "\n",
	 "1 RSA 2048 supported SHA256:/W9wUqfcD9/rHNeqXG75y1ZMH3fSLUjr1X8O423viSE\n"},
	{"ECDSA of 256 bits",
	 ECDSAB256 "\n",
	 "1 ECDSA 256 unsupported SHA256:iqwayvGk4jQuK3v4uLegX7ioybFJertg1sDhWvsujZY\n"},
	{"ECDSA of 384 bits",
	 ECDSAB384 "\n",
	 "1 ECDSA 384 unsupported SHA256:vgTpKp5v6CoAwGXPZcG9lUk2piSU/jHmcXAs6B9mrPY\n"},
	{"ECDSA of 521 bits",
	 ECDSAB521 "\n",
	 "1 ECDSA 521 unsupported SHA256:tvZ30fqgqPZKZtAC87aPS+2ddMZ5DYyHFYqewiKAb+o\n"},
	{"Ed25519",
	 ED25519 "\n",
	 "1 Ed25519 256 supported SHA256:hMuPsNqzWEYeDMGmita41WFvb3SsBRhhlyEjw9ziK9Q\n"},
	{"DSA",
	 DSA "\n",
	 "1 DSA 1024 unsupported SHA256:yj9DBWmwWy39Hd0VUlPVh4mdNLEJJQv506dgl1iyu0k\n"},
	{"ECDSA of a security key",
	 SK_ECDSA "\n",
	 "1 ECDSA-SK 256 unsupported SHA256:7vgrp+H/SmfeHG2M7e0YetD1fY9TkZW9qLaFsUT+7Tg\n"},
	{"Ed25519 of a security key",
	 SK_ED25519 "\n",
	 "1 Ed25519-SK 256 supported SHA256:jOWB09OQs30GzU2F/xFs6cvPLQ4ghEE1SpeYywbMiRI\n"},
	{"a comment, blanks and no newline at the end",
	 " \t" ED25519 " bob@example.com more",
	 "1 Ed25519 256 supported SHA256:hMuPsNqzWEYeDMGmita41WFvb3SsBRhhlyEjw9ziK9Q\n"},
	{"lines are counted, comments and empty ones too",
	 "# no\n\n  # no\n" DSA "\n" RSAB1024 "\n",
	 "4 DSA 1024 unsupported SHA256:yj9DBWmwWy39Hd0VUlPVh4mdNLEJJQv506dgl1iyu0k\n5 RSA 1024 unsupported SHA256:qLqRSN6ZdEGfyBYfcbWSvOVxGk2KCrjoTIe3S4Zw6aw\n"},
	{"a line that ends as on Windows",
	 ED25519 "\r\n",
	 "1 Ed25519 256 supported SHA256:hMuPsNqzWEYeDMGmita41WFvb3SsBRhhlyEjw9ziK9Q\n"},
	{"options before the key",
	 "restrict,command=\"/bin/echo \\\"a b\\\"\",from=\"10.0.0.0/8,*.example.com\" " DSA "\n",
	 "1 DSA 1024 unsupported SHA256:yj9DBWmwWy39Hd0VUlPVh4mdNLEJJQv506dgl1iyu0k\n"},
	{"a certificate authority",
	 "cert-authority,principals=\"root\" " RSAB2048 "\n",
	 "1 RSA 2048 authority supported SHA256:/W9wUqfcD9/rHNeqXG75y1ZMH3fSLUjr1X8O423viSE\n"},
	{"a certificate authority as the last option, in capitals",
	 "no-pty,CERT-AUTHORITY\t" ECDSAB256 "\n",
	 "1 ECDSA 256 authority unsupported SHA256:iqwayvGk4jQuK3v4uLegX7ioybFJertg1sDhWvsujZY\n"},
	{"a certificate authority inside of quotes is none",
	 "command=\"a,cert-authority,b\" " ED25519 "\n",
	 "1 Ed25519 256 supported SHA256:hMuPsNqzWEYeDMGmita41WFvb3SsBRhhlyEjw9ziK9Q\n"},
	{"a quote without end lets nobody in",
	 "command=\"a " ED25519 "\n",
	 ""},
	{"the short name of a type, as some releases take it",
	 "RSA " RSAB1024_BLOB "\n",
	 "1 RSA 1024 unsupported SHA256:qLqRSN6ZdEGfyBYfcbWSvOVxGk2KCrjoTIe3S4Zw6aw\n"},
	{"a type that nobody knows yet",
	 "ssh-new " OTHER_BLOB "\n",
	 "1 unknown 0 supported SHA256:nlu7L393TFXB3dE3ZuX4kjrw7bD1kyAY2yB4A6gUGEk\n"},
	{"a name before a blob of another type that nobody knows",
	 "ssh-newer " OTHER_BLOB "\n",
	 ""},
	{"a certificate lets nobody in",
	 CERTIFICATE "\n",
	 ""},
	{"a key without its end lets nobody in",
	 "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAA=\n",
	 ""},
	{"a key with more behind it lets nobody in",
	 "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJH0U7PqoqMJNP0e2ct/6h21YijcOY3gFcN7rzgYafFLAA==\n",
	 ""},
	{"a blob that is no base64 lets nobody in",
	 "ssh-ed25519 AAAA!AAA\n",
	 ""},
	{"words",
	 "hello\nhello world\nno-pty\n",
	 ""},
	{"nothing",
	 "",
	 ""},
};
/* clang-format on */

static void list(struct span text, struct buf *ret)
{
	struct authkeys in = {.rest = text};
	struct authkey key;
	struct err err = {0};
	int r;

	while ((r = authkeys_next(&in, &key, &err)) == 1)
		buf_printf(ret, "%u %s %u%s %s %s\n", key.line, authkey_kind_name(key.kind), key.bits,
			   key.authority ? " authority" : "",
			   authkey_supported(&key) ? "supported" : "unsupported", key.fingerprint);
	assert_int_equal(r, 0);
	assert_int_equal(err.code, 0);
}

static void read_row(void **state)
{
	const struct row *row = *state;
	AUTO_BUF keys = {0};

	list(span_of(row->text), &keys);
	assert_string_equal(buf_text(&keys), row->keys);
}

/* What is longer is no key, and no work. */
static void a_word_too_long_for_a_key_lets_nobody_in(void **state)
{
	AUTO_BUF text = {0}, keys = {0};

	(void)state;
	buf_str(&text, "ssh-rsa ");
	while (text.len < 100000)
		buf_str(&text, "AAAA");
	list(buf_bytes(&text), &keys);
	assert_string_equal(buf_text(&keys), "");
}

int main(void)
{
	struct CMUnitTest tests[ARRAY_LEN(rows) + 1] = {
		cmocka_unit_test(a_word_too_long_for_a_key_lets_nobody_in),
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		tests[i + 1] = (struct CMUnitTest){
			.name = rows[i].name, .test_func = read_row, .initial_state = &rows[i]};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
