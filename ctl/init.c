/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * sealpost init: the databases and the folders they lie in.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "command.h"
#include "shared.h"
#include "store/secrets.h"
#include "store/stats.h"

/* Creates the folders above the file; says so for each that was missing. */
static int
make_folders(struct ctl *ctl, const char *file, struct err *err)
{
	cleanup(free_str) char *path = strdup(file);

	if (path == NULL)
		return err_nomem(err);
	for (char *p = strchr(path + 1, '/'); p != NULL;
	     p = strchr(p + 1, '/')) {
		*p = '\0';
		if (mkdir(path, 0755) == 0) {
			/* whatever the umask says: other daemons pass here */
			(void)chmod(path, 0755);
			fprintf(ctl->out, "created folder %s\n", path);
		} else if (errno != EEXIST) {
			return err_set(err, ERR_PERM, "create folder %s: %s",
			    path, strerror(errno));
		}
		*p = '/';
	}
	return 0;
}

static int
make_database(struct ctl *ctl, const char *path,
    int (*create)(const char *, struct err *), struct err *err)
{
	if (make_folders(ctl, path, err) < 0)
		return -1;

	bool existed = access(path, F_OK) == 0;

	if (create(path, err) < 0)
		return -1;
	fprintf(ctl->out, existed ? "%s exists and is up to date\n"
				  : "created %s\n",
	    path);
	return 0;
}

static int
copy_one(void *ctx, const struct account *a, struct err *err)
{
	struct secrets_login login = { .enabled = false };
	int rc = a->mechanisms[0] == '\0'
	    ? 0
	    : secrets_login_get(ctx, a->address, &login, err);
	bool differs = strcmp(login.mechanisms, a->mechanisms) != 0;

	explicit_bzero(&login, sizeof login);
	if (rc == 1 && differs)
		rc = secrets_set_mechanisms(ctx, a->address, a->mechanisms,
		    err);
	return rc < 0 ? -1 : 0;
}

/* An older secrets.db did not know which mechanisms an account may use. */
static int
copy_mechanisms(const struct ctl *ctl, struct err *err)
{
	cleanup(directory_close) struct directory *d = NULL;
	cleanup(secrets_close) struct secrets *s = NULL;

	if (open_directory(ctl, STORE_READ, &d, err) < 0 ||
	    open_secrets(ctl, STORE_WRITE, &s, err) < 0)
		return -1;
	return directory_account_list(d, copy_one, s, err);
}

int
cmd_init(struct ctl *ctl, int argc, char **argv)
{
	const struct conf *c = ctl->conf;
	struct err err;

	if (ctl_arguments(ctl, argc, argv, NULL, 0, 0, 0) < 0)
		return CTL_USAGE;
	if (make_database(ctl, c->accounts.directory, directory_create,
		&err) < 0 ||
	    make_database(ctl, c->accounts.secrets, secrets_create, &err) <
		0 ||
	    make_database(ctl, c->stats.database, stats_create, &err) < 0 ||
	    copy_mechanisms(ctl, &err) < 0)
		return ctl_fail(ctl, &err);
	return ctl_done(ctl);
}
