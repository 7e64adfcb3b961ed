/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* Sealing on save. */
#ifndef DOVECOT_PLUGIN_SEALPOST_SEALER_H
#define DOVECOT_PLUGIN_SEALPOST_SEALER_H

#include "sealpost-sealing.h"

struct istream;
struct mail;
struct mailbox;
struct module;

/* Hooks into every mailbox; without sealpost_seal = yes they do nothing. */
void sealpost_sealer_init(struct module *module);
void sealpost_sealer_deinit(void);

/* The account whose mailbox this is, whatever sealpost_seal says. Returns 1, 0
   if it's the mailbox of no account (also: a public folder), or -1 with the
   storage's error set. */
int sealpost_mailbox_owner(struct mailbox *box,
			   struct sealpost_owner **owner_r);

/* Is this mail sealed to its mailbox's owner already? Returns 1, 0, or -1 with
   the error of the mailbox's storage set. */
int sealpost_mail_is_sealed(struct mail *mail,
			    const struct sealpost_owner *owner);

/* From now on what mailbox_save_begin() and mailbox_copy() put into this
   instance of a mailbox is sealed to its owner or fails, whatever
   sealpost_seal and sealpost_seal_except say. */
void sealpost_mailbox_force(struct mailbox *box);
/* What is sealed on the way into this instance gets this label from now on. */
void sealpost_mailbox_set_label(struct mailbox *box,
				const struct sealpost_label *label);

/* Input is a message with any line ends; read gives it sealed, CRLF. It takes
   over the owner. With label NULL it gets a random one. If sealing fails,
   stream_errno is EIO. */
struct istream *
i_stream_create_sealpost(struct istream *input, struct sealpost_owner *owner,
			 const struct sealpost_label *label,
			 const char *spool_directory);

#endif
