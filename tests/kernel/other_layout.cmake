# SPDX-License-Identifier: Apache-2.0
# shuntd once more, as a build with another layout would be: two fields of a frontend's row have changed places, there is
# one map more, and the plan has another version. Only the datapath is compiled again, against two headers that are
# written here from those of bpf/.

set(other ${CMAKE_CURRENT_BINARY_DIR}/other_layout/headers)
set(semicolon ";")  # for what is inserted: in an argument of CMake it would end a list's element

# Writes bpf/NAME with every OLD (a line) replaced by the NEW after it; stops if one is not there.
function(write_other_header name)
  file(READ ${CMAKE_SOURCE_DIR}/bpf/${name} text)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/bpf/${name})
  set(changes ${ARGN})
  while(changes)
    list(POP_FRONT changes old new)
    string(FIND "${text}" "${old}" at)
    if(at EQUAL -1)
      message(FATAL_ERROR "bpf/${name} has no '${old}' to change: adapt tests/kernel/other_layout.cmake")
    endif()
    string(REPLACE "${old}" "${new}" text "${text}")
  endwhile()
  file(CONFIGURE OUTPUT ${other}/bpf/${name} CONTENT "${text}" @ONLY)
endfunction()

write_other_header(abi.h
  "define SHUNT_PLAN_VERSION 1" "define SHUNT_PLAN_VERSION 2"
  "__u32 internal_pool" "__u32 swapped"
  "__u32 affinity_timeout_s" "__u32 internal_pool"
  "__u32 swapped" "__u32 affinity_timeout_s")
write_other_header(maps.h
  "} source_versions SEC(\".maps\") __weak"
  "} source_versions SEC(\".maps\") __weak@semicolon@

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY)@semicolon@
	__uint(max_entries, 1)@semicolon@
	__type(key, __u32)@semicolon@
	__type(value, __u64)@semicolon@
} other_layout SEC(\".maps\") __weak")

shunt_bpf_object(link_iter VARIANT other_layout INCLUDES ${other} SOURCES ../../bpf/link_iter.bpf.c)
shunt_bpf_object(sock VARIANT other_layout INCLUDES ${other} SOURCES ../../bpf/socket/sock.bpf.c)
shunt_bpf_object(sock_iter VARIANT other_layout INCLUDES ${other} SOURCES ../../bpf/socket/sock_iter.bpf.c)
shunt_bpf_object(sweep VARIANT other_layout INCLUDES ${other} SOURCES ../../bpf/packet/sweep.bpf.c)
shunt_bpf_object(tc VARIANT other_layout INCLUDES ${other} SOURCES ../../bpf/packet/tc.bpf.c)

set(sources)
foreach(library shunt_datapath shunt_datapath_kernel)
  get_target_property(directory ${library} SOURCE_DIR)
  get_target_property(names ${library} SOURCES)
  list(FILTER names INCLUDE REGEX "\\.cc$")
  foreach(name ${names})
    cmake_path(ABSOLUTE_PATH name BASE_DIRECTORY ${directory} NORMALIZE)
    list(APPEND sources ${name})
  endforeach()
endforeach()
add_library(shunt_other_layout OBJECT ${sources})
target_include_directories(shunt_other_layout BEFORE PRIVATE ${other})
target_link_libraries(shunt_other_layout PRIVATE other_layout_link_iter_skeleton other_layout_sock_skeleton
  other_layout_sock_iter_skeleton other_layout_sweep_skeleton other_layout_tc_skeleton shunt_flags shunt_model
  shunt_report shunt_posix absl::btree absl::flat_hash_map absl::flat_hash_set absl::hash absl::inlined_vector
  absl::span absl::status absl::statusor absl::strings Threads::Threads)
shunt_precompile(shunt_other_layout library)

# The objects define everything that the archives of the datapath do, so the linker takes nothing from those.
add_executable(shuntd_other_layout ${CMAKE_SOURCE_DIR}/userspace/agent/main.cc)
target_link_libraries(shuntd_other_layout PRIVATE shunt_flags shunt_other_layout shunt_agent PkgConfig::LIBBPF)
