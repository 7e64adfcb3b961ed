# A password without TLS is refused, SCRAM is not.
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
C: AUTH	1	PLAIN	service=smtp	rip=192.0.2.1	resp=AGFubkBleGFtcGxlLm9yZwBmb3ItdGVzdHMtb25seQ==
S: FAIL	1
C: AUTH	2	LOGIN	service=smtp	rip=192.0.2.1
S: FAIL	2
# what follows resp= is a stranger's text, and no parameter
C: AUTH	3	PLAIN	service=smtp	resp=AGFubkBleGFtcGxlLm9yZwBmb3ItdGVzdHMtb25seQ==	secured
S: FAIL	3
C: AUTH	4	SCRAM-SHA-256	service=smtp	rip=192.0.2.1
S: CONT	4	
C: CANCEL	4
C: CONT	4	AAAA
S: FAIL	4
