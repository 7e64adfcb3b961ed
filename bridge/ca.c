/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "ca.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "net/authority.h"

enum { PATH_MAX_LEN = 4096 };

static int
put_path(const char *directory, const char *name, struct buf *out,
    struct err *err)
{
	if (buf_putf(out, err, "%s/%s", directory, name) < 0)
		return -1;
	return buf_str(out, err) == NULL ? -1 : 0;
}

int
ca_listener_tls(const char *state_directory, int64_t now,
    struct net_tls **out, struct err *err)
{
	cleanup(buf_reset) struct buf path = { .limit = PATH_MAX_LEN };
	struct net_authority_news news;

	if (net_authority_prepare(state_directory, now, &news, err) < 0 ||
	    put_path(state_directory, NET_AUTHORITY_LEAF, &path, err) < 0)
		return -1;
	if (news.ca)
		log_info("there is a new certificate authority for TLS: "
			 "clients must trust it, see sealpost-bridge trust");
	return net_tls_server_new((const char *)path.data,
	    (const char *)path.data, out, err);
}

static int
check_key_mode(const char *path, struct err *err)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return err_set(err, ERR_PERM, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_PERM, "%s is no file", path);
	if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		return err_set(err, ERR_PERM,
		    "%s: others may read it; chmod 600 it", path);
	return 0;
}

int
ca_outer_tls(const struct bridge_conf *conf, struct net_tls **out,
    struct err *err)
{
	*out = NULL;
	if (conf->certificate_file[0] == '\0')
		return 0;
	if (check_key_mode(conf->certificate_key_file, err) < 0)
		return -1;
	return net_tls_server_new(
	    conf->certificate_file, conf->certificate_key_file, out, err);
}

int
ca_certificate(const char *state_directory, int64_t now, struct buf *path,
    struct err *err)
{
	struct net_authority_news news;

	if (net_authority_prepare(state_directory, now, &news, err) < 0)
		return -1;
	return put_path(state_directory, NET_AUTHORITY_CA, path, err);
}
