# Half a request is none.
C: protocol_state=END-OF-MESSAGE
C- instance=a
C! end
S! end
D:
