/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "sent_private.h"

enum { FULL = 1000 }; /* as ENTRIES_MAX */

static char address[] = "a@x.example";
static const struct account account = { .address = address };

static void
open_list(struct sent *s)
{
	*s = (struct sent){ 0 };
	TAILQ_INIT(&s->entries);
	(void)pthread_mutex_init(&s->lock, NULL);
	(void)pthread_cond_init(&s->changed, NULL);
}

static void
close_list(struct sent *s)
{
	while (!TAILQ_EMPTY(&s->entries))
		sent_forget(s, TAILQ_FIRST(&s->entries));
	(void)pthread_mutex_destroy(&s->lock);
	(void)pthread_cond_destroy(&s->changed);
}

static struct entry *
new_entry(const char *path, const char *login)
{
	struct entry *e = calloc(1, sizeof *e);

	assert_non_null(e);
	e->account = &account;
	e->path = strdup(path);
	e->ours = true;
	e->login.len = strlen(login);
	e->login.data = locked_new(e->login.len);
	assert_non_null(e->path);
	assert_non_null(e->login.data);
	memcpy(e->login.data, login, e->login.len);
	return e;
}

/* Two logins find one file, or a login finds one that is being handed in. */
static void
test_one_file(void **state)
{
	static const struct {
		const char *name;
		enum state before;
		const char *login;
	} cases[] = {
		{ "one that waits", WAITING, "new" },
		{ "the thread has it", APPENDING, "old" },
		{ "it was stored meanwhile", STORED, "old" },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct sent s;

		print_message("%s\n", cases[i].name);
		open_list(&s);

		struct entry *e = new_entry("/s/sent-a=1.eml", "old");

		assert_true(sent_enqueue(&s, e));
		e->state = cases[i].before;
		assert_false(
		    sent_enqueue(&s, new_entry("/s/sent-a=1.eml", "new")));
		assert_int_equal(s.count, 1);
		assert_ptr_equal(TAILQ_FIRST(&s.entries), e);
		assert_int_equal(e->state, cases[i].before);
		assert_memory_equal(e->login.data, cases[i].login, 3);
		assert_true(
		    sent_enqueue(&s, new_entry("/s/sent-a=2.eml", "new")));
		assert_int_equal(s.count, 2);
		close_list(&s);
	}
}

/* The refused login is not tried again for being brought once more. */
static void
test_refused(void **state)
{
	struct sent s;
	struct entry *e = new_entry("/s/sent-a=1.eml", "old");

	(void)state;
	open_list(&s);
	assert_true(sent_enqueue(&s, e));
	e->refused = true;
	assert_false(sent_enqueue(&s, new_entry("/s/sent-a=1.eml", "old")));
	assert_true(e->refused);
	assert_false(sent_enqueue(&s, new_entry("/s/sent-a=1.eml", "new")));
	assert_false(e->refused);
	close_list(&s);
}

/* a and b are tried again and again; c came later and has its turn. */
static void
test_turns(void **state)
{
	struct sent s;
	struct entry *a = new_entry("/s/a", "x"), *b = new_entry("/s/b", "x");
	struct entry *c = new_entry("/s/c", "y");
	time_t until = 1000;

	(void)state;
	open_list(&s);
	assert_null(sent_next_due(&s, 100, &until));
	assert_int_equal(until, 1000);
	assert_true(sent_enqueue(&s, a));
	assert_true(sent_enqueue(&s, b));
	a->next = 50;
	b->next = 40;
	assert_ptr_equal(sent_next_due(&s, 100, &until), b);
	assert_true(sent_enqueue(&s, c)); /* one that is new has no time */
	assert_ptr_equal(sent_next_due(&s, 100, &until), c);
	c->next = 45;
	assert_ptr_equal(sent_next_due(&s, 100, &until), b);
	b->refused = true;
	assert_ptr_equal(sent_next_due(&s, 100, &until), c);
	c->state = APPENDING;
	assert_ptr_equal(sent_next_due(&s, 100, &until), a);
	assert_ptr_equal(sent_next_due(&s, 50, &until), a);
	assert_int_equal(until, 1000);
	assert_null(sent_next_due(&s, 49, &until));
	assert_int_equal(until, 50);
	close_list(&s);
}

/* Given back, it counts for the next APPEND, and for one only. */
static void
test_unclaimed(void **state)
{
	static const uint8_t print[SENT_PRINT_LEN] = { 1, 2, 3 };
	const struct sent_client client = {
		.account = &account, .folder = "Sent", .print = print };
	struct bridge_conf conf = { .timeout = 1 };
	struct bridge bridge = { .conf = &conf };
	uint32_t uidvalidity, uid;
	struct sent s;

	(void)state;
	open_list(&s);
	s.bridge = &bridge;
	sent_client_unclaimed(&s, &client, 7, 8);
	assert_int_equal(
	    sent_client_begins(&s, &client, &uidvalidity, &uid), 1);
	assert_int_equal(uidvalidity, 7);
	assert_int_equal(uid, 8);
	assert_int_equal(
	    sent_client_begins(&s, &client, &uidvalidity, &uid), 0);
	sent_client_done(&s, &client, false);
	assert_int_equal(s.count, 0);
	/* a list without room for it is as it was */
	for (unsigned i = 0; i < FULL; i++) {
		struct entry *e = calloc(1, sizeof *e);

		assert_non_null(e);
		sent_remember(&s, e);
	}
	sent_client_unclaimed(&s, &client, 7, 8);
	assert_int_equal(s.count, FULL);
	close_list(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_file),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_turns),
		cmocka_unit_test(test_unclaimed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
