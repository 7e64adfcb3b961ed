/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "recovery.h"

#include <string.h>

enum { GROUP_DATA = 4, GROUP_LEN = 5, FIELD = 1 << 5, POLYNOMIAL = 0x25 };

/* No I, L, O, U: what looks alike is one. */
static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/* ---- the code ---- */

static unsigned
twice(unsigned x)
{
	x <<= 1;
	return (x & FIELD) != 0 ? x ^ POLYNOMIAL : x;
}

/*
 * Over the field of 32 elements: 16a + 8b + 4c + 2d + number + check = 0. The
 * factors differ, so one wrong character, two that changed places, and groups
 * that changed places are found.
 */
static unsigned
check_value(const uint8_t data[GROUP_DATA], unsigned number)
{
	unsigned sum = 0;

	for (size_t i = 0; i < GROUP_DATA; i++)
		sum = twice(sum ^ data[i]);
	return sum ^ number;
}

static void
write_code(const uint8_t values[RECOVERY_GROUPS][GROUP_DATA],
    char out[RECOVERY_CODE_SIZE])
{
	for (unsigned g = 0; g < RECOVERY_GROUPS; g++) {
		for (size_t i = 0; i < GROUP_DATA; i++)
			*out++ = alphabet[values[g][i]];
		*out++ = alphabet[check_value(values[g], g + 1)];
		*out++ = g + 1 < RECOVERY_GROUPS ? '-' : '\0';
	}
}

int
recovery_code_make(
    const struct crypt *c, char out[RECOVERY_CODE_SIZE], struct err *err)
{
	uint8_t values[RECOVERY_GROUPS][GROUP_DATA];

	if (crypt_random(c, values, sizeof values, err) < 0)
		return -1;
	for (size_t g = 0; g < RECOVERY_GROUPS; g++)
		for (size_t i = 0; i < GROUP_DATA; i++)
			values[g][i] %= FIELD;
	write_code(values, out);
	explicit_bzero(values, sizeof values);
	return 0;
}

/* -1 for a character that is in no code. */
static int
value_of(char c)
{
	if (c >= 'a' && c <= 'z')
		c = (char)(c - 'a' + 'A');
	if (c == 'O')
		c = '0';
	if (c == 'I' || c == 'L')
		c = '1';

	const char *at = c == '\0' ? NULL : strchr(alphabet, c);

	return at == NULL ? -1 : (int)(at - alphabet);
}

static int
read_values(const char *text, size_t n,
    uint8_t out[RECOVERY_GROUPS * GROUP_LEN], struct err *err)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++) {
		if (strchr(" \t\r\n-", text[i]) != NULL && text[i] != '\0')
			continue;

		int value = value_of(text[i]);

		if (value < 0)
			return err_set(err, ERR_PERM,
			    "group %zu of the recovery code has a character "
			    "that is in none",
			    count / GROUP_LEN + 1);
		if (count == RECOVERY_GROUPS * GROUP_LEN)
			return err_set(err, ERR_PERM,
			    "the recovery code is too long");
		out[count++] = (uint8_t)value;
	}
	if (count < RECOVERY_GROUPS * GROUP_LEN)
		return err_set(err, ERR_PERM,
		    "the recovery code is too short: it has %d groups of %d "
		    "characters",
		    RECOVERY_GROUPS, GROUP_LEN);
	return 0;
}

static int
check_groups(const uint8_t *values, char out[RECOVERY_CODE_SIZE],
    struct err *err)
{
	uint8_t data[RECOVERY_GROUPS][GROUP_DATA];

	for (unsigned g = 0; g < RECOVERY_GROUPS; g++) {
		memcpy(data[g], values + g * GROUP_LEN, GROUP_DATA);
		if (check_value(data[g], g + 1) ==
		    values[g * GROUP_LEN + GROUP_DATA])
			continue;
		explicit_bzero(data, sizeof data);
		return err_set(err, ERR_PERM,
		    "group %u of the recovery code is mistyped", g + 1);
	}
	write_code(data, out);
	explicit_bzero(data, sizeof data);
	return 0;
}

int
recovery_code_read(const char *text, size_t n, char out[RECOVERY_CODE_SIZE],
    struct err *err)
{
	uint8_t values[RECOVERY_GROUPS * GROUP_LEN];
	int rc = read_values(text, n, values, err);

	if (rc == 0)
		rc = check_groups(values, out, err);
	explicit_bzero(values, sizeof values);
	return rc;
}

/* ---- the sheet ---- */

#define TITLE	    "sealpost recovery sheet"
#define ADDRESS	    "Address:"
#define FINGERPRINT "Fingerprint:"
#define BEGIN	    "-----BEGIN PGP PRIVATE KEY BLOCK-----"
#define END	    "-----END PGP PRIVATE KEY BLOCK-----"

static const char explanation[] =
    "This sheet and its recovery code open the mail of this address when the\n"
    "password is forgotten. The sheet alone opens nothing, and neither does\n"
    "the code. Print the sheet or keep it where it will be found in years.\n"
    "Write the code down by hand, best in another place:\n"
    "\n"
    "    _____ - _____ - _____ - _____ - _____ - _____ - _____\n"
    "\n"
    "To set a new password:    sealpost-bridge enrol --recover THIS-FILE\n"
    "Without sealpost:         gpg --import THIS-FILE\n"
    "                          (the code, with its hyphens, is the passphrase)\n"
    "\n"
    "The private key, protected by the code:\n"
    "\n";

int
recovery_sheet_write(const struct recovery_sheet *s, const char *day,
    struct buf *out, struct err *err)
{
	if (buf_putf(out, err,
	        TITLE ", version 1\n\n" ADDRESS "      %s\n" FINGERPRINT
	              "  ",
	        s->address) < 0)
		return -1;
	for (size_t i = 0; s->fingerprint[i] != '\0'; i++)
		if (buf_putf(out, err, "%s%c", i > 0 && i % 4 == 0 ? " " : "",
		        s->fingerprint[i]) < 0)
			return -1;
	if (buf_putf(out, err, "\nMade:         %s\n\n%s", day,
	        explanation) < 0)
		return -1;
	return buf_put(out, s->armored, s->armored_len, err);
}

struct line {
	const char *text;
	size_t len;
};

/* The next line without blanks at its ends. */
static bool
next_line(const char **at, const char *end, struct line *l)
{
	const char *start = *at;

	if (start == end)
		return false;

	const char *lf = memchr(start, '\n', (size_t)(end - start));
	const char *stop = lf == NULL ? end : lf;

	*at = lf == NULL ? end : lf + 1;
	while (stop > start && strchr(" \t\r", stop[-1]) != NULL)
		stop--;
	while (start < stop && strchr(" \t", *start) != NULL)
		start++;
	*l = (struct line){ .text = start, .len = (size_t)(stop - start) };
	return true;
}

static bool
begins(const struct line *l, const char *prefix)
{
	return l->len >= strlen(prefix) &&
	       memcmp(l->text, prefix, strlen(prefix)) == 0;
}

static int
take_address(const struct line *l, struct recovery_sheet *out, struct err *err)
{
	char text[ADDRESS_SIZE];
	size_t skip = strlen(ADDRESS);

	while (skip < l->len && strchr(" \t", l->text[skip]) != NULL)
		skip++;
	if (l->len - skip >= sizeof text ||
	    memchr(l->text, '\0', l->len) != NULL)
		return err_set(err, ERR_PERM, "the sheet's address is none");
	memcpy(text, l->text + skip, l->len - skip);
	text[l->len - skip] = '\0';
	return address_normalize(text, out->address, err);
}

static int
take_fingerprint(
    const struct line *l, struct recovery_sheet *out, struct err *err)
{
	size_t len = 0;

	for (size_t i = strlen(FINGERPRINT); i < l->len; i++) {
		char c = l->text[i];

		if (c == ' ' || c == '\t')
			continue;
		if (c >= 'a' && c <= 'f')
			c = (char)(c - 'a' + 'A');
		if (len == sizeof out->fingerprint - 1 || c == '\0' ||
		    strchr("0123456789ABCDEF", c) == NULL)
			return err_set(err, ERR_PERM,
			    "the sheet's fingerprint is none");
		out->fingerprint[len++] = c;
	}
	out->fingerprint[len] = '\0';
	return 0;
}

static int
take_line(const struct line *l, struct recovery_sheet *s, struct err *err)
{
	if (begins(l, ADDRESS))
		return take_address(l, s, err);
	if (begins(l, FINGERPRINT))
		return take_fingerprint(l, s, err);
	if (begins(l, BEGIN) && s->armored == NULL)
		s->armored = l->text;
	if (begins(l, END) && s->armored != NULL && s->armored_len == 0)
		s->armored_len =
		    (size_t)(l->text + strlen(END) - s->armored);
	return 0;
}

int
recovery_sheet_read(const char *text, size_t n, struct recovery_sheet *out,
    struct err *err)
{
	struct recovery_sheet s = { .armored = NULL };
	const char *at = text;
	struct line l;
	bool has_title = false;

	while (next_line(&at, text + n, &l)) {
		has_title = has_title || begins(&l, TITLE);
		if (has_title && take_line(&l, &s, err) < 0)
			return -1;
	}
	if (!has_title)
		return err_set(err, ERR_PERM, "this is no recovery sheet");
	if (s.address[0] == '\0' || s.fingerprint[0] == '\0' ||
	    s.armored_len == 0)
		return err_set(err, ERR_PERM,
		    "the recovery sheet lacks its %s",
		    s.address[0] == '\0'         ? "address"
		        : s.fingerprint[0] == '\0' ? "fingerprint"
		                                   : "private key");
	*out = s;
	return 0;
}
