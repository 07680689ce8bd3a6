# SPDX-License-Identifier: Apache-2.0
# The newest clang that is installed, for user space: the fuzz preset needs libFuzzer.
find_program(SHUNT_TOOLCHAIN_CLANG NAMES clang-19 clang-18 clang-17 clang-16 clang-15 clang-14 clang REQUIRED)
string(REGEX REPLACE "clang(-[0-9]+)?$" "clang++\\1" SHUNT_TOOLCHAIN_CLANGXX ${SHUNT_TOOLCHAIN_CLANG})
set(CMAKE_C_COMPILER ${SHUNT_TOOLCHAIN_CLANG})
set(CMAKE_CXX_COMPILER ${SHUNT_TOOLCHAIN_CLANGXX})
