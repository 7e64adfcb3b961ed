# A NUL.
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
C: AUTH	1	PL\0AIN	service=smtp	nologin	lip=127.0.0.1	rip=192.0.2.1	secured
S! end
