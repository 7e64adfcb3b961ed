C: size=1\0
S! end
D:
