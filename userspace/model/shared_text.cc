// SPDX-License-Identifier: Apache-2.0
#include "userspace/model/shared_text.h"

#include <atomic>
#include <cstddef>
#include <cstring>
#include <new>

namespace shunt::model {

// The text's bytes follow the block.
struct SharedText::Block {
  std::atomic<uint32_t> owners{1};
  uint32_t size;

  char* bytes() { return reinterpret_cast<char*>(this + 1); }
};

SharedText::SharedText(absl::string_view text) {
  if (text.empty()) return;
  void* memory = ::operator new(sizeof(Block) + text.size());
  block_ = new (memory) Block{.size = static_cast<uint32_t>(text.size())};
  std::memcpy(block_->bytes(), text.data(), text.size());
}

SharedText::SharedText(const SharedText& other) : block_(other.block_) {
  if (block_ != nullptr) block_->owners.fetch_add(1, std::memory_order_relaxed);
}

SharedText::~SharedText() {
  // Acquire and release: the last owner must see all that the others did with the block before it frees it.
  if (block_ != nullptr && block_->owners.fetch_sub(1, std::memory_order_acq_rel) == 1) {
    block_->~Block();
    ::operator delete(block_);
  }
}

absl::string_view SharedText::view() const {
  return block_ == nullptr ? absl::string_view() : absl::string_view(block_->bytes(), block_->size);
}

}  // namespace shunt::model
