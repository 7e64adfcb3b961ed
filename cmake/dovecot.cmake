# SPDX-License-Identifier: MIT
# Finds Dovecot's headers. There is no .pc file: dovecot-config is a shell file
# of KEY="value" lines, beside Dovecot's libraries. Sets DOVECOT_FOUND,
# DOVECOT_INCLUDE_DIR and DOVECOT_SERIES (23 or 24).
set(DOVECOT_FOUND FALSE)
find_file(DOVECOT_CONFIG dovecot-config
  PATHS /usr/lib/dovecot /usr/lib64/dovecot /usr/local/lib/dovecot
  NO_DEFAULT_PATH DOC "the file dovecot-config of Dovecot's headers")
if(NOT DOVECOT_CONFIG)
  set(DOVECOT_MISSING "dovecot-config was not found (Debian: dovecot-dev)")
  return()
endif()

file(STRINGS "${DOVECOT_CONFIG}" lines REGEX "^LIBDOVECOT_INCLUDE=")
string(REGEX REPLACE "^[A-Z_]+=[\"']?-I([^\"' ]*).*" "\\1"
  DOVECOT_INCLUDE_DIR "${lines}")
if(NOT EXISTS "${DOVECOT_INCLUDE_DIR}/config.h")
  set(DOVECOT_MISSING "${DOVECOT_CONFIG} names no folder with headers")
  return()
endif()

file(STRINGS "${DOVECOT_INCLUDE_DIR}/config.h" lines
  REGEX "^#define DOVECOT_ABI_VERSION ")
if(lines MATCHES "\"2\\.([34])\\.ABI")
  set(DOVECOT_SERIES "2${CMAKE_MATCH_1}")
  set(DOVECOT_FOUND TRUE)
else()
  set(DOVECOT_MISSING "this Dovecot is neither 2.3 nor 2.4 (${lines})")
endif()
