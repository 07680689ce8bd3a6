# SPDX-License-Identifier: Apache-2.0
# BPF objects: clang for the BPF target (CPU v3), linked by bpftool into one object with one skeleton.

find_program(SHUNT_CLANG NAMES clang-19 clang-18 clang-17 clang-16 clang-15 clang-14 clang REQUIRED)
find_program(SHUNT_BPFTOOL NAMES bpftool PATHS /usr/sbin /sbin REQUIRED)

# As in user space: a warning of another clang must not keep its user from a program.
set(SHUNT_BPF_WERROR)
if(SHUNT_WERROR AND SHUNT_CLANG MATCHES "clang-19$")
  set(SHUNT_BPF_WERROR -Werror)
endif()

# shunt_bpf_object(NAME SOURCES... [VARIANT name INCLUDES...]): builds NAME.bpf.o and the header NAME.skel.h in the
# current binary directory; the interface library NAME_skeleton puts the header on the include path. A variant of an
# object that exists has its directories of headers searched first, a directory of its own for what it builds, and the
# variant's name before those of its targets.
function(shunt_bpf_object name)
  cmake_parse_arguments(ARG "" "VARIANT" "SOURCES;INCLUDES" ${ARGN})
  set(directory ${CMAKE_CURRENT_BINARY_DIR})
  set(target ${name})
  if(ARG_VARIANT)
    set(directory ${directory}/${ARG_VARIANT})
    set(target ${ARG_VARIANT}_${name})
  endif()
  list(TRANSFORM ARG_INCLUDES PREPEND -I)
  set(parts)
  foreach(source ${ARG_SOURCES})
    get_filename_component(base ${source} NAME_WE)
    set(part ${directory}/${name}.dir/${base}.o)
    # -mcpu=v3 has atomics and 32-bit jumps, which every kernel since 5.12 knows.
    add_custom_command(OUTPUT ${part}
      COMMAND ${SHUNT_CLANG} -target bpf -mcpu=v3 -O2 -g -std=gnu17
              -Wall -Wextra ${SHUNT_BPF_WERROR} -Wno-unused-parameter
              ${ARG_INCLUDES} -I${CMAKE_SOURCE_DIR} -I/usr/include/${CMAKE_LIBRARY_ARCHITECTURE}
              -MD -MF ${part}.d -MT ${part} -c ${CMAKE_CURRENT_SOURCE_DIR}/${source} -o ${part}
      DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${source}
      DEPFILE ${part}.d
      COMMENT "BPF ${source}" VERBATIM)
    list(APPEND parts ${part})
  endforeach()
  file(MAKE_DIRECTORY ${directory}/${name}.dir)
  set(object ${directory}/${name}.bpf.o)
  set(skeleton ${directory}/${name}.skel.h)
  add_custom_command(OUTPUT ${object} ${skeleton}
    COMMAND ${SHUNT_BPFTOOL} gen object ${object} ${parts}
    COMMAND ${SHUNT_BPFTOOL} gen skeleton ${object} name ${name} > ${skeleton}
    DEPENDS ${parts} COMMENT "BPF object ${name}" VERBATIM)
  add_custom_target(${target}_object DEPENDS ${object} ${skeleton})
  add_library(${target}_skeleton INTERFACE)
  add_dependencies(${target}_skeleton ${target}_object)
  target_include_directories(${target}_skeleton SYSTEM INTERFACE ${directory})
  target_link_libraries(${target}_skeleton INTERFACE PkgConfig::LIBBPF)
endfunction()
