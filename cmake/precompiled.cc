// SPDX-License-Identifier: Apache-2.0
// The only source of the targets in ShuntPrecompiled.cmake, which exist for their headers: a target needs a source.
int main() {
  return 0;
}
