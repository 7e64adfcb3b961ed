# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The sealpost authors
#
# The sample configuration, made the one that packages install: each daemon
# runs as the user of its own that the package makes.
/^\[/ { section = substr($0, 2, length($0) - 2) }
/^#user =$/ { $0 = "user = sealpost-" section }
{ print }
