# LOGIN, the name in two ways.
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
C: AUTH	3	LOGIN	service=smtp	nologin	lip=127.0.0.1	rip=192.0.2.1	secured
S: CONT	3	VXNlcm5hbWU6
C: CONT	3	YW5uQGV4YW1wbGUub3Jn
S: CONT	3	UGFzc3dvcmQ6
C: CONT	3	Zm9yLXRlc3RzLW9ubHk=
S: OK	3	user=ann@example.org
C: AUTH	4	LOGIN	service=smtp	nologin	lip=127.0.0.1	rip=192.0.2.1	secured	resp=QW5uQEV4YW1wbGUuT1JH
S: CONT	4	UGFzc3dvcmQ6
C: CONT	4	Zm9yLXRlc3RzLW9ubHk=
S: OK	4	user=ann@example.org
