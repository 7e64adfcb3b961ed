# All failures are alike.
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
C: AUTH	1	PLAIN	service=smtp	nologin	lip=127.0.0.1	rip=192.0.2.1	secured	resp=AGFubkBleGFtcGxlLm9yZwB3cm9uZw==
S: FAIL	1
C: AUTH	2	PLAIN	service=smtp	nologin	lip=127.0.0.1	rip=192.0.2.1	secured	resp=AGV2ZUBleGFtcGxlLm9yZwBmb3ItdGVzdHMtb25seQ==
S: FAIL	2
C: AUTH	3	PLAIN	service=smtp	nologin	lip=127.0.0.1	rip=192.0.2.1	secured	resp=AG9mZkBleGFtcGxlLm9yZwBmb3ItdGVzdHMtb25seQ==
S: FAIL	3
C: AUTH	4	PLAIN	service=smtp	nologin	lip=127.0.0.1	rip=192.0.2.1	secured	resp=AHNjcmFtQGV4YW1wbGUub3JnAGZvci10ZXN0cy1vbmx5
S: FAIL	4
C: AUTH	5	PLAIN	service=smtp	nologin	lip=127.0.0.1	rip=192.0.2.1	secured	resp=AG5vIGFkZHJlc3MAZm9yLXRlc3RzLW9ubHk=
S: FAIL	5
C: AUTH	6	PLAIN	service=smtp	nologin	lip=127.0.0.1	rip=192.0.2.1	secured	resp=%%%%
S: FAIL	6
C: AUTH	8	PLAIN	service=smtp	nologin	lip=127.0.0.1	rip=192.0.2.1	secured	resp=AAAA
S: FAIL	8
C: AUTH	9	PLAIN	service=smtp	nologin	lip=127.0.0.1	rip=192.0.2.1	secured	resp=Ym9iAGFubkBleGFtcGxlLm9yZwBmb3ItdGVzdHMtb25seQ==
S: FAIL	9
C: AUTH	20	CRAM-MD5	service=smtp	nologin	lip=127.0.0.1	rip=192.0.2.1	secured
S: FAIL	20
C: AUTH	21	SCRAM-SHA-256-PLUS	service=smtp	nologin	lip=127.0.0.1	rip=192.0.2.1	secured
S: FAIL	21
C: AUTH	22	SCRAM-SHA-256	service=smtp	nologin	lip=127.0.0.1	rip=192.0.2.1	secured	resp=cD10bHMtdW5pcXVlLCxuPWEscj1i
S: FAIL	22
