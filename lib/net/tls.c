/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "net/tls.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <string.h>

#include "base/hex.h"
#include "net/tls_private.h"

const char *
net_tls_reason(void)
{
	unsigned long code = ERR_peek_error();
	const char *reason = code == 0 ? NULL : ERR_reason_error_string(code);

	ERR_clear_error();
	return reason != NULL ? reason : "unknown reason";
}

void
net_tls_free(struct net_tls **tp)
{
	struct net_tls *t = steal(tp);

	if (t == NULL)
		return;
	SSL_CTX_free(t->ctx);
	free(t);
}

static int
new_context(const SSL_METHOD *method, struct net_tls **out, struct err *err)
{
	cleanup(net_tls_free) struct net_tls *t = calloc(1, sizeof *t);

	if (t == NULL)
		return err_nomem(err);
	t->ctx = SSL_CTX_new(method);
	if (t->ctx == NULL ||
	    SSL_CTX_set_min_proto_version(t->ctx, TLS1_2_VERSION) != 1)
		return err_set(
		    err, ERR_TEMP, "TLS context: %s", net_tls_reason());
	(void)SSL_CTX_set_options(
	    t->ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
	        SSL_OP_CLEANSE_PLAINTEXT);
	(void)SSL_CTX_set_mode(t->ctx,
	    SSL_MODE_ENABLE_PARTIAL_WRITE |
	        SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	*out = steal(&t);
	return 0;
}

static int
read_pin(const char *text, uint8_t pin[NET_PIN_LEN], struct err *err)
{
	size_t digits = 0;

	for (const char *p = text; *p != '\0'; p++) {
		int v = hex_value(*p);

		if (*p == ':' && digits % 2 == 0)
			continue;
		if (v < 0 || digits == 2 * NET_PIN_LEN) {
			digits = 0;
			break;
		}
		pin[digits / 2] = (uint8_t)(pin[digits / 2] << 4 | v);
		digits++;
	}
	if (digits != 2 * NET_PIN_LEN)
		return err_set(err, ERR_PERM,
		    "\"%.100s\" is not the SHA-256 fingerprint of a "
		    "certificate (64 hexadecimal digits)",
		    text);
	return 0;
}

/* Instead of the verification: exactly the pinned certificate. */
static int
check_pin(X509_STORE_CTX *store, void *arg)
{
	const struct net_tls *t = arg;
	X509 *leaf = X509_STORE_CTX_get0_cert(store);
	uint8_t is[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (leaf != NULL && X509_digest(leaf, EVP_sha256(), is, &len) == 1 &&
	    len == NET_PIN_LEN && memcmp(is, t->pin, NET_PIN_LEN) == 0)
		return 1;
	X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
	return 0;
}

static int
set_trust(struct net_tls *t, const char *fingerprint, const char *ca_file,
    struct err *err)
{
	if (fingerprint[0] != '\0') {
		if (read_pin(fingerprint, t->pin, err) < 0)
			return -1;
		t->is_pinned = true;
		SSL_CTX_set_cert_verify_callback(t->ctx, check_pin, t);
		return 0;
	}
	if (ca_file[0] != '\0') {
		if (SSL_CTX_load_verify_file(t->ctx, ca_file) != 1)
			return err_set(err, ERR_PERM,
			    "%s: no certificates can be read: %s", ca_file,
			    net_tls_reason());
		return 0;
	}
	if (SSL_CTX_set_default_verify_paths(t->ctx) != 1)
		return err_set(err, ERR_PERM,
		    "the system's certificates cannot be read: %s",
		    net_tls_reason());
	return 0;
}

int
net_tls_client_new(const char *fingerprint, const char *ca_file,
    struct net_tls **out, struct err *err)
{
	cleanup(net_tls_free) struct net_tls *t = NULL;

	if (new_context(TLS_client_method(), &t, err) < 0)
		return -1;
	SSL_CTX_set_verify(t->ctx, SSL_VERIFY_PEER, NULL);
	if (set_trust(t, fingerprint, ca_file, err) < 0)
		return -1;
	*out = steal(&t);
	return 0;
}

int
net_tls_server_new(const char *chain_file, const char *key_file,
    struct net_tls **out, struct err *err)
{
	cleanup(net_tls_free) struct net_tls *t = NULL;

	if (new_context(TLS_server_method(), &t, err) < 0)
		return -1;
	if (SSL_CTX_use_certificate_chain_file(t->ctx, chain_file) != 1)
		return err_set(
		    err, ERR_PERM, "%s: %s", chain_file, net_tls_reason());
	if (SSL_CTX_use_PrivateKey_file(
	        t->ctx, key_file, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_check_private_key(t->ctx) != 1)
		return err_set(
		    err, ERR_PERM, "%s: %s", key_file, net_tls_reason());
	*out = steal(&t);
	return 0;
}
