/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <string.h>
#include <time.h>

#include "handler/text.h"

void time_text(int64_t time_s, char ret[TIME_TEXT_SIZE])
{
	time_t time = (time_t)time_s;
	struct tm tm;

	ret[0] = '\0';
	if (gmtime_r(&time, &tm))
		(void)strftime(ret, TIME_TEXT_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

void ascii_text(const char *text, char *ret, size_t size)
{
	size_t n = 0;

	for (; *text && n + 1 < size; text++)
		ret[n++] = *text == '\n' || (*text >= 0x20 && *text < 0x7f) ? *text : '?';
	ret[n] = '\0';
}

void shell_text(struct span word, struct buf *ret)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789%+,-./:=@_";
	size_t len = 0;

	while (len < word.len && memchr(plain, word.p[len], sizeof(plain) - 1))
		len++;
	if (word.len && len == word.len) {
		buf_span(ret, word);
		return;
	}
	buf_str(ret, "'");
	for (size_t i = 0; i < word.len; i++)
		buf_add(ret, word.p[i] == '\'' ? "'\\''" : (const char *)&word.p[i],
			word.p[i] == '\'' ? 4 : 1);
	buf_str(ret, "'");
}
