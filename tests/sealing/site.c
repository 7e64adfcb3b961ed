/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "site.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "kit.h"
#include "milter/callbacks.h"
#include "milter/settings.h"
#include "store/stats.h"

static char folder[] = "/tmp/sealpost-test.XXXXXX";

const char *
site_path(const char *name)
{
	static char path[320];

	(void)snprintf(path, sizeof path, "%s/%s", folder, name);
	return path;
}

static void
write_conf(const char *more)
{
	FILE *f = fopen(site_path("sealpost.conf"), "w");

	assert_non_null(f);
	fprintf(f,
	    "[accounts]\ndirectory = %s/directory.db\n"
	    "secrets = %s/secrets.db\n"
	    "[stats]\ndatabase = %s/stats.db\n"
	    "[milter]\nspool_directory = %s/spool\n%s\n",
	    folder, folder, folder, folder, more);
	assert_int_equal(fclose(f), 0);
}

static void
add_account(struct directory *d, const char *address, bool protect,
    struct pgp_cert *cert)
{
	char text[64], mechanisms[] = "";
	struct account a = { .address = text, .enabled = true,
		.protect_subject = protect, .mechanisms = mechanisms };
	struct err err = { 0 };

	(void)snprintf(text, sizeof text, "%s", address);
	if (directory_account_add(d, &a, &err) < 0)
		fail_msg("%s", err.text);
	if (cert == NULL)
		return;
	/* one certificate belongs to one account: tell them apart */
	cert->fingerprint[1] = (uint8_t)address[0];
	if (directory_cert_put(d, address, cert, 1, &err) < 0)
		fail_msg("%s", err.text);
	pgp_cert_free(&cert);
}

static void
fill(const struct crypt *crypt)
{
	cleanup(directory_close) struct directory *d = NULL;
	struct err err = { 0 };

	assert_int_equal(directory_create(site_path("directory.db"), &err), 0);
	assert_int_equal(stats_create(site_path("stats.db"), &err), 0);
	assert_int_equal(directory_open(site_path("directory.db"), STORE_WRITE,
			     &d, &err), 0);
	assert_int_equal(directory_domain_add(d, "example.org", &err), 0);
	add_account(d, "ann@example.org", false, kit_cert(crypt, false, 0));
	add_account(d, "bob@example.org", false, kit_cert(crypt, true, 0));
	add_account(d, "eve@example.org", false,
	    kit_cert(crypt, false, 0x60000001));
	add_account(d, "kim@example.org", false, NULL);
	add_account(d, "shy@example.org", true, kit_cert(crypt, false, 0));
}

void
site_begin(const char *more)
{
	struct err err = { 0 };

	(void)snprintf(folder, sizeof folder, "/tmp/sealpost-test.XXXXXX");
	assert_non_null(mkdtemp(folder));
	assert_int_equal(mkdir(site_path("spool"), 0700), 0);
	write_conf(more);
	if (settings_load(site_path("sealpost.conf"), &err) < 0)
		fail_msg("%s", err.text);

	const struct settings *s = settings_hold();

	kit_use(s->crypt);
	fill(s->crypt);
	settings_release(&s);
	assert_int_equal(callbacks_register(&err), 0);
}

void
site_end(void)
{
	DIR *d = opendir(folder);

	assert_non_null(d);
	for (struct dirent *e = readdir(d); e != NULL; e = readdir(d))
		if (e->d_name[0] != '.')
			(void)remove(site_path(e->d_name));
	closedir(d);
	assert_int_equal(rmdir(folder), 0);
	settings_close();
}
