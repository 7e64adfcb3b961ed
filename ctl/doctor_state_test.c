/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "doctor_state.h"

#include <errno.h>

#include "doctor_testing.h"

enum { NOW = 1795251357, DAY = 86400 };

/* ---- files ---- */

static const struct {
	const char *name;
	struct doctor_file file;
	const char *expected, *mend;
} files[] = {
	{ "directory as made",
	    { DOCTOR_DIRECTORY_DB, "/d", 0, 0100644, 0, 0, NULL, NULL }, "",
	    NULL },
	{ "directory for a group",
	    { DOCTOR_DIRECTORY_DB, "/d", 0, 0100640, 0, 0, NULL, NULL }, "",
	    NULL },
	{ "directory for all to write",
	    { DOCTOR_DIRECTORY_DB, "/d", 0, 0100666, 0, 0, NULL, NULL },
	    "error permissions.directory", "chmod 644 '/d'" },
	{ "directory for nobody",
	    { DOCTOR_DIRECTORY_DB, "/d", 0, 0100600, 0, 0, NULL, NULL },
	    "error permissions.directory", "chmod 640 '/d'" },
	{ "secrets as made",
	    { DOCTOR_SECRETS_DB, "/s", 0, 0100640, 0, 8, NULL, NULL }, "",
	    NULL },
	{ "secrets for all",
	    { DOCTOR_SECRETS_DB, "/s", 0, 0100644, 0, 8, NULL, NULL },
	    "error permissions.secrets", "chmod 640 '/s'" },
	{ "secrets for its group to write",
	    { DOCTOR_SECRETS_DB, "/s", 0, 0100660, 0, 8, NULL, NULL },
	    "error permissions.secrets", "chmod 640 '/s'" },
	{ "secrets for root alone",
	    { DOCTOR_SECRETS_DB, "/s", 0, 0100600, 0, 8, NULL, NULL },
	    "error permissions.secrets", "chmod 640 '/s'" },
	{ "stats as made",
	    { DOCTOR_STATS_DB, "/t", 0, 0100660, 0, 8, NULL, NULL }, "", NULL },
	{ "stats for all",
	    { DOCTOR_STATS_DB, "/t", 0, 0100664, 0, 8, NULL, NULL },
	    "error permissions.stats", "chmod 660 '/t'" },
	{ "a folder", { DOCTOR_FOLDER, "/f", 0, 040755, 0, 0, NULL, NULL }, "",
	    NULL },
	{ "a folder for its group",
	    { DOCTOR_FOLDER, "/f", 0, 040770, 0, 8, NULL, NULL }, "", NULL },
	{ "a folder for all",
	    { DOCTOR_FOLDER, "/f", 0, 041777, 0, 0, NULL, NULL },
	    "error permissions.folder", "chmod 775 '/f'" },
	{ "another's directory",
	    { DOCTOR_DIRECTORY_DB, "/d", 0, 0100644, 8, 8, NULL, NULL },
	    "error permissions.directory", "chown root '/d'" },
	{ "another's secrets",
	    { DOCTOR_SECRETS_DB, "/s", 0, 0100640, 8, 8, NULL, NULL },
	    "error permissions.secrets", "chown root '/s'" },
	{ "another's stats",
	    { DOCTOR_STATS_DB, "/t", 0, 0100660, 8, 8, NULL, NULL }, "", NULL },
	{ "another's folder",
	    { DOCTOR_FOLDER, "/f", 0, 040755, 8, 8, NULL, NULL },
	    "error permissions.folder", "chown root '/f'" },
	{ "another's folder of stats",
	    { DOCTOR_STATS_FOLDER, "/f", 0, 040755, 8, 8, NULL, NULL }, "",
	    NULL },
	{ "secrets of root's group",
	    { DOCTOR_SECRETS_DB, "/s", 0, 0100640, 0, 0, "sasl", "secrets" },
	    "error permissions.secrets", "chgrp 'secrets' '/s'" },
	{ "secrets of a group that has not its reader",
	    { DOCTOR_SECRETS_DB, "/s", 0, 0100640, 0, 8, "sasl", "secrets" },
	    "error permissions.secrets",
	    "usermod -aG 'secrets' 'sasl' && systemctl restart "
	    "sealpost-saslauthd" },
	{ "nothing", { DOCTOR_SECRETS_DB, "/s", ENOENT, 0, 0, 0, NULL, NULL },
	    "error permissions.secrets", "sealpost init" },
	{ "not seen", { DOCTOR_SECRETS_DB, "/s", EACCES, 0, 0, 0, NULL, NULL },
	    "untried permissions.secrets", "run it as root" },
};

static void
test_files(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(files); i++) {
		cleanup(doctor_report_reset) struct doctor_report r = { 0 };
		struct err err;

		assert_int_equal(
		    doctor_judge_file(&files[i].file, &r, &err), 0);
		testing_expect(&r, files[i].name, files[i].expected);
		if (files[i].mend != NULL)
			assert_string_equal(r.findings[0].mend, files[i].mend);
	}
}

/* ---- sockets ---- */

#define REPLY(text)  (const uint8_t *)(text), sizeof(text) - 1
#define MILTER_REPLY "\0\0\0\015O\0\0\0\6\0\0\0\77\0\0\0\0"
#define SASL_REPLY                                                       \
	"VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nMECH\tSCRAM-SHA-256\t\n" \
	"SPID\t1\nDONE\n"

static const struct {
	const char *name;
	enum doctor_peer peer;
	const char *error;
	const uint8_t *reply;
	size_t len;
	const char *mechanisms;
	const char *expected;
} sockets[] = {
	{ "a milter", DOCTOR_MILTER, NULL, REPLY(MILTER_REPLY), "", "" },
	{ "nobody", DOCTOR_MILTER, "Connection refused", REPLY(""), "",
	    "error socket.milter" },
	{ "SMTP for a milter", DOCTOR_MILTER, NULL,
	    REPLY("220 mx ESMTP and more\r\n"), "", "error socket.milter" },
	{ "half a milter", DOCTOR_MILTER, NULL, REPLY("\0\0\0\015O\0\0"), "",
	    "error socket.milter" },
	{ "another milter command", DOCTOR_MILTER, NULL,
	    REPLY("\0\0\0\015c\0\0\0\6\0\0\0\77\0\0\0\0"), "",
	    "error socket.milter" },
	{ "a version to come", DOCTOR_MILTER, NULL,
	    REPLY("\0\0\0\015O\0\0\0\77\0\0\0\77\0\0\0\0"), "",
	    "error socket.milter" },
	{ "policy", DOCTOR_POLICYD, NULL, REPLY("action=DUNNO\n\n"), "", "" },
	{ "policy that ends", DOCTOR_POLICYD, NULL, REPLY("action"), "",
	    "error socket.policyd" },
	{ "no policy", DOCTOR_POLICYD, NULL, REPLY("VERSION\t1\t2\n\n"), "",
	    "error socket.policyd" },
	{ "auth", DOCTOR_SASLAUTHD, NULL, REPLY(SASL_REPLY),
	    "PLAIN SCRAM-SHA-256", "" },
	{ "auth without LOGIN", DOCTOR_SASLAUTHD, NULL, REPLY(SASL_REPLY),
	    " PLAIN  LOGIN ", "warning socket.saslauthd" },
	{ "auth that ends", DOCTOR_SASLAUTHD, NULL,
	    REPLY("VERSION\t1\t2\nMECH\tPLAIN\t\n"), "PLAIN",
	    "error socket.saslauthd" },
	{ "auth of another age", DOCTOR_SASLAUTHD, NULL,
	    REPLY("VERSION\t2\t0\nMECH\tPLAIN\t\nDONE\n"), "PLAIN",
	    "error socket.saslauthd" },
	{ "the hop", DOCTOR_HOP, NULL, REPLY("220 mx ESMTP\r\n"), "", "" },
	{ "the hop is full", DOCTOR_HOP, NULL, REPLY("421 go away\r\n"), "",
	    "error socket.hop" },
	{ "LMTP", DOCTOR_DOVECOT_LMTP, NULL, REPLY("220 mx Dovecot\r\n"), "",
	    "" },
	{ "silence", DOCTOR_DOVECOT_LMTP, NULL, REPLY(""), "",
	    "error socket.lmtp" },
};

static void
test_sockets(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(sockets); i++) {
		cleanup(doctor_report_reset) struct doctor_report r = { 0 };
		const struct doctor_socket s = { .peer = sockets[i].peer,
			.address = "unix:/x",
			.error = sockets[i].error,
			.reply = sockets[i].reply,
			.reply_len = sockets[i].len,
			.mechanisms = sockets[i].mechanisms };
		struct err err;

		assert_int_equal(doctor_judge_socket(&s, &r, &err), 0);
		testing_expect(&r, sockets[i].name, sockets[i].expected);
	}
}

/* An answer is whole with its last octet, and not before. */
static void
test_when_a_reply_is_whole(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(sockets); i++) {
		if (sockets[i].expected[0] != '\0' || sockets[i].len == 0)
			continue;
		for (size_t n = 0; n < sockets[i].len; n++)
			if (doctor_reply_is_whole(
				sockets[i].peer, sockets[i].reply, n))
				fail_msg("%s: %zu octets", sockets[i].name, n);
		assert_true(doctor_reply_is_whole(
		    sockets[i].peer, sockets[i].reply, sockets[i].len));
	}
	for (int peer = 0; peer < DOCTOR_PEERS; peer++)
		assert_false(
		    doctor_reply_is_whole((enum doctor_peer)peer, NULL, 0));
	/* what claims to be long is another protocol: not waited for */
	assert_true(
	    doctor_reply_is_whole(DOCTOR_MILTER, (const uint8_t *)"220 ", 4));
}

static const struct {
	const char *name;
	struct doctor_listener l;
	const char *expected;
} listeners[] = {
	{ "a socket", { .is_unix = true, .mode = 0660, .postfix_may = true },
	    "" },
	{ "for all", { .is_unix = true, .mode = 0666, .postfix_may = true },
	    "error permissions.milter" },
	{ "closed", { .is_unix = true, .mode = 0600 },
	    "error permissions.milter" },
	{ "gone", { .is_unix = true, .error = ENOENT }, "" },
	{ "loopback", { .is_loopback = true }, "" },
	{ "outside", { .is_loopback = false }, "error permissions.milter" },
};

static void
test_listeners(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(listeners); i++) {
		cleanup(doctor_report_reset) struct doctor_report r = { 0 };
		struct doctor_listener l = listeners[i].l;
		struct err err;

		l.peer = DOCTOR_MILTER;
		l.address = l.path = "/x";
		l.group = "postfix";
		assert_int_equal(doctor_judge_listener(&l, &r, &err), 0);
		testing_expect(&r, listeners[i].name, listeners[i].expected);
	}
}

/* ---- keys ---- */

static const struct {
	const char *name;
	struct doctor_key key;
	const char *expected;
} keys[] = {
	{ "for ever", { "a@b.example", true, PGP_USABLE, 0 }, "" },
	{ "long", { "a@b.example", true, PGP_USABLE, NOW + 30 * DAY + 1 }, "" },
	{ "30 days", { "a@b.example", true, PGP_USABLE, NOW + 30 * DAY },
	    "warning key.expiring" },
	{ "7 days", { "a@b.example", true, PGP_USABLE, NOW + 7 * DAY },
	    "warning key.expiring" },
	{ "a day", { "a@b.example", true, PGP_USABLE, NOW + DAY },
	    "error key.expiring" },
	{ "over", { "a@b.example", true, PGP_EXPIRED, NOW - 1 },
	    "error key.expired" },
	{ "none", { "a@b.example", true, PGP_NO_CERTIFICATE, NOW },
	    "error key.none" },
	{ "disabled", { "a@b.example", false, PGP_NO_CERTIFICATE, NOW },
	    "warning key.none" },
	{ "the future", { "a@b.example", true, PGP_NOT_YET_VALID, NOW },
	    "error key.future" },
	{ "revoked", { "a@b.example", true, PGP_REVOKED, NOW },
	    "error key.unusable" },
};

static void
test_keys(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(keys); i++) {
		cleanup(doctor_report_reset) struct doctor_report r = { 0 };
		struct err err;

		assert_int_equal(
		    doctor_judge_key(&keys[i].key, NOW, "sealpost", &r, &err),
		    0);
		testing_expect(&r, keys[i].name, keys[i].expected);
	}
}

/* ---- clock and disks ---- */

static const struct {
	const char *name;
	struct doctor_clock clock;
	const char *expected;
} clocks[] = {
	{ "right", { NOW, true, true, NOW, "/x", 0 }, "" },
	{ "nothing known", { NOW, false, false, 0, "", 0 }, "" },
	{ "a little late", { NOW, true, true, NOW + 600, "/x", 0 }, "" },
	{ "a file from the future", { NOW, true, true, NOW + 601, "/x", 0 },
	    "error clock.plausible" },
	{ "counted in the future", { NOW, true, true, NOW, "/x", 3 },
	    "error clock.plausible" },
	{ "nobody keeps it", { NOW, true, false, NOW, "/x", 0 },
	    "warning clock.synchronized" },
	{ "1970", { 0, true, true, NOW, "/x", 7 },
	    "error clock.plausible; error clock.plausible" },
};

static void
test_clocks(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(clocks); i++) {
		cleanup(doctor_report_reset) struct doctor_report r = { 0 };
		struct err err;

		assert_int_equal(
		    doctor_judge_clock(&clocks[i].clock, &r, &err), 0);
		testing_expect(&r, clocks[i].name, clocks[i].expected);
	}
}

#define MB(n) ((uint64_t)(n) << 20)

static const struct {
	const char *name;
	struct doctor_disk disk;
	const char *expected;
} disks[] = {
	{ "room", { "queue", "/q", 0, MB(5000), MB(10000), 900, 1000, false },
	    "" },
	{ "much room, few per cent",
	    { "queue", "/q", 0, MB(40000), MB(1000000), 0, 0, false }, "" },
	{ "little", { "queue", "/q", 0, MB(400), MB(10000), 900, 1000, false },
	    "warning disk.space" },
	{ "very little", { "queue", "/q", 0, MB(15), MB(30), 900, 1000, false },
	    "error disk.space" },
	{ "under a per cent",
	    { "queue", "/q", 0, MB(90), MB(10000), 900, 1000, false },
	    "error disk.space" },
	{ "no inodes",
	    { "queue", "/q", 0, MB(5000), MB(10000), 0, 1000, false },
	    "error disk.space" },
	{ "few inodes",
	    { "queue", "/q", 0, MB(5000), MB(10000), 40, 1000, false },
	    "warning disk.space" },
	{ "read-only", { "queue", "/q", 0, MB(5000), MB(10000), 0, 0, true },
	    "error disk.space" },
	{ "gone", { "queue", "/q", ENOENT, 0, 0, 0, 0, false },
	    "error disk.space" },
};

static void
test_disks(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(disks); i++) {
		cleanup(doctor_report_reset) struct doctor_report r = { 0 };
		struct err err;

		assert_int_equal(
		    doctor_judge_disk(&disks[i].disk, &r, &err), 0);
		testing_expect(&r, disks[i].name, disks[i].expected);
	}
}

/* ---- the report itself ---- */

static void
test_report(void **state)
{
	static const struct doctor_kind bad = { "a.b", DOCTOR_ERROR, "why" };
	static const struct doctor_kind unsure = { "c", DOCTOR_UNTRIED, "why" };
	cleanup(doctor_report_reset) struct doctor_report r = { 0 };
	struct err err;

	(void)state;
	assert_int_equal(doctor_status(&r), 0);
	assert_int_equal(doctor_put(&r, &unsure, NULL, &err, "x"), 0);
	assert_int_equal(doctor_status(&r), 75);
	assert_int_equal(
	    doctor_put(&r, &bad, "mend\n it", &err, "%s", "\033[31mx"), 0);
	assert_int_equal(doctor_status(&r), 1);
	assert_string_equal(r.findings[1].what, "?[31mx");
	assert_string_equal(r.findings[1].mend, "mend? it");
	assert_int_equal(doctor_fine(&r, 0, "a", "fine", &err), 0);
	assert_int_equal(r.count, 2); /* a.b is there */
	assert_int_equal(doctor_fine(&r, 2, "a", "fine", &err), 0);
	assert_int_equal(r.count, 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_sockets),
		cmocka_unit_test(test_when_a_reply_is_whole),
		cmocka_unit_test(test_listeners),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_clocks),
		cmocka_unit_test(test_disks),
		cmocka_unit_test(test_report),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
