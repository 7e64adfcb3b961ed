/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Every limit on foreign input, in octets or in pieces. A buffer that is fed
 * from outside is born with one of these.
 */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

enum {
	LIMIT_ADDRESS = 320 * 3,        /* RFC 5321: 64 + 1 + 255, and UTF-8 */
	LIMIT_CONF_FILE = 256 << 10,
	LIMIT_CONF_LINE = 1000,
	LIMIT_CERTIFICATE = 1 << 20,    /* one certificate, binary */
	LIMIT_CERTIFICATE_PACKETS = 16 << 10,
	LIMIT_HEADER = 8 << 20,         /* the header block of one message */
	LIMIT_HEADER_FIELDS = 20000,
	LIMIT_HEAD = 16 << 20,          /* the sealed header record, decoded */
	LIMIT_SPOOL_MEMORY = 1 << 20,   /* more ciphertext goes to a file */
	LIMIT_SUBJECT = 64 << 10,       /* a longer one is always protected */
	LIMIT_MIME_VALUE = 16 << 10,    /* a Content-Type field and the like */
	LIMIT_MIME_PARAMETER = 1024,    /* one parameter of it */
	LIMIT_MIME_PARAMETERS = 32,
	LIMIT_PKESK_PACKETS = 64,       /* recipients of a foreign message */
	LIMIT_PACKET_BODY = 16 << 10,   /* PKESK, SKESK, key packets */
	LIMIT_SUBKEYS = 64,             /* encryption subkeys of one certificate */
	LIMIT_ARMOR_LINE = 1000,        /* RFC 5321: 998 and CRLF */
	LIMIT_PASSWORD = 1024,
	LIMIT_AUTH_LINE = 16 << 10,     /* Postfix passes on up to 12,288 octets */
	LIMIT_AUTH_PENDING = 32,        /* unfinished requests a connection */
	LIMIT_SASL_NONCE = 256,         /* a SCRAM client's */
	LIMIT_MECHANISMS = 200,         /* SASL mechanisms of one account */
	LIMIT_VERIFIER = 1024,
	LIMIT_VAULT = 1 << 20,          /* a protected private key, armored */
	LIMIT_ENROLMENT = 4 << 20,      /* an enrolment file */
	LIMIT_POLICY_REQUEST = 16 << 10, /* attributes of one question */
	LIMIT_IMAP_LINE = 64 << 10,     /* a client's command without literals */
	LIMIT_IMAP_COMMAND = 2 << 20,   /* with literals, messages aside */
	LIMIT_IMAP_LOGIN = 16 << 10,    /* a command before login */
	LIMIT_IMAP_RESPONSE = 16 << 20, /* a server's, messages aside */
	LIMIT_IMAP_ITEMS = 1000,        /* of one FETCH */
	LIMIT_IMAP_MESSAGES = 4 << 20,  /* of one FETCH of bodies */
	LIMIT_IMAP_PATH = 64,           /* part numbers in BODY[1.2.3] */
	LIMIT_STORE_LIST = 256 << 20,   /* domains or aliases, as text */
	LIMIT_MESSAGE_FILE = 1 << 30,   /* what a command line filter takes */
	LIMIT_SEARCH_PROGRAM = 60000,   /* Dovecot takes a line of 65,536 */
	LIMIT_SEARCH_KEYS = 1000,
	LIMIT_SEARCH_DEPTH = 50,
	LIMIT_MIME_PARTS = 10000,       /* of one message, in its structure */
	LIMIT_MIME_DEPTH = 100,
};

#endif
