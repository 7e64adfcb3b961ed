# Two requests on one connection, as Dovecot's own clients make them.
S: VERSION	1	2
S: MECH	PLAIN	plaintext
S: MECH	LOGIN	plaintext
S: MECH	SCRAM-SHA-256	mutual-auth
S: SPID	*
S: CUID	*
S: COOKIE	*
S: DONE
C: VERSION	1	0
C: CPID	77
C: AUTH	1	LOGIN	service=smtp	nologin	lip=127.0.0.1	rip=192.0.2.1	secured
S: CONT	1	VXNlcm5hbWU6
C: AUTH	2	PLAIN	service=smtp	nologin	lip=127.0.0.1	rip=192.0.2.1	secured	resp=AGFubkBleGFtcGxlLm9yZwBmb3ItdGVzdHMtb25seQ==
S: OK	2	user=ann@example.org
C: CONT	1	YW5uQGV4YW1wbGUub3Jn
S: CONT	1	UGFzc3dvcmQ6
C: CONT	1	Zm9yLXRlc3RzLW9ubHk=
S: OK	1	user=ann@example.org
