# SPDX-License-Identifier: Apache-2.0
# Compiler settings of everything that runs in user space, and the functions that declare libraries and binaries.

include(CheckLinkerFlag)
include(CheckPIESupported)
include(GNUInstallDirs)

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 17)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
check_pie_supported()

set(SHUNT_SANITIZE "" CACHE STRING "Sanitizers to build with: empty, address (and undefined), thread")
option(SHUNT_FUZZ "Build the fuzz targets (clang only)" OFF)
option(SHUNT_WERROR "Warnings of the compilers that CI has are errors" OFF)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif()
find_program(SHUNT_CCACHE ccache)
if(SHUNT_CCACHE AND NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
  # Without pch_defines, objects with precompiled headers are not cached.
  set(CMAKE_C_COMPILER_LAUNCHER
    ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
    ${SHUNT_CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_C_COMPILER_LAUNCHER})
endif()

find_package(Threads REQUIRED)
find_package(GTest REQUIRED)
find_package(absl REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(LIBBPF REQUIRED IMPORTED_TARGET libbpf>=1.1)

# Other compilers have other warnings, which must not stop a user's build.
set(warnings_are_errors FALSE)
if(SHUNT_WERROR AND ((CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION MATCHES "^12\\.")
                     OR (CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND CMAKE_CXX_COMPILER_VERSION MATCHES "^19\\.")))
  set(warnings_are_errors TRUE)
endif()

add_library(shunt_flags INTERFACE)
target_compile_options(shunt_flags INTERFACE
  -pthread -Wall -Wextra -Wshadow -Wvla -Wnon-virtual-dtor -Wno-missing-field-initializers
  $<$<BOOL:${warnings_are_errors}>:-Werror>
  -fstack-protector-strong -fstack-clash-protection -fno-omit-frame-pointer)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 finds uninitialized parts of std::variant and absl::Cleanup where there are none, others at each level of
  # optimization. clang's analysis, which does not depend on the optimizer, stays on for the fuzz build.
  target_compile_options(shunt_flags INTERFACE -Wno-maybe-uninitialized)
endif()
target_compile_definitions(shunt_flags INTERFACE _GLIBCXX_ASSERTIONS)
target_include_directories(shunt_flags INTERFACE ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR})
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64")
  target_compile_options(shunt_flags INTERFACE -fcf-protection)
endif()
if(NOT CMAKE_BUILD_TYPE STREQUAL "Debug" AND NOT SHUNT_SANITIZE AND NOT SHUNT_FUZZ)
  # Undefined first, because Debian's compilers may define it at another level.
  target_compile_options(shunt_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
endif()
target_link_options(shunt_flags INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed)

if(NOT CMAKE_BUILD_TYPE STREQUAL "Release")
  check_linker_flag(CXX -fuse-ld=mold SHUNT_LINKS_WITH_MOLD)
  if(SHUNT_LINKS_WITH_MOLD)
    add_link_options(-fuse-ld=mold)
  endif()
endif()

if(SHUNT_SANITIZE STREQUAL "address")
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=undefined)
  add_link_options(-fsanitize=address,undefined)
elseif(SHUNT_SANITIZE STREQUAL "thread")
  add_compile_options(-fsanitize=thread)
  add_link_options(-fsanitize=thread)
elseif(SHUNT_SANITIZE)
  message(FATAL_ERROR "SHUNT_SANITIZE=${SHUNT_SANITIZE}: expected empty, address or thread")
endif()
if(SHUNT_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    message(FATAL_ERROR "SHUNT_FUZZ needs clang, this is ${CMAKE_CXX_COMPILER}: use `cmake --preset fuzz`")
  endif()
  add_compile_options(-fsanitize=fuzzer-no-link)
  add_compile_options(-Wno-deprecated-declarations)  # clang finds them in libstdc++ 12's own std::stable_sort
endif()

# #include "shunt_version.h" has the version of project(), for `shuntd version` and the like.
configure_file(${CMAKE_SOURCE_DIR}/cmake/shunt_version.h.in ${CMAKE_BINARY_DIR}/shunt_version.h @ONLY)

# shunt_library(NAME SOURCES... [DEPS...]): the static library of one room.
function(shunt_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC shunt_flags ${ARG_DEPS})
  shunt_precompile(${name} library)
endfunction()

# shunt_binary(NAME SOURCES... [DEPS...]): an executable.
function(shunt_binary name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE shunt_flags ${ARG_DEPS})
endfunction()
