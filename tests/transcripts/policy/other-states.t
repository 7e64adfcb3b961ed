# Whatever is no end of a message is answered and not counted.
C: request=smtpd_access_policy
C: protocol_state=RCPT
C: sasl_username=ann@example.org
C: instance=a
C: recipient_count=0
C: size=10
C:
S: action=DUNNO
S:
C: request=something else
C: unknown=\xff\x01 \t=
C:
S: action=DUNNO
S:
C:
S: action=DUNNO
S:
D:
C! end
S! end
