# SPDX-License-Identifier: Apache-2.0
# Compiler settings of everything that runs in user space, and the two ways to declare a target.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 17)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

set(SHUNT_SANITIZE "" CACHE STRING "Sanitizers to build with: empty, address, thread")
option(SHUNT_FUZZ "Build the fuzz targets (clang only)" OFF)

find_package(Threads REQUIRED)
find_package(absl REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(LIBBPF REQUIRED IMPORTED_TARGET libbpf)

add_library(shunt_flags INTERFACE)
target_compile_options(shunt_flags INTERFACE
  -Wall -Wextra -Werror -Wshadow -Wvla -Wnon-virtual-dtor -Wno-missing-field-initializers
  -fstack-protector-strong -fno-omit-frame-pointer)
target_include_directories(shunt_flags INTERFACE ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR})
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64")
  target_compile_options(shunt_flags INTERFACE -fcf-protection)
endif()
if(CMAKE_BUILD_TYPE STREQUAL "Release" OR CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
  if(NOT SHUNT_SANITIZE AND NOT SHUNT_FUZZ)
    target_compile_options(shunt_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
  endif()
endif()
target_link_options(shunt_flags INTERFACE -Wl,-z,relro,-z,now)
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
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# shunt_library(NAME SOURCES... [DEPS...]): a static library of one house's room.
function(shunt_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC shunt_flags ${ARG_DEPS})
endfunction()

# shunt_binary(NAME SOURCES... [DEPS...])
function(shunt_binary name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE shunt_flags ${ARG_DEPS})
endfunction()
