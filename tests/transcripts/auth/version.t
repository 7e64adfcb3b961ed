# Another version of the protocol.
S: VERSION	1	2
S: ...
S: DONE
C: VERSION	2	0
S! end
