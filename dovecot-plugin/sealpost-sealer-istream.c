/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "lib.h"
#include "istream-private.h"
#include "istream-crlf.h"
#include "sealpost-sealer.h"

struct sealpost_istream {
	struct istream_private istream;

	struct sealpost_owner *owner;
	char *spool_directory;
	struct sealpost_sealing *sealing;
	bool sealed;
};

static void
i_stream_sealpost_close(struct iostream_private *stream, bool close_parent)
{
	struct sealpost_istream *sstream =
		container_of(stream, struct sealpost_istream, istream.iostream);

	if (close_parent)
		i_stream_close(sstream->istream.parent);
}

static void i_stream_sealpost_destroy(struct iostream_private *stream)
{
	struct sealpost_istream *sstream =
		container_of(stream, struct sealpost_istream, istream.iostream);

	sealpost_sealing_free(&sstream->sealing);
	sealpost_owner_free(&sstream->owner);
	i_free(sstream->spool_directory);
	i_stream_free_buffer(&sstream->istream);
	i_stream_unref(&sstream->istream.parent);
}

static ssize_t
i_stream_sealpost_fail(struct sealpost_istream *sstream, const char *error)
{
	io_stream_set_error(&sstream->istream.iostream, "%s", error);
	sstream->istream.istream.stream_errno = EIO;
	return -1;
}

/* Returns 1 when the whole message is sealed, 0 if there'll be more input
   later. */
static int i_stream_sealpost_seal(struct sealpost_istream *sstream)
{
	struct istream *parent = sstream->istream.parent;
	struct sealpost_error error;
	const unsigned char *data;
	size_t size;
	bool changed;
	int ret;

	while ((ret = i_stream_read_more(parent, &data, &size)) > 0) {
		if (sealpost_sealing_put(sstream->sealing, data, size,
					 &error) < 0)
			return (int)i_stream_sealpost_fail(sstream, error.text);
		i_stream_skip(parent, size);
	}
	if (ret == 0)
		return 0;
	if (parent->stream_errno != 0) {
		sstream->istream.istream.stream_errno = parent->stream_errno;
		return -1;
	}
	if (sealpost_sealing_finish(sstream->sealing, &changed, &error) < 0)
		return (int)i_stream_sealpost_fail(sstream, error.text);
	sstream->sealed = TRUE;
	return 1;
}

static ssize_t i_stream_sealpost_read(struct istream_private *stream)
{
	struct sealpost_istream *sstream =
		container_of(stream, struct sealpost_istream, istream);
	struct sealpost_error error;
	size_t size;
	ssize_t ret;

	if (!sstream->sealed &&
	    (ret = i_stream_sealpost_seal(sstream)) <= 0)
		return ret;
	if (!i_stream_try_alloc(stream, 1, &size))
		return -2;
	ret = sealpost_sealing_read(sstream->sealing,
				    stream->w_buffer + stream->pos, size,
				    &error);
	if (ret < 0)
		return i_stream_sealpost_fail(sstream, error.text);
	if (ret == 0) {
		stream->istream.eof = TRUE;
		return -1;
	}
	stream->pos += ret;
	return ret;
}

/* The size isn't known before the end, and it's not that of the input. */
static int
i_stream_sealpost_stat(struct istream_private *stream, bool exact ATTR_UNUSED)
{
	stream->statbuf.st_size = -1;
	return 0;
}

struct istream *
i_stream_create_sealpost(struct istream *input, struct sealpost_owner *owner,
			 const struct sealpost_label *label,
			 const char *spool_directory)
{
	struct sealpost_istream *sstream = i_new(struct sealpost_istream, 1);
	struct istream *crlf_input = i_stream_create_crlf(input);
	struct sealpost_error error;
	struct istream *stream;

	sstream->owner = owner;
	sstream->spool_directory = i_strdup(spool_directory);
	sstream->istream.max_buffer_size = input->real_stream->max_buffer_size;
	sstream->istream.iostream.close = i_stream_sealpost_close;
	sstream->istream.iostream.destroy = i_stream_sealpost_destroy;
	sstream->istream.read = i_stream_sealpost_read;
	sstream->istream.stat = i_stream_sealpost_stat;
	sstream->istream.istream.readable_fd = FALSE;
	sstream->istream.istream.blocking = input->blocking;
	sstream->istream.istream.seekable = FALSE;
	stream = i_stream_create(&sstream->istream, crlf_input, -1, 0);
	i_stream_unref(&crlf_input);
	if (sealpost_sealing_new(owner, label, sstream->spool_directory,
				 &sstream->sealing, &error) < 0)
		(void)i_stream_sealpost_fail(sstream, error.text);
	return stream;
}
