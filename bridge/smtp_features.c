/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "smtp_features.h"

#include <pthread.h>

#include "base/clock.h"
#include "base/log.h"
#include "smtp_ehlo.h"
#include "upstream_smtp.h"

enum {
	KEYWORDS_MAX = 64 << 10,
	FRESH_MS = 3600 * 1000,
	RETRY_MS = 60 * 1000,
	PATIENCE_S = 5, /* clients of all accounts wait */
};

struct smtp_features {
	const struct bridge_conf *conf;
	pthread_mutex_t lock; /* held while servers are asked */
	struct buf lines;
	int64_t until_ms; /* of clock_ms(); the lines are good until then */
};

int
smtp_features_new(const struct bridge_conf *conf, struct smtp_features **out,
    struct err *err)
{
	struct smtp_features *f = calloc(1, sizeof *f);

	if (f == NULL)
		return err_nomem(err);
	f->conf = conf;
	f->lines.limit = KEYWORDS_MAX;
	(void)pthread_mutex_init(&f->lock, NULL);
	*out = f;
	return 0;
}

void
smtp_features_free(struct smtp_features **fp)
{
	struct smtp_features *f = steal(fp);

	if (f == NULL)
		return;
	buf_reset(&f->lines);
	(void)pthread_mutex_destroy(&f->lock);
	free(f);
}

/* The first server's lines, or what they share with those before. */
static int
narrow(const char *server, bool *first, struct buf *lines, struct err *err)
{
	cleanup(buf_reset) struct buf both = { .limit = KEYWORDS_MAX };
	const char *before = *first ? server : buf_str(lines, err);

	*first = false;
	if (before == NULL || smtp_ehlo_common(before, server, &both, err) < 0)
		return -1;
	buf_clear(lines);
	return buf_put(lines, both.data, both.len, err);
}

static int
ask_all(struct smtp_features *f, struct err *err)
{
	struct bridge_conf hurried = *f->conf; /* borrows all from it */
	bool first = true, all = true;

	if (hurried.timeout > PATIENCE_S)
		hurried.timeout = PATIENCE_S;
	buf_clear(&f->lines);
	for (size_t i = 0; i < f->conf->account_count; i++) {
		const struct account *a = &f->conf->accounts[i];
		cleanup(buf_reset) struct buf server = {
			.limit = KEYWORDS_MAX,
		};
		struct err why = { 0 };

		if (upstream_smtp_keywords(&hurried, a, &server, &why) < 0) {
			log_warning("smtp: %s", why.text);
			all = false;
			continue;
		}
		if (narrow((const char *)server.data, &first, &f->lines,
		        err) < 0)
			return -1;
	}
	f->until_ms = clock_ms() + (all ? FRESH_MS : RETRY_MS);
	return 0;
}

int
smtp_features_get(struct smtp_features *f, struct buf *lines, struct err *err)
{
	int rc = 0;

	(void)pthread_mutex_lock(&f->lock);
	if (f->until_ms <= clock_ms())
		rc = ask_all(f, err);
	if (rc == 0)
		rc = buf_put(lines, f->lines.data, f->lines.len, err);
	(void)pthread_mutex_unlock(&f->lock);
	if (rc < 0)
		return -1;
	return buf_str(lines, err) == NULL ? -1 : 0;
}
