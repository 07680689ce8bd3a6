# SPDX-License-Identifier: Apache-2.0
# BPF objects: clang for the BPF target (CPU v3), linked by bpftool into one object with one skeleton.

find_program(SHUNT_CLANG NAMES clang-19 clang-18 clang-17 clang-16 clang-15 clang-14 clang REQUIRED)
find_program(SHUNT_BPFTOOL NAMES bpftool PATHS /usr/sbin /sbin REQUIRED)

# As in user space: a warning of another clang must not keep its user from a program.
set(SHUNT_BPF_WERROR)
if(SHUNT_WERROR AND SHUNT_CLANG MATCHES "clang-19$")
  set(SHUNT_BPF_WERROR -Werror)
endif()

# shunt_bpf_object(NAME SOURCES...): builds NAME.bpf.o and the header NAME.skel.h in the current binary directory; the
# interface library NAME_skeleton puts the header on the include path.
function(shunt_bpf_object name)
  cmake_parse_arguments(ARG "" "" "SOURCES" ${ARGN})
  set(parts)
  foreach(source ${ARG_SOURCES})
    get_filename_component(base ${source} NAME_WE)
    set(part ${CMAKE_CURRENT_BINARY_DIR}/${name}.dir/${base}.o)
    # -mcpu=v3 has atomics and 32-bit jumps, which every kernel since 5.12 knows.
    add_custom_command(OUTPUT ${part}
      COMMAND ${SHUNT_CLANG} -target bpf -mcpu=v3 -O2 -g -std=gnu17
              -Wall -Wextra ${SHUNT_BPF_WERROR} -Wno-unused-parameter
              -I${CMAKE_SOURCE_DIR} -I/usr/include/${CMAKE_LIBRARY_ARCHITECTURE}
              -MD -MF ${part}.d -MT ${part} -c ${CMAKE_CURRENT_SOURCE_DIR}/${source} -o ${part}
      DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${source}
      DEPFILE ${part}.d
      COMMENT "BPF ${source}" VERBATIM)
    list(APPEND parts ${part})
  endforeach()
  file(MAKE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/${name}.dir)
  set(object ${CMAKE_CURRENT_BINARY_DIR}/${name}.bpf.o)
  set(skeleton ${CMAKE_CURRENT_BINARY_DIR}/${name}.skel.h)
  add_custom_command(OUTPUT ${object} ${skeleton}
    COMMAND ${SHUNT_BPFTOOL} gen object ${object} ${parts}
    COMMAND ${SHUNT_BPFTOOL} gen skeleton ${object} name ${name} > ${skeleton}
    DEPENDS ${parts} COMMENT "BPF object ${name}" VERBATIM)
  add_custom_target(${name}_object DEPENDS ${object} ${skeleton})
  add_library(${name}_skeleton INTERFACE)
  add_dependencies(${name}_skeleton ${name}_object)
  target_include_directories(${name}_skeleton SYSTEM INTERFACE ${CMAKE_CURRENT_BINARY_DIR})
  target_link_libraries(${name}_skeleton INTERFACE PkgConfig::LIBBPF)
endfunction()
