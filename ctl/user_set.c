/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * sealpost user set: all assignments are read before any is written, and
 * written together.
 */
#include <string.h>

#include "shared.h"
#include "user.h"

/* Each changes its field of the account by value, or returns -1. */
typedef int (*assign)(struct account *a, const char *value, struct err *err);

static int
set_protect_subject(struct account *a, const char *value, struct err *err)
{
	if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
		return err_set(err, ERR_PERM,
		    "protect_subject: \"%s\" is neither yes nor no", value);
	a->protect_subject = value[0] == 'y';
	return 0;
}

static int
bad_quota(const char *value, struct err *err)
{
	return err_set(err, ERR_PERM,
	    "quota: \"%s\" is neither none nor a size such as 500M, 10G or "
	    "1048576",
	    value);
}

static int
set_quota(struct account *a, const char *value, struct err *err)
{
	static const char units[] = "KMGT";
	const char *p = value;
	uint64_t n = 0;

	if (strcmp(value, "none") == 0) {
		a->quota_octets = 0;
		return 0;
	}
	for (; *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(*p - '0'), &n))
			return bad_quota(value, err);

	const char *unit = *p == '\0' ? NULL : strchr(units, *p);

	if (p == value || (*p != '\0' && (unit == NULL || p[1] != '\0')))
		return bad_quota(value, err);
	for (const char *u = units; unit != NULL && u <= unit; u++)
		if (__builtin_mul_overflow(n, 1024, &n))
			return bad_quota(value, err);
	if (n > INT64_MAX)
		return bad_quota(value, err);
	a->quota_octets = n;
	return 0;
}

/* Names separated by commas or blanks; kept in the order given. */
static int
set_mechanisms(struct account *a, const char *value, struct err *err)
{
	static const char separators[] = ", ";
	cleanup(buf_reset) struct buf names = { .limit = 256 };
	size_t len;

	if (strcmp(value, "default") == 0)
		value = "";
	for (const char *p = value + strspn(value, separators); *p != '\0';
	     p += len, p += strspn(p, separators)) {
		len = strcspn(p, separators);
		if (!conf_is_mechanism(p, len))
			return err_set(err, ERR_PERM,
			    "mechanisms: \"%.*s\" is none of PLAIN, LOGIN and "
			    "SCRAM-SHA-256",
			    (int)len, p);
		if ((names.len > 0 && buf_putc(&names, ' ', err) < 0) ||
		    buf_put(&names, p, len, err) < 0)
			return -1;
	}
	if (buf_str(&names, err) == NULL)
		return -1;
	free(a->mechanisms);
	a->mechanisms = (char *)buf_steal(&names, &len);
	return 0;
}

static const struct {
	const char *key;
	assign set;
} settings[] = {
	{ "quota", set_quota },
	{ "protect_subject", set_protect_subject },
	{ "mechanisms", set_mechanisms },
};

static int
apply(struct account *a, const char *assignment, struct err *err)
{
	size_t len = strcspn(assignment, "=");

	if (assignment[len] != '=')
		return err_set(err, ERR_PERM, "\"%s\" is not KEY=VALUE",
		    assignment);
	for (size_t i = 0; i < countof(settings); i++)
		if (strlen(settings[i].key) == len &&
		    memcmp(settings[i].key, assignment, len) == 0)
			return settings[i].set(a, assignment + len + 1, err);
	return err_set(err, ERR_PERM,
	    "there is no setting \"%.*s\"; there are quota, protect_subject "
	    "and mechanisms",
	    (int)len, assignment);
}

/*
 * secrets.db has a copy of the mechanisms, for the auth server. It is changed
 * first, and changed back when the other refuses.
 */
static int
write_mechanisms(struct directory *d, struct secrets *s,
    const struct account *a, const char *before, struct err *err)
{
	if (secrets_set_mechanisms(s, a->address, a->mechanisms, err) < 0)
		return -1;
	if (directory_account_update(d, a, err) == 0)
		return 0;
	if (secrets_set_mechanisms(s, a->address, before, NULL) < 0)
		return err_context(err,
		    "the login of %s has the new mechanisms already, but",
		    a->address);
	return -1;
}

static int
write_account(const struct ctl *ctl, struct directory *d,
    const struct account *a, const char *mechanisms_before, struct err *err)
{
	cleanup(secrets_close) struct secrets *s = NULL;
	sigset_t before;

	if (strcmp(a->mechanisms, mechanisms_before) == 0)
		return directory_account_update(d, a, err);
	if (open_secrets(ctl, STORE_WRITE, &s, err) < 0)
		return -1;
	hold_signals(&before);

	int rc = write_mechanisms(d, s, a, mechanisms_before, err);

	release_signals(&before);
	return rc;
}

int
user_set(struct ctl *ctl, int argc, char **argv)
{
	cleanup(directory_close) struct directory *d = NULL;
	cleanup(account_free) struct account *a = NULL;
	cleanup(free_str) char *mechanisms = NULL;
	char address[ADDRESS_SIZE];
	struct err err;

	if (ctl_arguments(ctl, argc, argv, NULL, 0, 2, argc) < 0)
		return CTL_USAGE;
	if (open_directory(ctl, STORE_WRITE, &d, &err) < 0 ||
	    find_account(d, argv[1], address, &a, &err) < 0)
		return ctl_fail(ctl, &err);
	mechanisms = strdup(a->mechanisms);
	if (mechanisms == NULL) {
		(void)err_nomem(&err);
		return ctl_fail(ctl, &err);
	}
	for (char **p = argv + 2; *p != NULL; p++)
		if (apply(a, *p, &err) < 0)
			return ctl_fail(ctl, &err);
	if (write_account(ctl, d, a, mechanisms, &err) < 0)
		return ctl_fail(ctl, &err);
	return CTL_DONE;
}
