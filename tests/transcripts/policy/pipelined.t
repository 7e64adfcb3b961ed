# Three requests in a row; the second is for the message of the first.
C: protocol_state=END-OF-MESSAGE
C: sasl_username=ann@example.org
C: recipient_count=1
C: instance=a
C: size=10
C:
C: size=10
C: instance=a
C: recipient_count=1
C: sasl_username=ann@example.org
C: protocol_state=END-OF-MESSAGE
C:
C: protocol_state=END-OF-MESSAGE
C: recipient_count=4
C: instance=b
C: size=5
C:
C! end
S: action=DUNNO
S:
S: action=DUNNO
S:
S: action=DUNNO
S:
S! end
D: ann@example.org 1 1 10
D: "" 1 4 5
