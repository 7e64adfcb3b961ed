/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * sealpost key check: vets every stored certificate again, keeps the result
 * in the store, and says which accounts need their owner's attention.
 */
#include "key_check.h"

#include "base/json.h"
#include "certfile.h"
#include "doctor_state.h"
#include "key.h"
#include "openpgp/vet.h"
#include "table.h"

enum { SOON_DAYS = 30 };

static void
report_reset(struct key_report *r)
{
	free(r->findings);
	account_list_reset(&r->accounts);
}

/*
 * A certificate that gpg no longer understands keeps what the store knows of
 * it; the admin is told.
 */
static int
vet_again(struct ctl *ctl, struct directory *d, const char *address,
    const struct pgp_cert *cert, struct err *err)
{
	cleanup(pgp_cert_free) struct pgp_cert *vetted = NULL;
	char hex[PGP_FINGERPRINT_HEX_SIZE];

	if (pgp_vet_again(cert->data, cert->data_len, now(), &vetted, err) ==
	    0)
		return directory_cert_put(d, address, vetted, now(), err);
	if (err->kind == ERR_TEMP)
		return -1;
	ctl_warn(ctl, "%s: certificate %s: %s", address,
	    pgp_fingerprint_hex(cert->fingerprint, cert->fingerprint_len,
		hex),
	    err->text);
	return 0;
}

/* When the last of them ended. */
static int64_t
last_end(const struct cert_list *certs)
{
	int64_t last = 0;

	for (size_t i = 0; i < certs->count; i++)
		for (size_t k = 0; k < certs->certs[i]->subkey_count; k++)
			if (certs->certs[i]->subkeys[k].expires > last)
				last = certs->certs[i]->subkeys[k].expires;
	return last;
}

/* Under the lock, or a certificate removed meanwhile would be put back. */
static int
check_account(struct ctl *ctl, struct directory *d, const char *address,
    struct key_finding *out, struct err *err)
{
	cleanup(cert_list_reset) struct cert_list before = { 0 };
	cleanup(cert_list_reset) struct cert_list after = { 0 };
	cleanup(close_fd) int lock = lock_accounts(ctl, err);

	if (lock < 0 || directory_cert_list(d, address, &before, err) < 0)
		return -1;
	for (size_t i = 0; i < before.count; i++)
		if (vet_again(ctl, d, address, before.certs[i], err) < 0)
			return -1;
	if (directory_cert_list(d, address, &after, err) < 0)
		return -1;
	out->until = usable_until(&after, now(), &out->why);
	if (out->why == PGP_EXPIRED)
		out->until = last_end(&after);
	return 0;
}

int
key_days_left(const struct key_report *r, const struct key_finding *f)
{
	return f->why == PGP_USABLE ? doctor_days_left(f->until, r->now) : 0;
}

bool
key_step(const struct key_report *r, const struct key_finding *f, int *days)
{
	*days = key_days_left(r, f);
	return *days != 0 || (f->why == PGP_EXPIRED && f->until != 0);
}

static int
make_report(struct ctl *ctl, struct directory *d, struct key_report *r,
    struct err *err)
{
	if (account_list_load(d, &r->accounts, err) < 0)
		return -1;
	r->findings = calloc(r->accounts.count + 1, sizeof *r->findings);
	if (r->findings == NULL)
		return err_nomem(err);
	for (size_t i = 0; i < r->accounts.count; i++) {
		struct key_finding *f = &r->findings[i];
		const struct account *a = r->accounts.accounts[i];

		f->address = a->address;
		f->enabled = a->enabled;
		if (check_account(ctl, d, a->address, f, err) < 0)
			return -1;
		r->unusable += f->why != PGP_USABLE;
		r->expiring += key_days_left(r, f) != 0;
	}
	return 0;
}

/* ---- output ---- */

static void
expiring_json(struct json *j, const struct key_report *r)
{
	json_begin_array(j, "expiring");
	for (size_t i = 0; i < r->accounts.count; i++) {
		const struct key_finding *f = &r->findings[i];
		int days = key_days_left(r, f);

		if (days == 0)
			continue;
		json_begin_object(j, NULL);
		json_string(j, "address", f->address);
		json_time(j, "expires", f->until);
		json_number(j, "within_days", days);
		json_end_object(j);
	}
	json_end_array(j);
}

/* mailed is NULL without --notify. */
static void
report_json(struct ctl *ctl, const struct key_report *r,
    const struct key_mailed *mailed)
{
	struct json j = { .to = ctl->out };

	json_begin_object(&j, NULL);
	json_count(&j, "checked", r->accounts.count);
	json_begin_array(&j, "unusable");
	for (size_t i = 0; i < r->accounts.count; i++) {
		const struct key_finding *f = &r->findings[i];

		if (f->why == PGP_USABLE)
			continue;
		json_begin_object(&j, NULL);
		json_string(&j, "address", f->address);
		json_string(&j, "reason", pgp_unusable_text(f->why));
		json_end_object(&j);
	}
	json_end_array(&j);
	expiring_json(&j, r);
	if (mailed != NULL) {
		json_count(&j, "mailed_owners", mailed->owners);
		json_count(&j, "told_admin", mailed->told);
	}
	json_end_object(&j);
}

static int
put_finding(struct table *t, const struct key_report *r, const struct key_finding *f,
    struct err *err)
{
	char until[TIME_TEXT_SIZE];
	int days = key_days_left(r, f);
	bool usable = f->why == PGP_USABLE;

	if (usable && days == 0)
		return 0;
	if (table_put(t, PLAIN, f->address, err) < 0 ||
	    table_put(t, usable ? YELLOW : RED,
		usable ? "expiring" : "unusable", err) < 0)
		return -1;
	if (!usable)
		return table_put(t, PLAIN, pgp_unusable_text(f->why), err);
	return table_putf(t, PLAIN, err, "%s, within %d %s",
	    time_text(f->until, until), days, days == 1 ? "day" : "days");
}

static int
report_text(struct ctl *ctl, const struct key_report *r, struct err *err)
{
	cleanup(table_reset) struct table t = { .columns = 3 };

	for (size_t i = 0; i < r->accounts.count; i++)
		if (put_finding(&t, r, &r->findings[i], err) < 0)
			return -1;
	table_print(&t, ctl->out, ctl->colour);
	fprintf(ctl->out, "%zu checked, %zu unusable, %zu expiring within %d "
			  "days\n",
	    r->accounts.count, r->unusable, r->expiring, SOON_DAYS);
	return 0;
}

/* What it says, after the mails were sent. */
static int
print_report(struct ctl *ctl, const struct key_report *r, bool json,
    const struct key_mailed *mailed, struct err *err)
{
	if (json) {
		report_json(ctl, r, mailed);
		return 0;
	}
	if (report_text(ctl, r, err) < 0)
		return -1;
	if (mailed != NULL)
		fprintf(ctl->out,
		    "%zu owners mailed, the admin told about %zu accounts\n",
		    mailed->owners, mailed->told);
	return 0;
}

int
key_check(struct ctl *ctl, int argc, char **argv)
{
	cleanup(directory_close) struct directory *d = NULL;
	cleanup(report_reset) struct key_report report = { .now = now() };
	struct key_mailed mailed = { 0 };
	bool json = false, notify = false;
	const struct ctl_option options[] = {
		{ "--json", &json, NULL },
		{ "--notify", &notify, NULL },
	};
	struct err err, failure = { 0 };

	if (ctl_arguments(ctl, argc, argv, options, 2, 0, 0) < 0)
		return CTL_USAGE;
	if (open_directory(ctl, STORE_WRITE, &d, &err) < 0 ||
	    make_report(ctl, d, &report, &err) < 0)
		return ctl_fail(ctl, &err);
	directory_close(&d); /* one guarded database at a time */

	bool failed = notify && key_notify(ctl, &report, &mailed, &failure) < 0;

	if (print_report(ctl, &report, json, notify ? &mailed : NULL, &err) <
	    0)
		return ctl_fail(ctl, &err);

	int rc = ctl_done(ctl);

	if (failed)
		return ctl_fail(ctl, &failure);
	return rc == CTL_DONE && report.unusable > 0 ? CTL_FAILED : rc;
}
