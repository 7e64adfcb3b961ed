/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "mail/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	const char *name, *in, *out; /* out NULL: ERR_PERM */
} addresses[] = {
	{ "plain", "ann@example.org", "ann@example.org" },
	{ "upper case", "Ann.B@EXAMPLE.Org", "ann.b@example.org" },
	{ "brackets", "<Ann@example.org>", "ann@example.org" },
	{ "all of atext", "a!#$%&'*+-/=?^_`{|}~@x.y",
	    "a!#$%&'*+-/=?^_`{|}~@x.y" },
	{ "single label", "root@localhost", "root@localhost" },
	{ "underscore in host", "a@foo_bar.example", "a@foo_bar.example" },
	{ "trailing dot", "a@example.org.", "a@example.org" },
	{ "literal", "a@[127.0.0.1]", "a@[127.0.0.1]" },
	{ "literal of IPv6", "a@[IPv6:FE80::1]", "a@[ipv6:fe80::1]" },
	{ "idn",
	    "a@b\xc3\xbc"
	    "cher.example",
	    "a@xn--bcher-kva.example" },
	{ "idn upper case",
	    "a@B\xc3\x9c"
	    "CHER.example",
	    "a@xn--bcher-kva.example" },
	{ "idn decomposed",
	    "a@bu\xcc\x88"
	    "cher.example",
	    "a@xn--bcher-kva.example" },
	{ "idn, ideographic dot",
	    "a@b\xc3\xbc"
	    "cher\xe3\x80\x82"
	    "example",
	    "a@xn--bcher-kva.example" },
	{ "idn, sharp s stays", "a@fa\xc3\x9f.de", "a@xn--fa-hia.de" },
	{ "a-label", "a@XN--BCHER-KVA.example", "a@xn--bcher-kva.example" },
	{ "hyphens at 3 and 4", "a@r3---sn.example", "a@r3---sn.example" },
	{ "utf-8 local", "J\xc3\x96RG@x.y", "j\xc3\xb6rg@x.y" },
	{ "utf-8 local decomposed", "JO\xcc\x88RG@x.y", "j\xc3\xb6rg@x.y" },
	{ "quoted, needlessly", "\"Ann\"@x.y", "ann@x.y" },
	{ "quoted with escape", "\"a\\nn\"@x.y", "ann@x.y" },
	{ "quoted with extension", "\"ann+tag\"@x.y", "ann+tag@x.y" },
	{ "quoted blank", "\"a b\"@x.y", NULL },
	{ "quoted at", "\"a@b\"@x.y", NULL },
	{ "quoted dots", "\"a..b\"@x.y", NULL },
	{ "quoted nothing", "\"\"@x.y", NULL },
	{ "quote open", "\"ann@x.y", NULL },
	{ "quote open at escape", "\"ann\\", NULL },
	{ "text after the quote", "\"ann\"b@x.y", NULL },
	{ "quote in the middle", "a\"n\"n@x.y", NULL },
	{ "nothing", "", NULL },
	{ "null sender", "<>", NULL },
	{ "half brackets", "<a@x.y", NULL },
	{ "double brackets", "<<a@x.y>>", NULL },
	{ "no domain", "ann", NULL },
	{ "empty domain", "ann@", NULL },
	{ "no local part", "@x.y", NULL },
	{ "two at signs", "a@b@x.y", NULL },
	{ "source route", "<@a.b:c@x.y>", NULL },
	{ "blank", "a b@x.y", NULL },
	{ "no-break space",
	    "a\xc2\xa0"
	    "b@x.y",
	    NULL },
	{ "blank in front", " a@x.y", NULL },
	{ "line feed", "a@x.y\n", NULL },
	{ "C1 control",
	    "a\xc2\x85"
	    "b@x.y",
	    NULL },
	{ "not utf-8", "a\xff@x.y", NULL },
	{ "utf-8 cut", "a@x.y\xc3", NULL },
	{ "comment", "a(b)@x.y", NULL },
	{ "comma", "a,b@x.y", NULL },
	{ "leading dot", ".a@x.y", NULL },
	{ "dot at the end", "a.@x.y", NULL },
	{ "two dots", "a..b@x.y", NULL },
	{ "two dots in domain", "a@x..y", NULL },
	{ "two dots after domain", "a@x.y..", NULL },
	{ "domain is a dot", "a@.", NULL },
	{ "hyphen in front", "a@-x.y", NULL },
	{ "hyphen behind", "a@x-.y", NULL },
	{ "literal open", "a@[127.0.0.1", NULL },
	{ "literal empty", "a@[]", NULL },
	{ "literal with text behind", "a@[::1]x", NULL },
	{ "literal with blank", "a@[ 1]", NULL },
	{ "bad a-label", "a@xn--\x7f.y", NULL },
	{ "a-label of nothing", "a@xn--.y", NULL },
	{ "fullwidth at sign", "a@x.y\xef\xbc\xa0z", NULL },
	{ "slash in domain", "a@x/y", NULL },
};

static void
addresses_become_normal(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(addresses); i++) {
		char out[ADDRESS_SIZE] = "untouched";
		struct err err = { 0 };
		int rc = address_normalize(addresses[i].in, out, &err);

		print_message("%s\n", addresses[i].name);
		if (addresses[i].out == NULL) {
			assert_int_equal(rc, -1);
			assert_int_equal(err.kind, ERR_PERM);
			assert_string_not_equal(err.text, "");
			assert_string_equal(out, "untouched");
			continue;
		}
		assert_string_equal(err.text, "");
		assert_int_equal(rc, 0);
		assert_string_equal(out, addresses[i].out);

		char again[ADDRESS_SIZE];
		assert_int_equal(address_normalize(out, again, &err), 0);
		assert_string_equal(again, out);
	}
}

static const struct {
	const char *name, *in, *out;
} domains[] = {
	{ "plain", "Example.ORG", "example.org" },
	{ "idn",
	    "B\xc3\xbc"
	    "cher.example",
	    "xn--bcher-kva.example" },
	{ "trailing dot", "example.org.", "example.org" },
	{ "empty", "", NULL },
	{ "blank", "a b", NULL },
	{ "address", "a@b", NULL },
	{ "brackets", "<b>", NULL },
};

static void
domains_become_normal(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(domains); i++) {
		char out[ADDRESS_SIZE] = "untouched";
		struct err err = { 0 };
		int rc = domain_normalize(domains[i].in, out, &err);

		print_message("%s\n", domains[i].name);
		assert_int_equal(rc, domains[i].out == NULL ? -1 : 0);
		assert_string_equal(
		    out, domains[i].out == NULL ? "untouched" : domains[i].out);
	}
}

static int
normalize_of_length(size_t local, size_t label)
{
	char in[4096], out[ADDRESS_SIZE];
	struct err err = { 0 };

	memset(in, 'a', sizeof in);
	in[local] = '@';
	in[local + 1 + label] = '\0';
	int rc = address_normalize(in, out, &err);
	if (rc < 0)
		assert_int_equal(err.kind, ERR_PERM);
	return rc;
}

static void
lengths_are_bounded(void **state)
{
	(void)state;
	assert_int_equal(normalize_of_length(64, 63), 0);
	assert_int_equal(normalize_of_length(64, 64), -1);
	assert_int_equal(normalize_of_length(ADDRESS_SIZE - 3, 1), 0);
	assert_int_equal(normalize_of_length(ADDRESS_SIZE - 2, 1), -1);
	assert_int_equal(normalize_of_length(4000, 1), -1);
}

static const struct {
	const char *name, *in, *delimiters, *out;
	int found;
} extensions[] = {
	{ "one", "ann+tag@x.y", "+", "ann@x.y", 1 },
	{ "none", "ann@x.y", "+", "ann@x.y", 0 },
	{ "first of two", "ann+a+b@x.y", "+", "ann@x.y", 1 },
	{ "two delimiters", "ann-a+b@x.y", "+-", "ann@x.y", 1 },
	{ "empty extension", "ann+@x.y", "+", "ann@x.y", 1 },
	{ "at the beginning", "+ann@x.y", "+", "+ann@x.y", 0 },
	{ "also at the beginning", "+ann+a@x.y", "+", "+ann@x.y", 1 },
	{ "delimiter in the domain", "ann@x-y", "-", "ann@x-y", 0 },
	{ "no delimiters", "ann+tag@x.y", "", "ann+tag@x.y", 0 },
	{ "no address", "", "+", "", 0 },
};

static void
extensions_are_stripped(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(extensions); i++) {
		char out[ADDRESS_SIZE];

		print_message("%s\n", extensions[i].name);
		assert_int_equal(address_strip_extension(extensions[i].in,
				     extensions[i].delimiters, out),
		    extensions[i].found);
		assert_string_equal(out, extensions[i].out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_become_normal),
		cmocka_unit_test(domains_become_normal),
		cmocka_unit_test(lengths_are_bounded),
		cmocka_unit_test(extensions_are_stripped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
