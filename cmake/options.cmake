# SPDX-License-Identifier: MIT
# How everything is compiled.

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON) # POSIX and GNU functions
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()

option(SEALPOST_ASAN "AddressSanitizer and UndefinedBehaviorSanitizer" OFF)
option(SEALPOST_TSAN "ThreadSanitizer" OFF)
option(SEALPOST_FUZZ "libFuzzer harnesses (needs clang)" OFF)
option(SEALPOST_WERROR "Warnings are errors" OFF)

add_compile_definitions(_GNU_SOURCE)
add_compile_options(
  -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes
  -Wpointer-arith -Wcast-qual -Wwrite-strings -Wformat=2 -Wundef
  -Wvla -Wnull-dereference -fno-common -fstack-protector-strong
  -fstack-clash-protection)
if(CMAKE_BUILD_TYPE MATCHES "Rel" AND NOT SEALPOST_ASAN AND NOT SEALPOST_TSAN)
  add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
endif()
add_link_options(-Wl,-z,relro -Wl,-z,now)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
if(NOT SEALPOST_FUZZ)
  add_link_options($<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>:-pie>)
endif()
if(SEALPOST_WERROR)
  add_compile_options(-Werror)
endif()
if(SEALPOST_ASAN)
  add_compile_options(-fsanitize=address,undefined -fno-omit-frame-pointer
    -fno-sanitize-recover=all)
  add_link_options(-fsanitize=address,undefined)
elseif(SEALPOST_TSAN)
  add_compile_options(-fsanitize=thread)
  add_link_options(-fsanitize=thread)
endif()
