/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <string.h>

#include "lib/core/sha256.h"

#define BLOCK 64

/* The first 32 bits of the fractional parts of the cube roots of the first 64 primes. */
/* clang-format off */
static const uint32_t round_constants[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};
/* clang-format on */

static uint32_t rotate(uint32_t x, unsigned bits)
{
	return x >> bits | x << (32 - bits);
}

static uint32_t load(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void store(unsigned char *p, uint32_t x)
{
	for (unsigned i = 0; i < 4; i++)
		p[i] = (unsigned char)(x >> (24 - 8 * i));
}

static void schedule(const unsigned char block[BLOCK], uint32_t w[64])
{
	for (unsigned t = 0; t < 16; t++)
		w[t] = load(block + 4 * t);
	for (unsigned t = 16; t < 64; t++) {
		uint32_t s0 = rotate(w[t - 15], 7) ^ rotate(w[t - 15], 18) ^ w[t - 15] >> 3;
		uint32_t s1 = rotate(w[t - 2], 17) ^ rotate(w[t - 2], 19) ^ w[t - 2] >> 10;

		w[t] = w[t - 16] + s0 + w[t - 7] + s1;
	}
}

/* FIPS 180-4, 6.2.2; s holds the working variables a to h. */
static void compress(uint32_t hash[8], const unsigned char block[BLOCK])
{
	uint32_t w[64], s[8];

	schedule(block, w);
	memcpy(s, hash, sizeof(s));
	for (unsigned t = 0; t < 64; t++) {
		uint32_t sum1 = rotate(s[4], 6) ^ rotate(s[4], 11) ^ rotate(s[4], 25);
		uint32_t choice = (s[4] & s[5]) ^ (~s[4] & s[6]);
		uint32_t t1 = s[7] + sum1 + choice + round_constants[t] + w[t];
		uint32_t sum0 = rotate(s[0], 2) ^ rotate(s[0], 13) ^ rotate(s[0], 22);
		uint32_t majority = (s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]);

		memmove(s + 1, s, 7 * sizeof(s[0]));
		s[4] += t1;
		s[0] = t1 + sum0 + majority;
	}
	for (unsigned i = 0; i < 8; i++)
		hash[i] += s[i];
}

void sha256(struct span bytes, unsigned char ret[SHA256_LEN])
{
	uint32_t hash[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
			    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
	unsigned char tail[2 * BLOCK] = {0};
	uint64_t bits = (uint64_t)bytes.len * 8;
	struct span block;
	size_t tail_len;

	while (span_take(&bytes, BLOCK, &block))
		compress(hash, block.p);
	if (bytes.len)
		memcpy(tail, bytes.p, bytes.len);
	tail[bytes.len] = 0x80;
	tail_len = bytes.len + 1 + 8 <= BLOCK ? BLOCK : 2 * BLOCK;
	store(tail + tail_len - 8, (uint32_t)(bits >> 32));
	store(tail + tail_len - 4, (uint32_t)bits);
	for (size_t at = 0; at < tail_len; at += BLOCK)
		compress(hash, tail + at);
	for (unsigned i = 0; i < 8; i++)
		store(ret + 4 * i, hash[i]);
}
