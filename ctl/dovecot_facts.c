/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* What the templates need to know of the machine and of dovecot.conf. */
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dovecot_render.h"
#include "postfix_conf.h"
#include "postfix_file.h"
#include "shared.h"

void
dovecot_facts_reset(struct dovecot_facts *f)
{
	buf_reset(&f->protocols);
}

/* By number where the group has no name. */
static void
group_name(gid_t gid, char out[DOVECOT_NAME_SIZE])
{
	const struct group *gr = getgrgid(gid);

	if (gr != NULL)
		(void)snprintf(out, DOVECOT_NAME_SIZE, "%s", gr->gr_name);
	else
		(void)snprintf(out, DOVECOT_NAME_SIZE, "%u", (unsigned)gid);
}

/* A setting that is a short word. */
static int
get_word(const char *values, const char *name, char out[DOVECOT_NAME_SIZE],
    struct err *err)
{
	cleanup(buf_reset) struct buf v = { .limit = LIMIT_POSTFIX_FILE };

	if (doveconf_find(values, name, &v, err) < 0)
		return -1;
	(void)snprintf(out, DOVECOT_NAME_SIZE, "%s", (char *)v.data);
	return 0;
}

/* ---- who owns the mail ---- */

static int
find_mail_user(struct dovecot_facts *f, const char *values, struct err *err)
{
	if (f->run->mail_user != NULL)
		(void)snprintf(
		    f->mail_user, sizeof f->mail_user, "%s", f->run->mail_user);
	else if (get_word(values, "mail_uid", f->mail_user, err) < 0)
		return -1;
	if (f->mail_user[0] == '\0')
		(void)snprintf(f->mail_user, sizeof f->mail_user, "vmail");

	const struct passwd *pw = getpwnam(f->mail_user);

	if (pw == NULL)
		return err_set(err, ERR_PERM,
		    "there is no user %s to own the mail: make it, or name "
		    "another with --mail-user",
		    f->mail_user);
	if (pw->pw_uid == 0)
		return err_set(err, ERR_PERM, "the mail cannot be owned by %s",
		    f->mail_user);
	group_name(pw->pw_gid, f->mail_group);

	char first[DOVECOT_NAME_SIZE];

	if (get_word(values, "first_valid_uid", first, err) < 0)
		return -1;
	f->first_valid_uid = (unsigned)strtoul(first, NULL, 10);
	if (f->first_valid_uid > pw->pw_uid)
		f->first_valid_uid = pw->pw_uid;
	return 0;
}

/* The folder in which Dovecot makes a home for each account. */
static int
check_mail_directory(
    const struct dovecot_facts *f, struct buf *notes, struct err *err)
{
	struct stat st;

	if (stat(f->run->mail_directory, &st) == 0)
		return 0;
	return buf_putf(notes, err, "%s is not there: make it, owned by %s\n",
	    f->run->mail_directory, f->mail_user);
}

/* ---- who reads the databases ---- */

/* Dovecot's worker gets the group of the file, and no more. */
static int
check_reader(
    const char *path, const struct stat *st, struct buf *notes, struct err *err)
{
	if ((st->st_mode & S_IRGRP) == 0 &&
	    buf_putf(notes, err, "%s: its group may not read it\n", path) < 0)
		return -1;
	if (st->st_gid != 0)
		return 0;
	return buf_putf(notes, err,
	    "%s belongs to the group root: give it a group of its own "
	    "(chgrp) and apply again\n",
	    path);
}

static int
find_reader(struct dovecot_facts *f, const char *values, struct buf *notes,
    struct err *err)
{
	const char *path = f->run->conf->accounts.secrets;
	struct stat st;

	if (stat(path, &st) < 0)
		return missing_database(path, err);
	if (get_word(values, "default_internal_user", f->reader_user, err) <
		0 ||
	    get_word(values, "default_internal_group", f->internal_group,
		err) < 0)
		return -1;
	f->reader_is_root = st.st_gid == 0;
	group_name(st.st_gid, f->reader_group);
	return check_reader(path, &st, notes, err);
}

/* ---- the socket that the hop delivers to ---- */

static int
from_postfix(const char *name, struct buf *out, struct err *err)
{
	cleanup(args_reset) struct args args = { 0 };

	if (args_put(&args, "-xh", err) < 0 || args_put(&args, name, err) < 0 ||
	    postconf(&args, out, err) < 0 || buf_str(out, err) == NULL)
		return -1;
	out->data[strcspn((char *)out->data, "\n")] = '\0';
	return 0;
}

static int
find_lmtp_owner(struct dovecot_facts *f, struct err *err)
{
	cleanup(buf_reset) struct buf owner = { .limit = LIMIT_POSTFIX_FILE };

	if (from_postfix("mail_owner", &owner, err) < 0)
		return -1;

	const struct passwd *pw = getpwnam((char *)owner.data);

	if (pw == NULL)
		return err_set(err, ERR_PERM,
		    "Postfix's mail_owner \"%s\": there is no such user",
		    (char *)owner.data);
	(void)snprintf(f->lmtp_user, sizeof f->lmtp_user, "%s", pw->pw_name);
	group_name(pw->pw_gid, f->lmtp_group);
	return 0;
}

static int
find_lmtp(struct dovecot_facts *f, struct buf *notes, struct err *err)
{
	static const char unix_lmtp[] = "lmtp:unix:";
	cleanup(buf_reset) struct buf queue = { .limit = LIMIT_POSTFIX_FILE };
	const char *deliver = f->run->conf->hop.deliver;
	const char *path = deliver + strlen(unix_lmtp);
	const char *folder = f->run->queue_directory;

	if (strncmp(deliver, unix_lmtp, strlen(unix_lmtp)) != 0)
		return buf_putf(notes, err,
		    "[hop] deliver is %s: no LMTP socket is set up for it\n",
		    deliver);
	if (path[0] != '/' && folder == NULL) {
		if (from_postfix("queue_directory", &queue, err) < 0)
			return -1;
		folder = (char *)queue.data;
	}
	if (snprintf(f->lmtp_socket, sizeof f->lmtp_socket, "%s%s%s",
		path[0] == '/' ? "" : folder, path[0] == '/' ? "" : "/",
		path) >= (int)sizeof f->lmtp_socket)
		return err_set(err, ERR_PERM, "[hop] deliver is too long");
	return find_lmtp_owner(f, err);
}

/* ---- what dovecot.conf has ---- */

static bool
has_word(const char *words, const char *word)
{
	size_t len = strlen(word);

	while (*words != '\0') {
		size_t n = strcspn(words, " \t");

		if (n == len && memcmp(words, word, n) == 0)
			return true;
		words += n + strspn(words + n, " \t");
	}
	return false;
}

static int
find_protocols(struct dovecot_facts *f, const char *values, struct err *err)
{
	static const char *const needed[] = { "imap", "lmtp" };
	cleanup(buf_reset) struct buf v = { .limit = LIMIT_POSTFIX_FILE };
	bool any = false;

	if (doveconf_find(values, "protocols", &v, err) < 0)
		return -1;
	for (size_t i = 0; i < countof(needed); i++) {
		if (has_word((char *)v.data, needed[i]))
			continue;
		if (!any &&
		    buf_puts(&f->protocols, "protocols = $protocols", err) < 0)
			return -1;
		if (buf_putf(&f->protocols, err, " %s", needed[i]) < 0)
			return -1;
		any = true;
	}
	return buf_str(&f->protocols, err) == NULL ? -1 : 0;
}

/* mbox is what Debian sets, for users of the machine. */
static int
find_mailboxes(struct dovecot_facts *f, const char *values, struct err *err)
{
	const char *name =
	    f->run->version == DOVECOT_2_3 ? "mail_location" : "mail_driver";
	char format[DOVECOT_NAME_SIZE];

	if (get_word(values, name, format, err) < 0)
		return -1;
	f->own_mailboxes = format[0] == '\0' || strncmp(format, "mbox", 4) == 0;
	return 0;
}

/* A configuration that names modules which are not there lets nobody in. */
static int
find_plugin(struct dovecot_facts *f, const char *values, struct buf *notes,
    struct err *err)
{
	static const char *const modules[] = { "lib30_sealpost_plugin.so",
		"lib31_imap_sealpost_plugin.so" };
	cleanup(buf_reset) struct buf folder = { .limit = LIMIT_POSTFIX_FILE };

	if (doveconf_find(values, "mail_plugin_dir", &folder, err) < 0)
		return -1;
	f->plugin = true;
	for (size_t i = 0; i < countof(modules); i++) {
		char path[PATH_MAX];

		f->plugin = f->plugin &&
		    snprintf(path, sizeof path, "%s/%s", (char *)folder.data,
			modules[i]) < (int)sizeof path &&
		    access(path, R_OK) == 0;
	}
	if (f->plugin)
		return 0;
	return buf_putf(notes, err,
	    "sealpost's modules are not in %s: without them nothing is sealed "
	    "on save, and there are no vaults and no folder statistics; "
	    "install them and apply again\n",
	    (char *)folder.data);
}

/* Where METADATA has its place: a setting in 2.3, a block in 2.4. */
static int
find_attributes(struct dovecot_facts *f, const char *values, struct err *err)
{
	char place[DOVECOT_NAME_SIZE];

	if (get_word(values, "mail_attribute_dict", place, err) < 0)
		return -1;
	f->own_attributes = place[0] == '\0' &&
	    strstr(values, "mail_attribute {") == NULL;
	return 0;
}

int
dovecot_facts_find(struct dovecot_facts *f, const struct dovecot_run *run,
    const char *path, struct buf *notes, struct err *err)
{
	static const char *const names_2_3[] = { "default_internal_user",
		"default_internal_group", "first_valid_uid", "mail_uid",
		"protocols", "mail_location",
		"mail_plugin_dir", "mail_attribute_dict", NULL };
	static const char *const names_2_4[] = { "default_internal_user",
		"default_internal_group", "first_valid_uid", "mail_uid",
		"mail_driver", "mail_plugin_dir",
		"mail_attribute", NULL };
	cleanup(buf_reset) struct buf values = { .limit = LIMIT_POSTFIX_FILE };

	*f = (struct dovecot_facts){ .run = run,
		.protocols = { .limit = LIMIT_POSTFIX_FILE } };
	if (doveconf_values(path,
		run->version == DOVECOT_2_3 ? names_2_3 : names_2_4, &values,
		err) < 0)
		return -1;

	const char *v = (char *)values.data;

	if (find_mail_user(f, v, err) < 0 ||
	    check_mail_directory(f, notes, err) < 0 ||
	    find_reader(f, v, notes, err) < 0 || find_lmtp(f, notes, err) < 0 ||
	    find_protocols(f, v, err) < 0 ||
	    find_plugin(f, v, notes, err) < 0 ||
	    find_attributes(f, v, err) < 0)
		return -1;
	return find_mailboxes(f, v, err);
}
