/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "base/process.h"

#include <errno.h>
#include <grp.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <pwd.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

int
process_no_core_dumps(struct err *err)
{
	const struct rlimit none = { 0, 0 };

	if (setrlimit(RLIMIT_CORE, &none) < 0)
		return err_set(err, ERR_TEMP, "forbid core dumps: %s",
		    strerror(errno));
#ifdef __linux__
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_set(err, ERR_TEMP, "forbid core dumps: %s",
		    strerror(errno));
#endif
	return 0;
}

void
process_allow_locked_memory(void)
{
	const struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };

	(void)setrlimit(RLIMIT_MEMLOCK, &all);
}

bool
process_lock_memory(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_MEMLOCK, &l) < 0 || l.rlim_cur != RLIM_INFINITY)
		return false;
#ifdef MCL_ONFAULT
	return mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0;
#else
	return mlockall(MCL_CURRENT | MCL_FUTURE) == 0;
#endif
}

void
process_give_back_memory(void)
{
#ifdef __GLIBC__
	enum { LARGE = 512 << 10, KEPT = 1 << 20 };

	(void)mallopt(M_MMAP_THRESHOLD, LARGE);
	(void)mallopt(M_TRIM_THRESHOLD, KEPT);
#endif
}

static int
become(const char *user, const struct passwd *pw, struct err *err)
{
	if (initgroups(user, pw->pw_gid) < 0 || setgid(pw->pw_gid) < 0 ||
	    setuid(pw->pw_uid) < 0)
		return err_set(err, ERR_PERM, "become user %s: %s", user,
		    strerror(errno));
	if (pw->pw_uid != 0 && (setuid(0) == 0 || geteuid() != pw->pw_uid))
		return err_set(err, ERR_PERM,
		    "become user %s: the privileges are still there", user);
	return 0;
}

int
process_drop_privileges(const char *user, struct err *err)
{
	if (user[0] == '\0')
		return 0;

	const struct passwd *pw = getpwnam(user);

	if (pw == NULL)
		return err_set(err, ERR_PERM, "there is no user %s", user);
	if (geteuid() == pw->pw_uid)
		return 0;
	return become(user, pw, err);
}

int
process_chgrp(const char *path, const char *group, struct err *err)
{
	if (group[0] == '\0')
		return 0;

	const struct group *gr = getgrnam(group);
	struct stat st;

	if (gr == NULL)
		return err_set(err, ERR_PERM, "there is no group %s", group);
	/* a setgid folder has done it: then no privilege is needed */
	if (stat(path, &st) == 0 && st.st_gid == gr->gr_gid)
		return 0;
	if (chown(path, (uid_t)-1, gr->gr_gid) < 0)
		return err_set(err, ERR_PERM, "give %s to group %s: %s", path,
		    group, strerror(errno));
	return 0;
}

/* Does a process listen there? When in doubt, yes. */
static bool
is_listened_on(const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	cleanup(close_fd) int fd =
	    socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (strlen(path) >= sizeof at.sun_path)
		return true;
	memcpy(at.sun_path, path, strlen(path));
	return connect(fd, (const struct sockaddr *)&at, sizeof at) == 0 ||
	    errno != ECONNREFUSED;
}

int
process_remove_stale_socket(const char *path, struct err *err)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return err_set(err, ERR_PERM,
		    "%s is there and is no socket: remove it", path);
	if (is_listened_on(path))
		return err_set(err, ERR_TEMP,
		    "%s: another process listens there", path);
	if (unlink(path) < 0)
		return err_set(err, ERR_PERM, "remove %s: %s", path,
		    strerror(errno));
	return 0;
}
