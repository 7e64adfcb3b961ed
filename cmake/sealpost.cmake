# SPDX-License-Identifier: MIT

# sealpost_library(NAME [LIBRARY...]): every .c of the current folder that is
# no test, as the static library sealpost_NAME; and its tests.
function(sealpost_library name)
  file(GLOB sources CONFIGURE_DEPENDS *.c)
  list(FILTER sources EXCLUDE REGEX "_test\\.c$")
  add_library(sealpost_${name} STATIC ${sources})
  target_include_directories(sealpost_${name} PUBLIC ${PROJECT_SOURCE_DIR}/lib)
  target_link_libraries(sealpost_${name} PUBLIC ${ARGN})
  sealpost_tests(sealpost_${name})
endfunction()

# Unit tests lie beside their source as x_test.c and are found by name.
function(sealpost_tests target)
  if(NOT BUILD_TESTING)
    return()
  endif()
  file(GLOB found CONFIGURE_DEPENDS *_test.c)
  foreach(src IN LISTS found)
    get_filename_component(name ${src} NAME_WE)
    add_executable(${name} ${src})
    target_link_libraries(${name} PRIVATE ${target} PkgConfig::CMOCKA)
    add_test(NAME ${target}/${name} COMMAND ${name})
    set_tests_properties(${target}/${name} PROPERTIES TIMEOUT 300)
  endforeach()
endfunction()
