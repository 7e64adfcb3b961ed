/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * GPGME calls a message decrypted in cases where we must not: gpg was killed
 * half way, or its configuration tells it to overlook a missing integrity
 * code. So what gpg reports line by line is counted, and a plaintext is
 * given out only when all of it fits.
 */

#include "openpgp/decrypt.h"

#include <errno.h>
#include <string.h>

#include "openpgp/gpgme_door.h"

struct decryption {
	struct buf *out;
	struct err sink; /* why the plaintext could not be kept */
	unsigned begun;
	unsigned ended;
	unsigned literals;
	unsigned literals_outside; /* not under the encryption */
	bool protected;            /* by a modification detection code */
	bool aead;
	bool good_mdc;
	bool okay;
	bool failed;  /* gpg says so */
	bool second;  /* it has met a second text, and stopped there */
	bool no_data; /* there is nothing encrypted in it */
	bool denied;  /* a key was there but could not be used now */
};

static ssize_t
keep_plaintext(void *handle, const void *buffer, size_t size)
{
	struct decryption *d = handle;

	if (buf_put(d->out, buffer, size, &d->sink) == 0)
		return (ssize_t)size;
	errno = ENOMEM;
	return -1;
}

/* A key that is not there now: what people, agents and cards are asked for. */
static bool
is_denial(gpgme_error_t code)
{
	switch (gpgme_err_code(code)) {
	case GPG_ERR_CANCELED:
	case GPG_ERR_FULLY_CANCELED:
	case GPG_ERR_BAD_PASSPHRASE:
	case GPG_ERR_NO_PASSPHRASE:
	case GPG_ERR_NO_PIN_ENTRY:
	case GPG_ERR_PIN_ENTRY:
	case GPG_ERR_BAD_PIN:
	case GPG_ERR_PIN_BLOCKED:
	case GPG_ERR_TIMEOUT:
	case GPG_ERR_NO_AGENT:
	case GPG_ERR_AGENT:
	case GPG_ERR_NO_SCDAEMON:
	case GPG_ERR_SCDAEMON:
	case GPG_ERR_CARD:
	case GPG_ERR_CARD_REMOVED:
	case GPG_ERR_CARD_NOT_PRESENT:
	case GPG_ERR_CARD_RESET:
	case GPG_ERR_ENOMEM:
		return true;
	default:
		return false;
	}
}

static void
on_info(struct decryption *d, const char *args)
{
	unsigned mdc = 0;
	unsigned cipher = 0;
	unsigned aead = 0;

	if (sscanf(args, "%u %u %u", &mdc, &cipher, &aead) >= 2) {
		d->protected = mdc != 0;
		d->aead = aead != 0;
	}
}

static void
on_begin(struct decryption *d, const char *args)
{
	(void)args;
	d->begun++;
}

static void
on_end(struct decryption *d, const char *args)
{
	(void)args;
	d->ended++;
}

static void
on_plaintext(struct decryption *d, const char *args)
{
	(void)args;
	if (d->begun == 1 && d->ended == 0)
		d->literals++;
	else
		d->literals_outside++;
}

static void
on_good_mdc(struct decryption *d, const char *args)
{
	(void)args;
	d->good_mdc = true;
}

static void
on_okay(struct decryption *d, const char *args)
{
	(void)args;
	d->okay = true;
}

static void
on_failed(struct decryption *d, const char *args)
{
	(void)args;
	d->failed = true;
}

static void
on_no_data(struct decryption *d, const char *args)
{
	(void)args;
	d->no_data = true;
}

static bool
begins_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* "ERROR pkdecrypt_failed 83886179", "ERROR proc_pkt.plaintext 89_BAD_DATA" */
static void
on_error(struct decryption *d, const char *args)
{
	const char *code = strchr(args, ' ');

	if (begins_with(args, "pkdecrypt_failed") && code != NULL &&
	    is_denial((gpgme_error_t)strtoul(code, NULL, 10)))
		d->denied = true;
	if (begins_with(args, "proc_pkt.plaintext") ||
	    begins_with(args, "decryption.early_plaintext"))
		d->second = true;
}

static const struct {
	const char *keyword;
	void (*on)(struct decryption *d, const char *args);
} statuses[] = {
	{ "BADMDC", on_failed },
	{ "BEGIN_DECRYPTION", on_begin },
	{ "DECRYPTION_FAILED", on_failed },
	{ "DECRYPTION_INFO", on_info },
	{ "DECRYPTION_OKAY", on_okay },
	{ "END_DECRYPTION", on_end },
	{ "ERROR", on_error },
	{ "GOODMDC", on_good_mdc },
	{ "NODATA", on_no_data },
	{ "PLAINTEXT", on_plaintext },
	{ "UNEXPECTED", on_no_data },
};

static gpgme_error_t
on_status(void *handle, const char *keyword, const char *args)
{
	for (size_t i = 0; i < countof(statuses); i++)
		if (strcmp(statuses[i].keyword, keyword) == 0)
			statuses[i].on(handle, args == NULL ? "" : args);
	return 0;
}

/* What GPGME's own verdict means for the message. */
static int
refuse(const struct decryption *d, gpgme_error_t code, struct err *err)
{
	if (d->denied || is_denial(code))
		return err_set(err, ERR_TEMP,
		    "the secret key cannot be used now: no passphrase was "
		    "given, or gpg-agent or the card is away");
	/* GPGME gives a verdict for a gpg that died without one, too */
	if (!d->failed && !d->no_data && d->literals_outside == 0)
		return gpg_failed(err, code, "ended without a verdict");
	switch (gpgme_err_code(code)) {
	case GPG_ERR_NO_SECKEY:
		return err_set(err, ERR_PERM,
		    "there is no secret key here for this message");
	case GPG_ERR_NO_DATA:
		return err_set(
		    err, ERR_PERM, "this is no encrypted OpenPGP message");
	case GPG_ERR_UNSUPPORTED_ALGORITHM:
		return err_set(err, ERR_PERM,
		    "this gpg does not know the message's algorithm");
	case GPG_ERR_DECRYPT_FAILED:
	case GPG_ERR_BAD_DATA:
	case GPG_ERR_INV_PACKET:
	case GPG_ERR_UNKNOWN_PACKET:
	case GPG_ERR_CHECKSUM:
	case GPG_ERR_BAD_SIGNATURE:
	case GPG_ERR_WRONG_SECKEY:
	case GPG_ERR_INV_ARMOR:
		return err_set(err, ERR_PERM,
		    "the message is damaged, or was made without integrity "
		    "protection");
	default:
		return gpg_failed(err, code, "decrypt");
	}
}

/* What gpg reported must be exactly one message, proven to its end. */
static int
check_reports(const struct decryption *d, struct err *err)
{
	if (d->literals_outside > 0 || d->second)
		return err_set(err, ERR_PERM,
		    "the message has more than the one encrypted text");
	if (d->failed)
		return err_set(err, ERR_PERM, "the message is damaged");
	if (d->begun == 0 || d->ended == 0 || !d->okay)
		return err_set(err, ERR_TEMP,
		    "gpg ended before it had decrypted the message");
	if (d->begun > 1 || d->ended > 1 || d->literals != 1)
		return err_set(err, ERR_PERM,
		    "the message holds %u texts instead of one",
		    d->begun > 1 ? d->begun : d->literals);
	if (!d->aead && !(d->protected && d->good_mdc))
		return err_set(
		    err, ERR_PERM, "the message has no integrity protection");
	return 0;
}

/* What is handed in, and what is to be known of it. */
struct work {
	const void *data;
	size_t n;
	struct pgp_signature *signature; /* NULL: not asked for */
	int timeout_ms;                  /* -1: none */
};

static enum pgp_verdict
verdict_on(gpgme_error_t status)
{
	switch (gpgme_err_code(status)) {
	case GPG_ERR_NO_ERROR:
	case GPG_ERR_KEY_EXPIRED:
	case GPG_ERR_SIG_EXPIRED:
		return PGP_GOOD;
	case GPG_ERR_NO_PUBKEY:
		return PGP_UNKNOWN_KEY;
	default:
		return PGP_BAD;
	}
}

/* Of several signatures the worst counts. */
static void
take_signatures(gpgme_ctx_t ctx, struct pgp_signature *out)
{
	static const int badness[] = {
		[PGP_UNSIGNED] = 0,
		[PGP_GOOD] = 1,
		[PGP_UNKNOWN_KEY] = 2,
		[PGP_BAD] = 3,
	};
	gpgme_verify_result_t result = gpgme_op_verify_result(ctx);
	gpgme_signature_t s = result == NULL ? NULL : result->signatures;

	for (; s != NULL; s = s->next) {
		enum pgp_verdict v = verdict_on(s->status);

		if (badness[v] <= badness[out->verdict])
			continue;
		out->verdict = v;
		(void)snprintf(out->key, sizeof out->key, "%s",
		    s->fpr == NULL ? "" : s->fpr);
	}
}

static int
run(struct gpg *g, const struct work *w, struct decryption *d, struct err *err)
{
	struct gpgme_data_cbs to = { .write = keep_plaintext };
	cleanup(free_gpg_data) gpgme_data_t ciphertext = NULL;
	cleanup(free_gpg_data) gpgme_data_t plaintext = NULL;
	gpgme_ctx_t ctx = gpg_ctx(g);

	if (gpg_data_of(w->data, w->n, &ciphertext, err) < 0)
		return -1;

	gpgme_error_t code = gpgme_data_new_from_cbs(&plaintext, &to, d);

	if (code != 0)
		return gpg_failed(err, code, "decrypt");
	(void)gpgme_data_set_flag(plaintext, "sensitive", "1");
	if (gpg_watch_status(g, on_status, d, err) < 0)
		return -1;
	code = w->signature == NULL
		   ? gpgme_op_decrypt_start(ctx, ciphertext, plaintext)
		   : gpgme_op_decrypt_verify_start(ctx, ciphertext, plaintext);

	int rc = gpg_wait(g, &code, w->timeout_ms, err);

	gpgme_set_status_cb(ctx, NULL, NULL);
	if (rc < 0)
		return -1;
	if (d->sink.kind != ERR_NONE)
		return err_set(
		    err, d->sink.kind, "the plaintext: %s", d->sink.text);
	if (code != 0)
		return refuse(d, code, err);
	if (check_reports(d, err) < 0)
		return -1;
	if (w->signature != NULL)
		take_signatures(ctx, w->signature);
	return 0;
}

static int
decrypt(const struct pgp_decryption *how, const struct work *w, struct buf *out,
    struct err *err)
{
	cleanup(gpg_close) struct gpg *g = NULL;
	struct decryption d = { .out = out };

	if (gpg_open(how->gnupg_home, &g, err) < 0)
		return -1;
	if (how->session_key != NULL) {
		gpgme_error_t code = gpgme_set_ctx_flag(
		    gpg_ctx(g), "override-session-key", how->session_key);

		if (code != 0)
			return gpg_failed(err, code, "set the session key");
	}
	if (run(g, w, &d, err) < 0) {
		if (out->data != NULL)
			explicit_bzero(out->data, out->size);
		buf_reset(out);
		return -1;
	}
	return 0;
}

int
pgp_decrypt(const char *gnupg_home, const void *data, size_t n, struct buf *out,
    struct err *err)
{
	const struct pgp_decryption how = { .gnupg_home = gnupg_home };
	/* people may take their time to type a passphrase */
	const struct work w = { .data = data, .n = n, .timeout_ms = -1 };

	return decrypt(&how, &w, out, err);
}

int
pgp_decrypt_more(const struct pgp_decryption *how, const void *data, size_t n,
    struct buf *out, struct pgp_signature *signature, struct err *err)
{
	const struct work w = { .data = data,
		.n = n,
		.signature = signature,
		.timeout_ms = how->timeout_ms > 0 ? how->timeout_ms : -1 };

	*signature = (struct pgp_signature){ .verdict = PGP_UNSIGNED };
	return decrypt(how, &w, out, err);
}

int
pgp_verify(const char *gnupg_home, const void *text, size_t n, const void *sig,
    size_t sig_len, struct pgp_signature *signature, struct err *err)
{
	cleanup(gpg_close) struct gpg *g = NULL;
	cleanup(free_gpg_data) gpgme_data_t signed_text = NULL;
	cleanup(free_gpg_data) gpgme_data_t detached = NULL;

	*signature = (struct pgp_signature){ .verdict = PGP_UNSIGNED };
	if (gpg_open(gnupg_home, &g, err) < 0 ||
	    gpg_data_of(text, n, &signed_text, err) < 0 ||
	    gpg_data_of(sig, sig_len, &detached, err) < 0)
		return -1;

	gpgme_error_t code =
	    gpgme_op_verify_start(gpg_ctx(g), detached, signed_text, NULL);

	if (gpg_wait(g, &code, GPG_PATIENCE_MS, err) < 0)
		return -1;
	if (code != 0 && gpgme_err_code(code) != GPG_ERR_NO_DATA &&
	    gpgme_err_code(code) != GPG_ERR_BAD_DATA)
		return gpg_failed(err, code, "verify");
	if (code == 0)
		take_signatures(gpg_ctx(g), signature);
	if (signature->verdict == PGP_UNSIGNED)
		signature->verdict = PGP_BAD;
	return 0;
}
