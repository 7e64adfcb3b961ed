# What Postfix 3.7 sends, with and without an initial response.
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
C: AUTH	1	PLAIN	service=smtp	nologin	lip=127.0.0.1	rip=192.0.2.1	secured	resp=AGFubkBleGFtcGxlLm9yZwBmb3ItdGVzdHMtb25seQ==
S: OK	1	user=ann@example.org
C: AUTH	2	PLAIN	service=smtp	nologin	lip=127.0.0.1	rip=192.0.2.1	secured
S: CONT	2	
C: CONT	2	AGFubkBleGFtcGxlLm9yZwBmb3ItdGVzdHMtb25seQ==
S: OK	2	user=ann@example.org
C! end
S! end
