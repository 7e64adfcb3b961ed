C: =value
S! end
