// SPDX-License-Identifier: Apache-2.0
// What libbpf has to say about a failure: it prints rather than returns the verifier's words.
#ifndef SHUNT_DATAPATH_KERNEL_OBJECT_LIBBPF_MESSAGES_H_
#define SHUNT_DATAPATH_KERNEL_OBJECT_LIBBPF_MESSAGES_H_

#include <string>

namespace shunt::datapath {

// Collects libbpf's warnings of this thread while it lives; without one they are dropped: a library does not
// write to standard error. At most one per thread at a time.
class LibbpfMessages {
 public:
  LibbpfMessages();
  ~LibbpfMessages();
  LibbpfMessages(const LibbpfMessages&) = delete;
  LibbpfMessages& operator=(const LibbpfMessages&) = delete;

  const std::string& text() const { return text_; }
  // The first warning and the end of the verifier's log, where its verdict stands.
  std::string Summary() const;

 private:
  std::string text_;
};

// Summary() as a function of the text.
std::string SummarizeLibbpfMessages(const std::string& text);

// "v1.1.2": of the library in use, for `shuntd version`.
std::string LibbpfVersion();

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_OBJECT_LIBBPF_MESSAGES_H_
