/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "message.h"

#include <errno.h>
#include <string.h>

#include "base/fd.h"

static int
put_into_filter(void *ctx, const uint8_t *data, size_t n, struct err *err)
{
	return lineend_in_put(ctx, data, n, err);
}

/* A plaintext passes through piece: it is wiped. */
static int
copy_all(int fd, const struct sink *to, struct err *err)
{
	uint8_t piece[16384];
	int rc = 0;

	while (rc == 0) {
		ssize_t n = read(fd, piece, sizeof piece);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			rc = err_set(err, ERR_TEMP,
			    "read from standard input: %s", strerror(errno));
		if (n <= 0)
			break;
		rc = sink_put(to, piece, (size_t)n, err);
	}
	explicit_bzero(piece, sizeof piece);
	return rc;
}

int
message_read(int fd, struct buf *out, enum lineend *form, struct err *err)
{
	cleanup(lineend_reset) struct lineend_filter filter;
	struct sink in = { .put = put_into_filter, .ctx = &filter };

	lineend_in_init(&filter, sink_to_buf(out));
	if (copy_all(fd, &in, err) < 0 || lineend_in_finish(&filter, err) < 0)
		return -1;
	*form = filter.form;
	/* even an empty message has an address */
	return buf_str(out, err) == NULL ? -1 : 0;
}

static int
put_to_fd(void *ctx, const uint8_t *data, size_t n, struct err *err)
{
	const struct message_writer *w = ctx;

	if (fd_write(w->fd, data, n) < 0)
		return err_set(err, ERR_PERM, "write to standard output: %s",
		    strerror(errno));
	return 0;
}

struct sink
message_sink(struct message_writer *w)
{
	return (struct sink){ .put = put_to_fd, .ctx = w };
}
