/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* Sockets, files, keys, the clock and disks: the facts. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>

#include "certfile.h"
#include "doctor.h"
#include "doctor_state.h"
#include "doctor_talk.h"
#include "shared.h"
#include "store/stats.h"
#include "store/upkeep.h"

enum { GROUPS_MAX = 200, GROUP_SIZE = 100, REPLY_MAX = 16 << 10 };

/* ---- sockets ---- */

static bool
is_loopback(const char *host)
{
	return strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0 ||
	       strcmp(host, "localhost") == 0;
}

/* May the user do that (S_IROTH, S_IWOTH) with the file? */
static bool
user_may(const char *user, const struct stat *st, mode_t what)
{
	const struct passwd *pw = user[0] == '\0' ? NULL : getpwnam(user);
	gid_t groups[GROUPS_MAX];
	int count = GROUPS_MAX;

	if (pw == NULL)
		return true; /* not known */
	if (st->st_uid == pw->pw_uid)
		return (st->st_mode & what << 6) != 0;
	(void)getgrouplist(pw->pw_name, pw->pw_gid, groups, &count);
	for (int i = 0; i < count && i < GROUPS_MAX; i++)
		if (groups[i] == st->st_gid)
			return (st->st_mode & what << 3) != 0;
	return (st->st_mode & what) != 0;
}

static int
look_at_listener(struct doctor_site *s, enum doctor_peer peer,
    const char *address, const struct conf_socket *to, const char *group,
    struct err *err)
{
	struct doctor_listener l = { .peer = peer,
		.address = address,
		.is_unix = to->is_unix,
		.is_loopback = !to->is_unix && is_loopback(to->host),
		.path = to->path,
		.group = group };
	struct stat st;

	if (to->is_unix) {
		l.error = stat(to->path, &st) < 0 ? errno : 0;
		l.mode = l.error == 0 ? st.st_mode : 0;
		l.postfix_may =
		    l.error == 0 && user_may(s->mail_owner, &st, S_IWOTH);
	}
	return doctor_judge_listener(&l, s->report, err);
}

static int
look_at_socket(struct doctor_site *s, enum doctor_peer peer,
    const char *address, const char *group, struct err *err)
{
	cleanup(buf_reset) struct buf reply = { .limit = REPLY_MAX };
	struct doctor_socket facts = { .peer = peer,
		.address = address,
		.mechanisms = s->ctl->conf->saslauthd.mechanisms };
	struct conf_socket to;
	struct err why;

	if (conf_socket_parse(address, &to, &why) < 0)
		return doctor_untried(s, "socket.lmtp", &why, err);
	if (doctor_talk(&to, peer, &reply, &why) < 0)
		facts.error = why.text;
	facts.reply = reply.data;
	facts.reply_len = reply.len;
	if (doctor_judge_socket(&facts, s->report, err) < 0)
		return -1;
	return look_at_listener(s, peer, address, &to, group, err);
}

/* [hop] deliver as an address of a socket; false when it is no LMTP. */
static bool
find_lmtp(const struct doctor_site *s, char *out, size_t size)
{
	const char *deliver = s->ctl->conf->hop.deliver;

	if (strncmp(deliver, "lmtp:", 5) != 0)
		return false;
	deliver += 5;
	if (strncmp(deliver, "unix:", 5) == 0 && deliver[5] != '/')
		return snprintf(out, size, "unix:%s/%s", s->queue_directory,
			   deliver + 5) < (int)size;
	if (strncmp(deliver, "unix:", 5) == 0 ||
	    strncmp(deliver, "inet:", 5) == 0)
		return snprintf(out, size, "%s", deliver) < (int)size;
	return snprintf(out, size, "inet:%s", deliver) < (int)size;
}

int
doctor_look_at_sockets(struct doctor_site *s, struct err *err)
{
	const struct conf *c = s->ctl->conf;
	char hop[300], lmtp[PATH_MAX + 10];

	(void)snprintf(hop, sizeof hop, "inet:%s", c->hop.listen);
	if (look_at_socket(s, DOCTOR_MILTER, c->milter.listen,
		c->milter.socket_group, err) < 0 ||
	    look_at_socket(s, DOCTOR_POLICYD, c->policyd.listen,
		c->policyd.socket_group, err) < 0 ||
	    look_at_socket(s, DOCTOR_SASLAUTHD, c->saslauthd.listen,
		c->saslauthd.socket_group, err) < 0 ||
	    look_at_socket(s, DOCTOR_HOP, hop, "", err) < 0)
		return -1;
	if (!find_lmtp(s, lmtp, sizeof lmtp))
		return 0;
	return look_at_socket(s, DOCTOR_DOVECOT_LMTP, lmtp, "", err);
}

/* ---- files ---- */

/* The file's group; root's is for nobody: then that of the package, or his. */
static const char *
group_for(const struct passwd *user, gid_t gid, char out[GROUP_SIZE])
{
	static const char ours[] = "sealpost-secrets";
	const struct group *gr = gid != 0 ? getgrgid(gid) : getgrnam(ours);

	if (gid == 0 && gr == NULL)
		gr = getgrgid(user->pw_gid);
	if (gr != NULL)
		(void)snprintf(out, GROUP_SIZE, "%s", gr->gr_name);
	else
		(void)snprintf(out, GROUP_SIZE, "%u", (unsigned)gid);
	return out;
}

/* Must somebody read it who may not? */
static void
find_shut_out(const struct doctor_site *s, struct doctor_file *f,
    const struct stat *st, char group[GROUP_SIZE])
{
	const char *user = s->ctl->conf->saslauthd.user;
	const struct passwd *pw;

	if (f->kind != DOCTOR_SECRETS_DB || f->error != 0 ||
	    (st->st_mode & S_IRGRP) == 0 || /* that is told already */
	    user_may(user, st, S_IROTH) || (pw = getpwnam(user)) == NULL)
		return;
	f->shut_out = user;
	f->group = group_for(pw, st->st_gid, group);
}

static int
look_at_file(struct doctor_site *s, enum doctor_file_kind kind,
    const char *path, struct err *err)
{
	struct doctor_file f = { .kind = kind, .path = path };
	char group[GROUP_SIZE];
	struct stat st = { 0 };

	f.error = stat(path, &st) < 0 ? errno : 0;
	f.mode = st.st_mode;
	f.uid = st.st_uid;
	f.gid = st.st_gid;
	find_shut_out(s, &f, &st, group);
	return doctor_judge_file(&f, s->report, err);
}

static const char *
folder_of(const char *path, char out[PATH_MAX])
{
	const char *slash = strrchr(path, '/');

	(void)snprintf(out, PATH_MAX, "%.*s",
	    slash == path ? 1 : (int)(slash - path), path);
	return out;
}

static int
tell_damage(struct doctor_site *s, const char *path, const struct err *why,
    struct err *err)
{
	static const struct doctor_kind damaged = { "database.integrity",
		DOCTOR_ERROR,
		"what is in it cannot be trusted, and daemons answer with "
		"temporary errors" };
	char mend[DOCTOR_COMMAND_SIZE];

	(void)snprintf(mend, sizeof mend,
	    "cp -p '%s' '%s.damaged' && truncate -s 0 '%s' && rm -f '%s'-* && "
	    "%.500s restore --replace BACKUP && systemctl restart postfix "
	    "dovecot 'sealpost-*'",
	    path, path, path, path, s->sealpost);
	return doctor_put(s->report, &damaged, mend, err, "%s", why->text);
}

/* Its content, unless the file is missing: that was told. */
static int
look_into(struct doctor_site *s, enum store_kind kind, const char *path,
    struct err *err)
{
	static const struct doctor_kind unreadable = { "database.integrity",
		DOCTOR_ERROR, "daemons answer with temporary errors" };
	struct err why;
	char mend[DOCTOR_COMMAND_SIZE];

	if (access(path, F_OK) < 0)
		return 0;

	int rc = upkeep_check(kind, path, &why);

	if (rc > 0)
		return 0;
	if (rc == 0)
		return tell_damage(s, path, &why, err);
	if (access(path, R_OK) < 0)
		return doctor_untried(s, "database.integrity", &why, err);
	(void)snprintf(mend, sizeof mend, "%.1000s init", s->sealpost);
	return doctor_put(s->report, &unreadable, mend, err, "%s", why.text);
}

int
doctor_look_at_files(struct doctor_site *s, struct err *err)
{
	const struct conf *c = s->ctl->conf;
	char folder[PATH_MAX], stats_folder[PATH_MAX];
	size_t from = s->report->count;

	(void)folder_of(c->accounts.directory, folder);
	(void)folder_of(c->stats.database, stats_folder);
	if (look_at_file(s, DOCTOR_DIRECTORY_DB, c->accounts.directory, err) <
		0 ||
	    look_at_file(s, DOCTOR_SECRETS_DB, c->accounts.secrets, err) < 0 ||
	    look_at_file(s, DOCTOR_STATS_DB, c->stats.database, err) < 0 ||
	    look_at_file(s, DOCTOR_FOLDER, folder, err) < 0)
		return -1;
	if (strcmp(folder, stats_folder) != 0 &&
	    look_at_file(s, DOCTOR_STATS_FOLDER, stats_folder, err) < 0)
		return -1;
	if (look_into(s, STORE_DIRECTORY, c->accounts.directory, err) < 0 ||
	    look_into(s, STORE_SECRETS, c->accounts.secrets, err) < 0 ||
	    look_into(s, STORE_STATS, c->stats.database, err) < 0)
		return -1;
	return doctor_fine(s->report, from, "database.integrity",
	    "the databases are sound", err);
}

/* ---- keys ---- */

static int
look_at_key(struct doctor_site *s, struct directory *d, const struct account *a,
    struct err *err)
{
	cleanup(cert_list_reset) struct cert_list certs = { 0 };
	struct doctor_key k = { .address = a->address, .enabled = a->enabled };

	if (directory_cert_list(d, a->address, &certs, err) < 0)
		return -1;
	k.until = usable_until(&certs, now(), &k.why);
	return doctor_judge_key(&k, now(), s->sealpost, s->report, err);
}

static int
look_at_all_keys(struct doctor_site *s, struct err *why, struct err *err)
{
	cleanup(directory_close) struct directory *d = NULL;
	cleanup(account_list_reset) struct account_list accounts = { 0 };

	if (open_directory(s->ctl, STORE_READ, &d, why) < 0 ||
	    account_list_load(d, &accounts, why) < 0)
		return 1;
	for (size_t i = 0; i < accounts.count; i++)
		if (look_at_key(s, d, accounts.accounts[i], err) < 0)
			return -1;
	return 0;
}

int
doctor_look_at_keys(struct doctor_site *s, struct err *err)
{
	size_t from = s->report->count;
	struct err why = { 0 };
	int rc = look_at_all_keys(s, &why, err);

	if (rc > 0)
		return doctor_untried(s, "key", &why, err);
	if (rc < 0)
		return doctor_untried(s, "key", err, err);
	return doctor_fine(s->report, from, "key",
	    "every account has a key for the next 30 days", err);
}

/* ---- the clock ---- */

static void
find_newest(struct doctor_clock *c, const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0 || (int64_t)st.st_mtime <= c->newest_file)
		return;
	c->newest_file = (int64_t)st.st_mtime;
	c->newest_path = path;
}

static void
find_future_counts(const struct doctor_site *s, struct doctor_clock *c)
{
	cleanup(stats_close) struct stats *stats = NULL;
	struct stats_counters sum = { 0 };

	/* a database that cannot be read has been told of */
	if (stats_open(s->ctl->conf->stats.database, STORE_READ, &stats, NULL) <
		0 ||
	    stats_sum(stats, NULL, c->now + 7200, &sum, NULL) < 0)
		return;
	c->future_counts =
	    sum.received + sum.sent + sum.logins + sum.failed_logins;
}

static int
look_at_clock(struct doctor_site *s, struct err *err)
{
	const struct conf *conf = s->ctl->conf;
	struct doctor_clock c = { .now = now(), .newest_path = "" };
	struct timex t = { 0 };
	char main_cf[PATH_MAX + 10];
	int state = adjtimex(&t);

	c.known_synchronized = state >= 0;
	c.synchronized = state >= 0 && (t.status & STA_UNSYNC) == 0;
	(void)snprintf(
	    main_cf, sizeof main_cf, "%s/main.cf", s->config_directory);
	find_newest(&c, main_cf);
	find_newest(&c, conf->accounts.directory);
	find_newest(&c, conf->accounts.secrets);
	find_newest(&c, conf->stats.database);
	find_future_counts(s, &c);
	return doctor_judge_clock(&c, s->report, err);
}

/* ---- disks ---- */

static int
look_at_disk(
    struct doctor_site *s, const char *what, const char *path, struct err *err)
{
	struct doctor_disk d = { .what = what, .path = path };
	struct statvfs v = { 0 };

	d.error = statvfs(path, &v) < 0 ? errno : 0;
	d.free_octets = (uint64_t)v.f_bavail * v.f_frsize;
	d.all_octets = (uint64_t)v.f_blocks * v.f_frsize;
	d.free_files = v.f_favail;
	d.all_files = v.f_files;
	d.read_only = (v.f_flag & ST_RDONLY) != 0;
	return doctor_judge_disk(&d, s->report, err);
}

int
doctor_look_at_machine(struct doctor_site *s, struct err *err)
{
	const struct conf *c = s->ctl->conf;
	char state[PATH_MAX], stats[PATH_MAX];
	const struct {
		const char *what, *path;
	} places[] = {
		{ "databases", folder_of(c->accounts.directory, state) },
		{ "statistics", folder_of(c->stats.database, stats) },
		{ "the milter's spool", c->milter.spool_directory },
		{ "Postfix's queue", s->queue_directory },
		{ "mail", s->mail_directory },
	};
	size_t from = s->report->count;

	for (size_t i = 0; i < countof(places); i++)
		if (places[i].path[0] != '\0' &&
		    look_at_disk(s, places[i].what, places[i].path, err) < 0)
			return -1;
	if (doctor_fine(s->report, from, "disk.space", "there is room", err) <
	    0)
		return -1;
	return look_at_clock(s, err);
}
