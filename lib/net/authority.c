/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "net/authority.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/rename.h"
#include "net/tls_private.h"

#define CA_KEY_FILE "ca-key.pem"

enum { PATH_SIZE = 4096, DAY = 86400, CLOCK_SLACK = 86400 };

/* A key with its certificate. */
struct identity {
	EVP_PKEY *key;
	X509 *cert;
};

static void
identity_reset(struct identity *id)
{
	EVP_PKEY_free(id->key);
	X509_free(id->cert);
	*id = (struct identity){ .key = NULL };
}

static void
free_bio(BIO **b)
{
	BIO_free_all(*b);
	*b = NULL;
}

static int
openssl_failed(struct err *err, const char *what)
{
	return err_set(err, ERR_TEMP, "%s: %s", what, net_tls_reason());
}

static int
make_path(const char *directory, const char *name, char out[PATH_SIZE],
    struct err *err)
{
	int n = snprintf(out, PATH_SIZE, "%s/%s", directory, name);

	return n < 0 || n >= PATH_SIZE
	           ? err_set(err, ERR_PERM, "%s: the path is too long",
	                 directory)
	           : 0;
}

/* ---- making certificates ---- */

struct extension {
	int nid;
	const char *value;
};

static const struct extension ca_extensions[] = {
	{ NID_basic_constraints, "critical,CA:TRUE,pathlen:0" },
	{ NID_key_usage, "critical,keyCertSign,cRLSign" },
	{ NID_ext_key_usage, "serverAuth" },
	{ NID_name_constraints,
	    "critical,permitted;DNS:localhost,"
	    "permitted;IP:127.0.0.0/255.0.0.0,"
	    "permitted;IP:::1/ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
	{ NID_subject_key_identifier, "hash" },
	{ NID_undef, NULL },
};

static const struct extension leaf_extensions[] = {
	{ NID_basic_constraints, "critical,CA:FALSE" },
	{ NID_key_usage, "critical,digitalSignature" },
	{ NID_ext_key_usage, "serverAuth" },
	{ NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1,IP:::1" },
	{ NID_subject_key_identifier, "hash" },
	{ NID_authority_key_identifier, "keyid:always" },
	{ NID_undef, NULL },
};

static int
add_extensions(
    X509 *cert, X509 *issuer, const struct extension *list, struct err *err)
{
	X509V3_CTX ctx;

	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	for (; list->nid != NID_undef; list++) {
		X509_EXTENSION *e =
		    X509V3_EXT_nconf_nid(NULL, &ctx, list->nid, list->value);
		int ok = e != NULL && X509_add_ext(cert, e, -1) == 1;

		X509_EXTENSION_free(e);
		if (!ok)
			return openssl_failed(err, "make a certificate");
	}
	return 0;
}

static int
set_name(X509_NAME *name, const char *text, struct err *err)
{
	if (name == NULL ||
	    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
	        (const unsigned char *)text, -1, -1, 0) != 1)
		return openssl_failed(err, "name a certificate");
	return 0;
}

static int
set_serial_and_times(X509 *cert, int64_t now, int days, struct err *err)
{
	uint64_t serial = 0;
	time_t start = (time_t)now;

	if (getentropy(&serial, sizeof serial) < 0)
		return err_set(err, ERR_TEMP, "getentropy: %s",
		    strerror(errno));
	if (X509_set_version(cert, X509_VERSION_3) != 1 ||
	    ASN1_INTEGER_set_uint64(
	        X509_get_serialNumber(cert), serial >> 1 | 1) != 1 ||
	    ASN1_TIME_adj(X509_getm_notBefore(cert), start, 0,
	        -CLOCK_SLACK) == NULL ||
	    ASN1_TIME_adj(X509_getm_notAfter(cert), start, days,
	        -CLOCK_SLACK) == NULL)
		return openssl_failed(err, "date a certificate");
	return 0;
}

/* The authority's name has something of its key: two of them stay apart. */
static int
name_authority(X509 *cert, struct err *err)
{
	uint8_t hash[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	char name[64];

	if (X509_pubkey_digest(cert, EVP_sha256(), hash, &len) != 1)
		return openssl_failed(err, "name a certificate");
	(void)snprintf(name, sizeof name,
	    "sealpost-bridge on this machine %02x%02x%02x%02x", hash[0],
	    hash[1], hash[2], hash[3]);
	return set_name(X509_get_subject_name(cert), name, err);
}

/* Without an authority it signs itself. */
static int
make_identity(const struct identity *ca, int64_t now, struct identity *out,
    struct err *err)
{
	cleanup(identity_reset) struct identity id = {
		.key = EVP_EC_gen("P-256"), .cert = X509_new()
	};
	const struct identity *issuer = ca == NULL ? &id : ca;
	int days = ca == NULL ? NET_AUTHORITY_CA_DAYS
	                      : NET_AUTHORITY_LEAF_DAYS;

	if (id.key == NULL || id.cert == NULL ||
	    X509_set_pubkey(id.cert, id.key) != 1)
		return openssl_failed(err, "make a key");
	if (set_serial_and_times(id.cert, now, days, err) < 0 ||
	    (ca == NULL ? name_authority(id.cert, err)
	                : set_name(X509_get_subject_name(id.cert),
	                      "localhost", err)) < 0)
		return -1;
	if (X509_set_issuer_name(
	        id.cert, X509_get_subject_name(issuer->cert)) != 1)
		return openssl_failed(err, "name a certificate");
	if (add_extensions(id.cert, issuer->cert,
	        ca == NULL ? ca_extensions : leaf_extensions, err) < 0)
		return -1;
	if (X509_sign(id.cert, issuer->key, EVP_sha256()) == 0)
		return openssl_failed(err, "sign a certificate");
	*out = id;
	id = (struct identity){ .key = NULL };
	return 0;
}

/* ---- files ---- */

/* The old file or the new one, never a part. */
static int
replace_file(const char *path, mode_t mode, BIO *text, struct err *err)
{
	char temporary[PATH_SIZE + 8];
	char *data = NULL;
	long n = BIO_get_mem_data(text, &data);

	(void)snprintf(temporary, sizeof temporary, "%s.new", path);
	(void)unlink(temporary);

	cleanup(close_fd) int fd = open(temporary,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0 || fchmod(fd, mode) < 0 || n <= 0 ||
	    fd_write(fd, data, (size_t)n) < 0 || fsync(fd) < 0 ||
	    rename_lasting(temporary, path) < 0) {
		(void)err_set(
		    err, ERR_TEMP, "write %s: %s", path, strerror(errno));
		(void)unlink(temporary);
		return -1;
	}
	return 0;
}

/* The memory of the second kind is wiped. */
static int
write_identity(const char *directory, const char *name,
    const struct identity *id, bool with_key, struct err *err)
{
	cleanup(free_bio) BIO *text =
	    BIO_new(with_key ? BIO_s_secmem() : BIO_s_mem());
	char path[PATH_SIZE];

	if (text == NULL ||
	    (with_key && PEM_write_bio_PrivateKey(text, id->key, NULL, NULL,
	                     0, NULL, NULL) != 1) ||
	    PEM_write_bio_X509(text, id->cert) != 1)
		return openssl_failed(err, "write a certificate");
	if (make_path(directory, name, path, err) < 0)
		return -1;
	return replace_file(path, with_key ? 0600 : 0644, text, err);
}

/* A file that wants a passphrase is not ours: nobody is asked. */
static int
no_passphrase(char *out, int size, int is_writing, void *ctx)
{
	(void)out;
	(void)size;
	(void)is_writing;
	(void)ctx;
	return -1;
}

/* 1 and both, 0 there is no such file, -1 ERR_PERM: it is damaged. */
static int
read_identity(const char *directory, const char *name, struct identity *out,
    struct err *err)
{
	cleanup(identity_reset) struct identity id = { .key = NULL };
	char path[PATH_SIZE];
	struct stat st;

	if (make_path(directory, name, path, err) < 0)
		return -1;

	cleanup(close_file) FILE *f = fopen(path, "re");

	if (f == NULL)
		return errno == ENOENT ? 0
		                       : err_set(err, ERR_PERM, "open %s: %s",
		                             path, strerror(errno));
	if (fstat(fileno(f), &st) < 0 || (st.st_mode & 077) != 0)
		return err_set(err, ERR_PERM,
		    "%s: others may read this key; give it mode 0600, or "
		    "remove it to get a new one",
		    path);
	id.key = PEM_read_PrivateKey(f, NULL, no_passphrase, NULL);
	id.cert = id.key == NULL
	              ? NULL
	              : PEM_read_X509(f, NULL, no_passphrase, NULL);
	if (id.cert == NULL || X509_check_private_key(id.cert, id.key) != 1) {
		(void)net_tls_reason();
		return err_set(err, ERR_PERM,
		    "%s is damaged; remove it to get a new one", path);
	}
	*out = id;
	id = (struct identity){ .key = NULL };
	return 1;
}

/* ---- what is there, and what is needed ---- */

static bool
has_begun(const X509 *cert, int64_t now)
{
	time_t t = (time_t)now;

	return X509_cmp_time(X509_get0_notBefore(cert), &t) < 0;
}

static bool
lasts_for(const X509 *cert, int64_t now, int days)
{
	time_t t = (time_t)(now + (int64_t)days * DAY);

	return X509_cmp_time(X509_get0_notAfter(cert), &t) > 0;
}

static int
need_ca(const char *directory, int64_t now, struct identity *ca,
    struct net_authority_news *news, struct err *err)
{
	int found = read_identity(directory, CA_KEY_FILE, ca, err);

	if (found < 0)
		return -1;
	/* a clock that went back is no reason to lose the clients' trust */
	if (found == 1 && lasts_for(ca->cert, now, NET_AUTHORITY_LEAF_DAYS))
		return 0;
	identity_reset(ca);
	if (make_identity(NULL, now, ca, err) < 0)
		return -1;
	news->ca = true;
	return write_identity(directory, CA_KEY_FILE, ca, true, err);
}

static bool
is_good_leaf(const struct identity *ca, const struct identity *leaf,
    int64_t now)
{
	bool is = X509_verify(leaf->cert, ca->key) == 1 &&
	          has_begun(leaf->cert, now) &&
	          lasts_for(leaf->cert, now, NET_AUTHORITY_RENEW_DAYS);

	(void)net_tls_reason();
	return is;
}

static int
need_leaf(const char *directory, int64_t now, const struct identity *ca,
    struct net_authority_news *news, struct err *err)
{
	cleanup(identity_reset) struct identity leaf = { .key = NULL };

	/* a damaged one is worth nothing: it is made anew */
	if (read_identity(directory, NET_AUTHORITY_LEAF, &leaf, NULL) == 1 &&
	    is_good_leaf(ca, &leaf, now))
		return 0;
	identity_reset(&leaf);
	if (make_identity(ca, now, &leaf, err) < 0)
		return -1;
	news->leaf = true;
	return write_identity(directory, NET_AUTHORITY_LEAF, &leaf, true, err);
}

/* The public copy follows the authority, whatever has become of it. */
static int
publish(const char *directory, const struct identity *ca, struct err *err)
{
	cleanup(close_file) FILE *f = NULL;
	char path[PATH_SIZE];

	if (make_path(directory, NET_AUTHORITY_CA, path, err) < 0)
		return -1;
	f = fopen(path, "re");

	X509 *there =
	    f == NULL ? NULL : PEM_read_X509(f, NULL, no_passphrase, NULL);
	bool same = there != NULL && X509_cmp(there, ca->cert) == 0;

	X509_free(there);
	(void)net_tls_reason();
	return same ? 0
	            : write_identity(
	                  directory, NET_AUTHORITY_CA, ca, false, err);
}

int
net_authority_prepare(const char *directory, int64_t now,
    struct net_authority_news *news, struct err *err)
{
	cleanup(identity_reset) struct identity ca = { .key = NULL };
	cleanup(close_fd) int lock =
	    open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	*news = (struct net_authority_news){ .ca = false };
	while (lock >= 0 && flock(lock, LOCK_EX) < 0)
		if (errno != EINTR)
			return err_set(err, ERR_TEMP, "lock %s: %s", directory,
			    strerror(errno));
	if (lock < 0)
		return err_set(
		    err, ERR_PERM, "open %s: %s", directory, strerror(errno));
	if (need_ca(directory, now, &ca, news, err) < 0 ||
	    need_leaf(directory, now, &ca, news, err) < 0)
		return -1;
	return publish(directory, &ca, err);
}
