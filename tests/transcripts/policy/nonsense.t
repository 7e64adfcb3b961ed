# The answer that is due, and the end.
C: protocol_state=END-OF-MESSAGE
C: instance=a
C: size=3
C: recipient_count=1
C:
C: EHLO client.example.net
S: action=DUNNO
S:
S! end
D: "" 1 1 3
