/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Sealing for one account with the code of lib/, without headers of Dovecot's.
 * Messages come in pieces of any size, with CRLF line ends. After any call has
 * failed (-1 and a sentence in *error) the object is only good to be freed, and
 * nothing of it may be passed on. Blocks on the disk; plaintext is never on it.
 */
#ifndef DOVECOT_PLUGIN_SEALPOST_SEALING_H
#define DOVECOT_PLUGIN_SEALPOST_SEALING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct sealpost_error {
	char text[512]; /* for the log */
};

/* An account of directory.db with its certificates. */
struct sealpost_owner;

/*
 * Looks the account up; `directory` is the path of directory.db, which is opened
 * and closed again; `address` is brought into normal form. 1 and *out; 0 no
 * such account; -1 when that cannot be known now (or `address` is no address).
 */
int sealpost_owner_find(const char *directory, const char *address,
    struct sealpost_owner **out, struct sealpost_error *error);
void sealpost_owner_free(struct sealpost_owner **op);

/* NULL, or the reason (static text) why no key of the account is usable now. */
const char *sealpost_owner_unusable(const struct sealpost_owner *o);

/*
 * Is the message sealed to one of the owner's keys, expired and revoked ones
 * included? What the milter lets pass as it is. Reads, seals nothing.
 */
struct sealpost_proof;

int sealpost_proof_new(const struct sealpost_owner *owner,
    struct sealpost_proof **out, struct sealpost_error *error);
/* Is it encrypted at all, to whomever? For taking stock only. */
int sealpost_proof_new_for_anyone(
    struct sealpost_proof **out, struct sealpost_error *error);
/* 1 go on, 0 it is not: no more needs to be put. */
int sealpost_proof_put(struct sealpost_proof *p, const void *data, size_t n,
    struct sealpost_error *error);
/* 1 it is, 0 it is not. */
int sealpost_proof_finish(
    struct sealpost_proof *p, struct sealpost_error *error);
/* Has it the marker of what a server sealed? It proves nothing by itself. */
bool sealpost_proof_has_marker(const struct sealpost_proof *p);
void sealpost_proof_free(struct sealpost_proof **pp);

/*
 * What a sealed message can be known by again: 16 octets that are its MIME
 * boundary. It's no proof of anything.
 */
struct sealpost_label {
	uint8_t octets[16];
};
/* Takes the label from the value of Content-Type, if one is there. */
bool sealpost_label_read(
    const char *content_type, struct sealpost_label *label);

/* The sealing of one message. */
struct sealpost_sealing;

/*
 * owner and spool_directory are borrowed, label (NULL = a random one) is copied.
 * Fails when the owner has no usable key. Ciphertext above some megabytes goes
 * into a nameless file in spool_directory.
 */
int sealpost_sealing_new(const struct sealpost_owner *owner,
    const struct sealpost_label *label, const char *spool_directory,
    struct sealpost_sealing **out, struct sealpost_error *error);
int sealpost_sealing_put(struct sealpost_sealing *s, const void *data,
    size_t n, struct sealpost_error *error);
/* *changed: false when it was sealed already and is passed as it came. */
int sealpost_sealing_finish(struct sealpost_sealing *s, bool *changed,
    struct sealpost_error *error);
/* The next octets of the sealed message; 0 at its end. */
ssize_t sealpost_sealing_read(struct sealpost_sealing *s, void *out, size_t n,
    struct sealpost_error *error);
void sealpost_sealing_free(struct sealpost_sealing **sp);

#endif
