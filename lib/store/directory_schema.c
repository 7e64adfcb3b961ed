/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * The tables of directory.db. They are an interface: Postfix's sqlite maps and
 * Dovecot's userdb query them (read-only). Columns are added by a new step and
 * never change their meaning. Addresses are in normal form (mail/address.h),
 * truth is 0 or 1, times are seconds since the epoch, 0 = never.
 *
 * domains(domain)
 *	The mail domains of this server.
 * aliases(address, target, domain)
 *	One row a target. `domain` is the address's, one of ours; targets may
 *	lie anywhere. When the address is an account's, one of its targets is
 *	the account.
 * accounts(address, domain, enabled, protect_subject, quota_octets,
 *     mechanisms, created)
 *	quota_octets 0 = none; mechanisms "" = all that are configured.
 * certificates(id, address, fingerprint, created, expires, revoked, user_ids,
 *     data, added)
 *	Several an account. fingerprint in upper-case hexadecimal, data is the
 *	binary certificate, user_ids are for display, one a line.
 * subkeys(id, certificate, fingerprint, version, algorithm, created, expires,
 *     revoked, seipd2, packet)
 *	The vetted encryption subkeys; algorithm as RFC 9580 numbers it, packet
 *	is the body of the Public-Subkey packet.
 * usable_recipients(address)
 *	A view: enabled accounts to which mail can be sealed now, by the rule of
 *	pgp_usable_subkey() (a certificate may be from 600 s in the future).
 *
 * The file may be opened by readers that may write neither it nor its folder;
 * which journal mode serves them is told in guard.h.
 */

#include "store/directory_schema.h"

/* STRICT needs SQLite 3.37 in readers too. */
static const char version_1[] =
    "CREATE TABLE domains("
    "  domain TEXT NOT NULL PRIMARY KEY"
    ") STRICT, WITHOUT ROWID;"

    "CREATE TABLE aliases("
    "  address TEXT NOT NULL"
    "    CHECK (substr(address, -length(domain) - 1) = '@' || domain"
    "      AND length(address) > length(domain) + 1),"
    "  target TEXT NOT NULL,"
    "  domain TEXT NOT NULL REFERENCES domains(domain),"
    "  PRIMARY KEY (address, target)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX aliases_domain ON aliases(domain);"

    "CREATE TABLE accounts("
    "  address TEXT NOT NULL PRIMARY KEY"
    "    CHECK (substr(address, -length(domain) - 1) = '@' || domain"
    "      AND length(address) > length(domain) + 1),"
    "  domain TEXT NOT NULL REFERENCES domains(domain),"
    "  enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)),"
    "  protect_subject INTEGER NOT NULL CHECK (protect_subject IN (0, 1)),"
    "  quota_octets INTEGER NOT NULL CHECK (quota_octets >= 0),"
    "  mechanisms TEXT NOT NULL,"
    "  created INTEGER NOT NULL"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX accounts_domain ON accounts(domain);"

    "CREATE TABLE certificates("
    "  id INTEGER NOT NULL PRIMARY KEY,"
    "  address TEXT NOT NULL"
    "    REFERENCES accounts(address) ON DELETE CASCADE,"
    "  fingerprint TEXT NOT NULL,"
    "  created INTEGER NOT NULL,"
    "  expires INTEGER NOT NULL,"
    "  revoked INTEGER NOT NULL CHECK (revoked IN (0, 1)),"
    "  user_ids TEXT NOT NULL,"
    "  data BLOB NOT NULL,"
    "  added INTEGER NOT NULL,"
    "  UNIQUE (address, fingerprint)"
    ") STRICT;"

    "CREATE TABLE subkeys("
    "  id INTEGER NOT NULL PRIMARY KEY,"
    "  certificate INTEGER NOT NULL"
    "    REFERENCES certificates(id) ON DELETE CASCADE,"
    "  fingerprint BLOB NOT NULL,"
    "  version INTEGER NOT NULL,"
    "  algorithm INTEGER NOT NULL,"
    "  created INTEGER NOT NULL,"
    "  expires INTEGER NOT NULL,"
    "  revoked INTEGER NOT NULL CHECK (revoked IN (0, 1)),"
    "  seipd2 INTEGER NOT NULL CHECK (seipd2 IN (0, 1)),"
    "  packet BLOB NOT NULL"
    ") STRICT;"
    "CREATE INDEX subkeys_certificate ON subkeys(certificate);"

    "CREATE VIEW usable_recipients(address) AS"
    "  WITH clock(now) AS (SELECT CAST(strftime('%s', 'now') AS INTEGER))"
    "  SELECT a.address FROM accounts AS a, clock"
    "  WHERE a.enabled AND EXISTS (SELECT 1"
    "    FROM certificates AS c JOIN subkeys AS s ON s.certificate = c.id"
    "    WHERE c.address = a.address"
    "      AND NOT c.revoked AND (c.expires = 0 OR c.expires > now)"
    "      AND c.created <= now + 600"
    "      AND NOT s.revoked AND (s.expires = 0 OR s.expires > now)"
    "      AND s.created <= now + 600);";

static const char *const steps[] = { version_1 };

#define ACCOUNT_COLUMNS                                                 \
	"address, enabled, protect_subject, quota_octets, mechanisms, " \
	"created"

/*
 * ALIAS_CIRCLE: does ?2 lead back to ?1? An address that is among its own
 * targets is not followed, as Postfix does not expand it again.
 */
static const char *const statements[DIRECTORY_STATEMENT_COUNT] = {
	[DOMAIN_ADD] = "INSERT INTO domains(domain) VALUES (?1)",
	[DOMAIN_REMOVE] = "DELETE FROM domains WHERE domain = ?1",
	[DOMAIN_LIST] = "SELECT domain FROM domains ORDER BY domain",
	[DOMAIN_FIND] = "SELECT 1 FROM domains WHERE domain = ?1",
	[DOMAIN_IN_USE] =
	    "SELECT address FROM accounts WHERE domain = ?1 UNION ALL "
	    "SELECT address FROM aliases WHERE domain = ?1 LIMIT 1",
	[ALIAS_ADD] = "INSERT INTO aliases(address, target, domain) "
		      "VALUES (?1, ?2, ?3)",
	[ALIAS_REMOVE] =
	    "DELETE FROM aliases WHERE address = ?1 AND target = ?2",
	[ALIAS_REMOVE_ALL] = "DELETE FROM aliases WHERE address = ?1",
	[ALIAS_LIST] = "SELECT address, target FROM aliases "
		       "WHERE address = ?1 ORDER BY target",
	[ALIAS_LIST_ALL] = "SELECT address, target FROM aliases "
			   "ORDER BY address, target",
	[ALIAS_FIND] = "SELECT 1 FROM aliases WHERE address = ?1 LIMIT 1",
	[ALIAS_HAS_TARGET] =
	    "SELECT 1 FROM aliases WHERE address = ?1 AND target = ?2",
	[ALIAS_CIRCLE] =
	    "WITH RECURSIVE reached(address) AS ("
	    "  VALUES (?2) UNION"
	    "  SELECT x.target FROM reached AS r"
	    "  JOIN aliases AS x ON x.address = r.address"
	    "  WHERE NOT EXISTS (SELECT 1 FROM aliases AS own"
	    "    WHERE own.address = r.address AND own.target = r.address))"
	    "SELECT 1 FROM reached WHERE address = ?1",
	[ACCOUNT_ADD] = "INSERT INTO accounts(" ACCOUNT_COLUMNS ", domain) "
			"VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
	[ACCOUNT_UPDATE] =
	    "UPDATE accounts SET enabled = ?2, protect_subject = ?3, "
	    "quota_octets = ?4, mechanisms = ?5 WHERE address = ?1",
	[ACCOUNT_REMOVE] = "DELETE FROM accounts WHERE address = ?1",
	[ACCOUNT_FIND] =
	    "SELECT " ACCOUNT_COLUMNS " FROM accounts WHERE address = ?1",
	[ACCOUNT_LIST] =
	    "SELECT " ACCOUNT_COLUMNS " FROM accounts ORDER BY address",
	[CERT_ADD] = "INSERT INTO certificates(address, fingerprint, created, "
		     "expires, revoked, user_ids, data, added) "
		     "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
	[CERT_REMOVE] = "DELETE FROM certificates "
			"WHERE address = ?1 AND fingerprint = ?2",
	[CERT_LIST] =
	    "SELECT id, fingerprint, created, expires, revoked, user_ids, "
	    "data FROM certificates WHERE address = ?1 "
	    "ORDER BY created DESC, id DESC",
	[SUBKEY_ADD] = "INSERT INTO subkeys(certificate, fingerprint, version, "
		       "algorithm, created, expires, revoked, seipd2, packet) "
		       "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
	[SUBKEY_LIST] =
	    "SELECT fingerprint, version, algorithm, created, expires, "
	    "revoked, seipd2, packet FROM subkeys WHERE certificate = ?1 "
	    "ORDER BY created DESC, id",
};

const struct database_schema directory_schema = {
	.name = "directory",
	.application_id = 0x53504c44, /* "SPLD" */
	.steps = steps,
	.step_count = countof(steps),
	.statements = statements,
	.statement_count = DIRECTORY_STATEMENT_COUNT,
	.file_mode = 0644,
	.busy_timeout_ms = 1000,
	.journal = JOURNAL_ROLLBACK,
};
