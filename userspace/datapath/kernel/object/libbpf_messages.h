// SPDX-License-Identifier: Apache-2.0
// libbpf's messages about a failure: it prints the verifier's log instead of returning it.
#ifndef SHUNT_DATAPATH_KERNEL_OBJECT_LIBBPF_MESSAGES_H_
#define SHUNT_DATAPATH_KERNEL_OBJECT_LIBBPF_MESSAGES_H_

#include <string>

namespace shunt::datapath {

// Collects libbpf's warnings of this thread while it lives. Without one they are dropped, because a library does not
// write to standard error. REQUIRES: at most one per thread at a time.
class LibbpfMessages {
 public:
  LibbpfMessages();
  ~LibbpfMessages();
  LibbpfMessages(const LibbpfMessages&) = delete;
  LibbpfMessages& operator=(const LibbpfMessages&) = delete;

  const std::string& text() const { return text_; }
  // The first warning and the end of the verifier's log, which contains its verdict.
  std::string Summary() const;

 private:
  std::string text_;
};

// Summary() as a function of the text.
std::string SummarizeLibbpfMessages(const std::string& text);

// Returns the version of the library in use, "v1.1.2", for `shuntd version`.
std::string LibbpfVersion();

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_OBJECT_LIBBPF_MESSAGES_H_
