// SPDX-License-Identifier: Apache-2.0
// A target needs a source: ShuntPrecompiled.cmake wants only the headers of those that have this one.
int main() {
  return 0;
}
