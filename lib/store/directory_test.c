/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "store/testing_calls.h"

#include <time.h>

#include "base/limits.h"

/* ---- a directory with example.org in it, for each test ---- */

struct fixture {
	struct folder folder;
	struct directory *d;
	struct err err;
};

static struct fixture fixture;

static int
set_up(void **state)
{
	fixture = (struct fixture){ 0 };
	*state = &fixture;
	folder_make(&fixture.folder);
	must(directory_create(fixture.folder.db, &fixture.err), &fixture.err);
	must(directory_open(
		 fixture.folder.db, STORE_WRITE, &fixture.d, &fixture.err),
	    &fixture.err);
	must(directory_domain_add(fixture.d, "example.org", &fixture.err),
	    &fixture.err);
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	directory_close(&f->d);
	folder_remove(&f->folder);
	return 0;
}

static int
add_account(struct fixture *f, const char *address)
{
	char text[100];
	struct account a = testing_account(text);

	snprintf(text, sizeof text, "%s", address);
	return directory_account_add(f->d, &a, &f->err);
}

static void
add_cert(struct fixture *f, const char *address, uint8_t seed, int64_t created,
    int64_t expires)
{
	cleanup(pgp_cert_free) struct pgp_cert *c =
	    testing_cert(seed, created, expires);

	assert_non_null(c);
	must(directory_cert_put(f->d, address, c, 5, &f->err), &f->err);
}

/* Refused for good, with a sentence that has this in it. */
static void
refused(struct fixture *f, int rc, const char *word)
{
	assert_int_equal(rc, -1);
	assert_int_equal(f->err.kind, ERR_PERM);
	if (strstr(f->err.text, word) == NULL)
		fail_msg("\"%s\" is not in: %s", word, f->err.text);
	f->err = (struct err){ 0 };
}

/* Collects "a>b " of a list. */
static int
collect(void *ctx, const char *a, const char *b, struct err *err)
{
	return buf_putf(
	    ctx, err, "%s%s%s ", a, b == NULL ? "" : ">", b == NULL ? "" : b);
}

static void
assert_aliases(struct fixture *f, const char *address, const char *expect)
{
	cleanup(buf_reset) struct buf b = { .limit = 10000 };

	must(
	    directory_alias_list(f->d, address, collect, &b, &f->err), &f->err);
	assert_string_equal(buf_str(&b, NULL), expect);
}

/* ---- domains ---- */

static void
domains(void **state)
{
	struct fixture *f = *state;
	cleanup(buf_reset) struct buf b = { .limit = 1000 };

	must(directory_domain_add(f->d, "a.example", &f->err), &f->err);
	refused(f, directory_domain_add(f->d, "a.example", &f->err), "exists");
	refused(f, directory_domain_add(f->d, "A.example", &f->err),
	    "normal form is a.example");
	refused(f, directory_domain_add(f->d, "", &f->err), "domain");
	refused(f, directory_domain_add(f->d, "a b", &f->err), "a b");
	must(directory_domain_list(f->d, collect, &b, &f->err), &f->err);
	assert_string_equal(buf_str(&b, NULL), "a.example example.org ");
	assert_int_equal(directory_domain_find(f->d, "a.example", &f->err), 1);
	must(directory_domain_remove(f->d, "a.example", &f->err), &f->err);
	assert_int_equal(directory_domain_find(f->d, "a.example", &f->err), 0);
	refused(f, directory_domain_remove(f->d, "a.example", &f->err),
	    "no domain");
}

static void
domain_in_use(void **state)
{
	struct fixture *f = *state;

	must(directory_alias_add(
		 f->d, "x@example.org", "y@example.net", &f->err),
	    &f->err);
	refused(f, directory_domain_remove(f->d, "example.org", &f->err),
	    "x@example.org");
	must(directory_alias_remove(f->d, "x@example.org", NULL, &f->err),
	    &f->err);
	must(add_account(f, testing_ann), &f->err);
	refused(f, directory_domain_remove(f->d, "example.org", &f->err),
	    testing_ann);
	must(directory_account_remove(f->d, testing_ann, &f->err), &f->err);
	must(directory_domain_remove(f->d, "example.org", &f->err), &f->err);
}

/* ---- aliases ---- */

static void
aliases(void **state)
{
	struct fixture *f = *state;

	must(directory_alias_add(
		 f->d, "all@example.org", "b@example.net", &f->err),
	    &f->err);
	must(directory_alias_add(
		 f->d, "all@example.org", "a@example.net", &f->err),
	    &f->err);
	must(directory_alias_add(
		 f->d, "x@example.org", "all@example.org", &f->err),
	    &f->err);
	refused(f,
	    directory_alias_add(
		f->d, "x@example.org", "all@example.org", &f->err),
	    "exists already");
	assert_aliases(f, NULL,
	    "all@example.org>a@example.net all@example.org>b@example.net "
	    "x@example.org>all@example.org ");
	assert_aliases(f, "x@example.org", "x@example.org>all@example.org ");
	assert_aliases(f, "none@example.org", "");
	must(directory_alias_remove(
		 f->d, "all@example.org", "a@example.net", &f->err),
	    &f->err);
	assert_aliases(f, "all@example.org", "all@example.org>b@example.net ");
	refused(f,
	    directory_alias_remove(
		f->d, "all@example.org", "a@example.net", &f->err),
	    "no alias");
	refused(f,
	    directory_alias_remove(f->d, "none@example.org", NULL, &f->err),
	    "no alias");
}

static void
alias_addresses(void **state)
{
	static const struct {
		const char *address, *target, *word;
	} cases[] = {
		{ "@example.org", "a@example.net", "@example.org" },
		{ "example.org", "a@example.net", "example.org" },
		{ "x@example.org", "nobody", "nobody" },
		{ "x@example.org", "@example.net", "@example.net" },
		{ "X@example.org", "a@example.net", "normal form" },
		{ "x@example.org", "a@Example.net", "normal form" },
		{ "x@elsewhere.example", "a@example.net",
		    "domain add elsewhere.example" },
		{ "x@example.org\n", "a@example.net", "x@example.org" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < countof(cases); i++)
		refused(f,
		    directory_alias_add(
			f->d, cases[i].address, cases[i].target, &f->err),
		    cases[i].word);
	assert_aliases(f, NULL, "");
}

static void
alias_circles(void **state)
{
	struct fixture *f = *state;

	refused(f,
	    directory_alias_add(
		f->d, "a@example.org", "a@example.org", &f->err),
	    "leads to itself");
	must(directory_alias_add(
		 f->d, "a@example.org", "b@example.org", &f->err),
	    &f->err);
	refused(f,
	    directory_alias_add(
		f->d, "b@example.org", "a@example.org", &f->err),
	    "circle");
	must(directory_alias_add(
		 f->d, "b@example.org", "c@example.org", &f->err),
	    &f->err);
	must(directory_alias_add(
		 f->d, "b@example.org", "d@example.org", &f->err),
	    &f->err);
	refused(f,
	    directory_alias_add(
		f->d, "d@example.org", "a@example.org", &f->err),
	    "circle");
	must(directory_alias_add(
		 f->d, "d@example.org", "c@example.org", &f->err),
	    &f->err);
}

/* Postfix expands no address again that is among its own targets. */
static void
accounts_that_forward_to_each_other(void **state)
{
	struct fixture *f = *state;
	const char *a = "a@example.org", *b = "b@example.org";

	must(add_account(f, a), &f->err);
	must(add_account(f, b), &f->err);
	must(directory_alias_add(f->d, a, a, &f->err), &f->err);
	must(directory_alias_add(f->d, a, b, &f->err), &f->err);
	must(directory_alias_add(f->d, b, b, &f->err), &f->err);
	must(directory_alias_add(f->d, b, a, &f->err), &f->err);
}

/* Mail for an account reaches it, whatever is done to aliases. */
static void
aliases_of_accounts(void **state)
{
	struct fixture *f = *state;
	const char *bob = "bob@example.net";

	must(add_account(f, testing_ann), &f->err);
	refused(f, directory_alias_add(f->d, testing_ann, bob, &f->err),
	    "alias add ann@example.org ann@example.org");
	must(directory_alias_add(f->d, testing_ann, testing_ann, &f->err),
	    &f->err);
	must(directory_alias_add(f->d, testing_ann, bob, &f->err), &f->err);
	refused(f,
	    directory_alias_remove(f->d, testing_ann, testing_ann, &f->err),
	    "other targets first");
	assert_aliases(f, testing_ann,
	    "ann@example.org>ann@example.org "
	    "ann@example.org>bob@example.net ");
	must(directory_alias_remove(f->d, testing_ann, NULL, &f->err), &f->err);

	must(directory_alias_add(f->d, "carol@example.org", bob, &f->err),
	    &f->err);
	refused(f, add_account(f, "carol@example.org"), "is an alias");

	/* a forwarding account that leaves goes on forwarding */
	must(directory_alias_add(f->d, testing_ann, testing_ann, &f->err),
	    &f->err);
	must(directory_alias_add(f->d, testing_ann, bob, &f->err), &f->err);
	must(directory_account_remove(f->d, testing_ann, &f->err), &f->err);
	assert_aliases(f, testing_ann, "ann@example.org>bob@example.net ");
}

/* ---- accounts ---- */

static void
accounts(void **state)
{
	struct fixture *f = *state;
	struct account *a = NULL;

	assert_int_equal(
	    directory_account_find(f->d, testing_ann, &a, &f->err), 0);
	assert_null(a);
	must(add_account(f, testing_ann), &f->err);
	refused(f, add_account(f, testing_ann), "exists already");
	assert_int_equal(
	    directory_account_find(f->d, testing_ann, &a, &f->err), 1);
	assert_string_equal(a->address, testing_ann);
	assert_string_equal(a->mechanisms, "PLAIN");
	assert_true(a->enabled);
	assert_false(a->protect_subject);
	assert_int_equal(a->quota_octets, 1000);
	assert_int_equal(a->created, 12345);
	a->enabled = false;
	a->protect_subject = true;
	a->quota_octets = INT64_MAX;
	a->created = 1;
	must(directory_account_update(f->d, a, &f->err), &f->err);
	account_free(&a);
	assert_null(a);
	assert_int_equal(
	    directory_account_find(f->d, testing_ann, &a, &f->err), 1);
	assert_false(a->enabled);
	assert_true(a->protect_subject);
	assert_true(a->quota_octets == INT64_MAX);
	assert_int_equal(a->created, 12345);
	account_free(&a);
	must(directory_account_remove(f->d, testing_ann, &f->err), &f->err);
	refused(f, directory_account_remove(f->d, testing_ann, &f->err),
	    "no account");
	assert_int_equal(
	    directory_account_find(f->d, testing_ann, &a, &f->err), 0);
}

static void
bad_accounts(void **state)
{
	struct fixture *f = *state;
	char address[] = "ann@example.org";
	char many[LIMIT_MECHANISMS + 2];
	struct account a = testing_account(address);

	refused(f, add_account(f, "ann@elsewhere.example"),
	    "domain add elsewhere.example");
	refused(f, add_account(f, "Ann@example.org"), "normal form");
	refused(f, add_account(f, "@example.org"), "@example.org");
	refused(f, add_account(f, "example.org"), "example.org");
	refused(f, add_account(f, ""), "address");
	refused(f, directory_account_update(f->d, &a, &f->err), "no account");
	a.quota_octets = (uint64_t)INT64_MAX + 1;
	refused(f, directory_account_add(f->d, &a, &f->err), "quota");
	a.quota_octets = 0;
	memset(many, 'X', sizeof many);
	many[sizeof many - 1] = '\0';
	a.mechanisms = many;
	refused(f, directory_account_add(f->d, &a, &f->err), "mechanisms");
	assert_int_equal(
	    ask_sql(f->folder.db, "SELECT count(*) FROM accounts"), 0);
}

struct seen {
	struct fixture *f;
	int count;
};

/* A list holds no lock: the callback may even write. */
static int
disable(void *ctx, const struct account *a, struct err *err)
{
	struct seen *seen = ctx;
	struct account changed = *a;

	if (++seen->count == 3)
		return err_set(err, ERR_PROTO, "enough");
	changed.enabled = false;
	return directory_account_update(seen->f->d, &changed, err);
}

static void
account_lists(void **state)
{
	struct fixture *f = *state;
	struct seen seen = { f, 0 };

	for (int i = 0; i < 20; i++) {
		char address[40];

		snprintf(address, sizeof address, "user%d@example.org", i);
		must(add_account(f, address), &f->err);
	}
	assert_int_equal(
	    directory_account_list(f->d, disable, &seen, &f->err), -1);
	assert_int_equal(f->err.kind, ERR_PROTO);
	assert_int_equal(ask_sql(f->folder.db,
			     "SELECT count(*) FROM accounts WHERE NOT enabled"),
	    2);
	seen.count = 10;
	must(directory_account_list(f->d, disable, &seen, &f->err), &f->err);
	assert_int_equal(seen.count, 30);
}

/* ---- certificates ---- */

static void
assert_same_cert(const struct pgp_cert *a, const struct pgp_cert *b)
{
	assert_int_equal(a->fingerprint_len, b->fingerprint_len);
	assert_memory_equal(a->fingerprint, b->fingerprint, a->fingerprint_len);
	assert_int_equal(a->created, b->created);
	assert_int_equal(a->expires, b->expires);
	assert_int_equal(a->revoked, b->revoked);
	assert_string_equal(a->user_ids, b->user_ids);
	assert_int_equal(a->data_len, b->data_len);
	assert_memory_equal(a->data, b->data, a->data_len);
	assert_int_equal(a->subkey_count, b->subkey_count);
	for (size_t i = 0; i < a->subkey_count; i++) {
		const struct pgp_subkey *k = &a->subkeys[i];
		const struct pgp_subkey *l = &b->subkeys[i];

		assert_int_equal(k->version, l->version);
		assert_int_equal(k->algorithm, l->algorithm);
		assert_int_equal(k->fingerprint_len, l->fingerprint_len);
		assert_memory_equal(
		    k->fingerprint, l->fingerprint, k->fingerprint_len);
		assert_int_equal(k->created, l->created);
		assert_int_equal(k->expires, l->expires);
		assert_int_equal(k->revoked, l->revoked);
		assert_int_equal(k->seipd2, l->seipd2);
		assert_int_equal(k->packet_len, l->packet_len);
		assert_memory_equal(k->packet, l->packet, k->packet_len);
	}
}

static void
certificates_come_back_as_they_were(void **state)
{
	struct fixture *f = *state;
	cleanup(cert_list_reset) struct cert_list l = { 0 };
	cleanup(pgp_cert_free) struct pgp_cert *four = testing_cert(1, 10, 0);
	cleanup(pgp_cert_free) struct pgp_cert *six = testing_cert(2, 20, 99);

	six->fingerprint_len = 32;
	memset(six->fingerprint, 0xfe, 32);
	six->revoked = true;
	six->subkeys[1].version = 6;
	six->subkeys[1].fingerprint_len = 32;
	six->subkeys[1].revoked = true;
	must(add_account(f, testing_ann), &f->err);
	must(directory_cert_put(f->d, testing_ann, four, 1, &f->err), &f->err);
	must(directory_cert_put(f->d, testing_ann, six, 2, &f->err), &f->err);
	must(directory_cert_list(f->d, testing_ann, &l, &f->err), &f->err);
	assert_int_equal(l.count, 2);
	assert_same_cert(l.certs[0], six); /* the newer */
	assert_same_cert(l.certs[1], four);
	cert_list_reset(&l);
	must(directory_cert_list(f->d, "x@example.org", &l, &f->err), &f->err);
	assert_int_equal(l.count, 0);
}

static void
certificates_are_replaced_and_removed(void **state)
{
	struct fixture *f = *state;
	cleanup(cert_list_reset) struct cert_list l = { 0 };
	static const char first[] = "0101010101010101010101010101010101010101";

	must(add_account(f, testing_ann), &f->err);
	must(add_account(f, "bob@example.org"), &f->err);
	add_cert(f, testing_ann, 1, 10, 50);
	add_cert(f, "bob@example.org", 1, 10, 50);
	add_cert(f, testing_ann, 1, 10, 70);
	must(directory_cert_list(f->d, testing_ann, &l, &f->err), &f->err);
	assert_int_equal(l.count, 1);
	assert_int_equal(l.certs[0]->expires, 70);
	assert_int_equal(
	    directory_cert_remove(f->d, testing_ann, "AB", &f->err), 0);
	assert_int_equal(
	    directory_cert_remove(f->d, testing_ann, first, &f->err), 1);
	assert_int_equal(
	    directory_cert_remove(f->d, testing_ann, first, &f->err), 0);
	assert_int_equal(ask_sql(f->folder.db, "SELECT count(*) FROM subkeys"),
	    2); /* Bob's */
	must(directory_account_remove(f->d, "bob@example.org", &f->err),
	    &f->err);
	assert_int_equal(
	    ask_sql(f->folder.db, "SELECT count(*) FROM subkeys"), 0);
	assert_int_equal(
	    ask_sql(f->folder.db, "SELECT count(*) FROM certificates"), 0);
}

static void
bad_certificates(void **state)
{
	struct fixture *f = *state;
	cleanup(pgp_cert_free) struct pgp_cert *c = testing_cert(1, 10, 0);
	size_t was = c->data_len;

	refused(f, directory_cert_put(f->d, testing_ann, c, 0, &f->err),
	    "no account");
	must(add_account(f, testing_ann), &f->err);
	c->data_len = LIMIT_CERTIFICATE + 1;
	refused(f, directory_cert_put(f->d, testing_ann, c, 0, &f->err),
	    "too large");
	c->data_len = was;
	was = c->subkeys[0].packet_len;
	c->subkeys[0].packet_len = LIMIT_PACKET_BODY + 1;
	refused(f, directory_cert_put(f->d, testing_ann, c, 0, &f->err),
	    "too large");
	c->subkeys[0].packet_len = was;
	c->fingerprint_len = 0;
	refused(f, directory_cert_put(f->d, testing_ann, c, 0, &f->err),
	    "certificate");
	c->fingerprint_len = 20;
	must(directory_cert_put(f->d, testing_ann, c, 0, &f->err), &f->err);
}

/* What no vetting can have put there is damage, not "no certificate". */
static void
damaged_certificates(void **state)
{
	static const char *const damage[] = {
		"UPDATE certificates SET fingerprint = 'xyz'",
		"UPDATE certificates SET fingerprint = ''",
		"UPDATE certificates SET fingerprint = '0g'",
		"UPDATE certificates SET data = zeroblob(1048577)",
		"UPDATE certificates SET user_ids = 'a' || char(0) || 'b'",
		"UPDATE subkeys SET version = 256",
		"UPDATE subkeys SET algorithm = -1",
		"UPDATE subkeys SET packet = zeroblob(16385)",
		"UPDATE subkeys SET fingerprint = zeroblob(33)",
		"WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL "
		"SELECT i + 1 FROM n WHERE i < 63) INSERT INTO subkeys "
		"SELECT NULL, s.certificate, s.fingerprint, 4, 1, 1, 0, 0, "
		"0, s.packet FROM n, subkeys AS s LIMIT 63",
	};
	struct fixture *f = *state;

	must(add_account(f, testing_ann), &f->err);
	for (size_t i = 0; i < countof(damage); i++) {
		struct recipient *r = NULL;

		add_cert(f, testing_ann, 1, 10, 0);
		run_sql(f->folder.db, damage[i]);
		int rc = directory_recipient_find(
		    f->d, testing_ann, "+", &r, &f->err);
		if (rc != -1 || f->err.kind != ERR_TEMP || r != NULL)
			fail_msg("%s: %d", damage[i], rc);
		run_sql(f->folder.db, "PRAGMA foreign_keys=ON; "
				      "DELETE FROM certificates");
	}
}

/* ---- recipients ---- */

static void
recipients(void **state)
{
	static const struct {
		const char *asked, *delimiters, *found; /* NULL = not */
	} cases[] = {
		{ "ann@example.org", "+", "ann@example.org" },
		{ "ANN@EXAMPLE.ORG", "+", "ann@example.org" },
		{ "<ann@example.org>", "+", "ann@example.org" },
		{ "\"ann\"@example.org", "+", "ann@example.org" },
		{ "ann+x@example.org", "+", "ann@example.org" },
		{ "Ann+X+y@example.org", "+", "ann@example.org" },
		{ "ann-x@example.org", "+", NULL },
		{ "ann-x@example.org", "+-", "ann@example.org" },
		{ "ann+x@example.org", "", NULL },
		{ "ann+list@example.org", "+", "ann+list@example.org" },
		{ "ann+list+x@example.org", "+", "ann@example.org" },
		{ "info@example.org", "+", NULL },
		{ "+ann@example.org", "+", NULL },
		{ "bob@example.org", "+", NULL },
		{ "ann@elsewhere.example", "+", NULL },
	};
	struct fixture *f = *state;

	must(add_account(f, testing_ann), &f->err);
	must(add_account(f, "ann+list@example.org"), &f->err);
	must(
	    directory_alias_add(f->d, "info@example.org", testing_ann, &f->err),
	    &f->err);
	add_cert(f, testing_ann, 1, 10, 0);
	add_cert(f, testing_ann, 2, 20, 0);
	for (size_t i = 0; i < countof(cases); i++) {
		cleanup(recipient_free) struct recipient *r = NULL;
		int rc = directory_recipient_find(
		    f->d, cases[i].asked, cases[i].delimiters, &r, &f->err);

		if (rc != (cases[i].found != NULL))
			fail_msg("%s: %d %s", cases[i].asked, rc, f->err.text);
		if (rc == 0) {
			assert_null(r);
			continue;
		}
		assert_string_equal(r->account->address, cases[i].found);
		assert_int_equal(r->certs.count,
		    strcmp(cases[i].found, testing_ann) == 0 ? 2 : 0);
	}
}

/* "No such account" might let an account's mail pass. */
static void
what_is_no_address_is_temporary(void **state)
{
	static const char *const asked[] = { "", "ann", "@example.org",
		"ann+x..y@example.org", "\"ann+a b\"@example.org",
		"ann@example.org\n", "ann@", "ann+\xff@example.org" };
	struct fixture *f = *state;

	must(add_account(f, testing_ann), &f->err);
	for (size_t i = 0; i < countof(asked); i++) {
		struct recipient *r = NULL;

		f->err = (struct err){ 0 };
		int rc =
		    directory_recipient_find(f->d, asked[i], "+", &r, &f->err);
		if (rc != -1 || f->err.kind != ERR_TEMP || r != NULL)
			fail_msg("%s: %d", asked[i], rc);
		assert_int_equal(
		    directory_recipient_find(f->d, asked[i], "+", &r, NULL),
		    -1);
	}
}

/* ---- the tables as others see them ---- */

static void
usable_recipients(void **state)
{
	static const int64_t day = 86400;
	int64_t now = (int64_t)time(NULL);
	const struct {
		const char *name;
		int64_t created, expires;
		bool cert_revoked, subkeys_revoked, usable;
	} cases[] = {
		{ "valid for ever", now - day, 0, false, false, true },
		{ "valid for a day", now - day, now + day, false, false, true },
		{ "expired", now - day, now - 5, false, false, false },
		{ "revoked", now - day, 0, true, false, false },
		{ "subkeys revoked", now - day, 0, false, true, false },
		{ "clocks differ", now + 300, 0, false, false, true },
		{ "from the future", now + day, 0, false, false, false },
	};
	static const char question[] = "SELECT count(*) FROM usable_recipients "
				       "WHERE address = 'ann@example.org'";
	struct fixture *f = *state;

	must(add_account(f, testing_ann), &f->err);
	assert_int_equal(ask_sql(f->folder.db, question), 0);
	for (size_t i = 0; i < countof(cases); i++) {
		struct cert_list l = { 0 };
		const struct pgp_cert *of = NULL;
		enum pgp_unusable why;
		struct pgp_cert *c =
		    testing_cert(7, cases[i].created, cases[i].expires);

		c->revoked = cases[i].cert_revoked;
		c->subkeys[0].revoked = cases[i].subkeys_revoked;
		c->subkeys[1].revoked = cases[i].subkeys_revoked;
		must(directory_cert_put(f->d, testing_ann, c, 0, &f->err),
		    &f->err);
		pgp_cert_free(&c);
		must(directory_cert_list(f->d, testing_ann, &l, &f->err),
		    &f->err);
		bool usable =
		    pgp_usable_subkey(l.certs, l.count, now, &of, &why) != NULL;
		cert_list_reset(&l);
		if (usable != cases[i].usable ||
		    ask_sql(f->folder.db, question) != cases[i].usable)
			fail_msg("%s", cases[i].name);
	}
	add_cert(f, testing_ann, 7, now - day, 0);
	assert_int_equal(ask_sql(f->folder.db, question), 1);
	run_sql(f->folder.db, "UPDATE accounts SET enabled = 0");
	assert_int_equal(ask_sql(f->folder.db, question), 0);
}

/* One writes while the other reads: each look-up is old or new, never mixed. */
static int
keep_renewing(void *ctx)
{
	cleanup(directory_close) struct directory *d = NULL;
	struct err err = { 0 };

	if (directory_open(ctx, STORE_WRITE, &d, &err) < 0)
		return 1;
	for (int i = 1; i <= 50; i++) {
		cleanup(pgp_cert_free) struct pgp_cert *c =
		    testing_cert(1, i, 0);
		int rc;

		do /* the other may hold its lock a second too long */
			rc = directory_cert_put(d, testing_ann, c, 0, &err);
		while (rc < 0 && err.kind == ERR_TEMP);
		if (rc < 0)
			return 1;
	}
	return 0;
}

static void
reading_while_another_writes(void **state)
{
	struct fixture *f = *state;
	struct directory *d = NULL;
	int status = 0;
	unsigned reads = 0;

	must(add_account(f, testing_ann), &f->err);
	add_cert(f, testing_ann, 1, 1, 0);
	directory_close(&f->d);

	pid_t pid = fork();

	if (pid == 0)
		_exit(keep_renewing(f->folder.db));
	must(directory_open(f->folder.db, STORE_READ, &d, &f->err), &f->err);
	do {
		struct recipient *r = NULL;
		int rc =
		    directory_recipient_find(d, testing_ann, "", &r, &f->err);

		if (rc == 1) {
			struct pgp_cert *c = r->certs.certs[0];

			assert_int_equal(r->certs.count, 1);
			assert_int_equal(c->subkey_count, 2);
			assert_int_equal(c->subkeys[0].created, c->created);
			assert_int_equal(c->subkeys[1].created, c->created - 1);
			reads++;
		} else {
			assert_int_equal(rc, -1);
			assert_int_equal(f->err.kind, ERR_TEMP);
		}
		recipient_free(&r);
	} while (waitpid(pid, &status, WNOHANG) == 0);
	assert_int_equal(status, 0);
	assert_true(reads > 0);
	directory_close(&d);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(domains),
		TEST(domain_in_use),
		TEST(aliases),
		TEST(alias_addresses),
		TEST(alias_circles),
		TEST(accounts_that_forward_to_each_other),
		TEST(aliases_of_accounts),
		TEST(accounts),
		TEST(bad_accounts),
		TEST(account_lists),
		TEST(certificates_come_back_as_they_were),
		TEST(certificates_are_replaced_and_removed),
		TEST(bad_certificates),
		TEST(damaged_certificates),
		TEST(recipients),
		TEST(what_is_no_address_is_temporary),
		TEST(usable_recipients),
		TEST(reading_while_another_writes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
