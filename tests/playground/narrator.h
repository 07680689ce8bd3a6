// SPDX-License-Identifier: Apache-2.0
// The playground's voice: says what it does, what happened, and whether that was as promised.
#ifndef SHUNT_PLAYGROUND_NARRATOR_H_
#define SHUNT_PLAYGROUND_NARRATOR_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace shunt::playground {

// Writes every line to standard output at once.
class Narrator {
 public:
  // Writes a line that says what is being done and, when it is done, how long it took.
  absl::Status Step(absl::string_view what, const std::function<absl::Status()>& work);
  void Title(absl::string_view text);
  void Line(absl::string_view text);
  // Writes a line with its verdict.
  void Expect(bool as_promised, absl::string_view text);

  int broken_promises() const { return broken_promises_; }

 private:
  int titles_ = 0;
  int broken_promises_ = 0;
};

}  // namespace shunt::playground

#endif  // SHUNT_PLAYGROUND_NARRATOR_H_
