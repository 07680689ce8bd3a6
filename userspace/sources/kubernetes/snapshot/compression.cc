// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/kubernetes/snapshot/compression.h"

#include <new>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"

namespace shunt::sources::kubernetes {
namespace {

constexpr size_t kPieceBytes = 16 << 10;

// zlib's interface has no const; it does not write to its input.
void SetInput(z_stream& stream, absl::string_view bytes) {
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
}

void SetOutput(z_stream& stream, char (&piece)[kPieceBytes]) {
  stream.next_out = reinterpret_cast<Bytef*>(piece);
  stream.avail_out = kPieceBytes;
}

}  // namespace

Compressor::Compressor() {
  // It fails only without memory.
  if (deflateInit(&stream_, Z_BEST_SPEED) != Z_OK) throw std::bad_alloc();
}

Compressor::~Compressor() {
  deflateEnd(&stream_);
}

absl::Status Compressor::Run(absl::string_view bytes, int flush, TakeBytes take) {
  char piece[kPieceBytes];
  SetInput(stream_, bytes);
  do {
    SetOutput(stream_, piece);
    deflate(&stream_, flush);
    const absl::Status status = take({piece, kPieceBytes - stream_.avail_out});
    if (!status.ok()) return status;
  } while (stream_.avail_out == 0);
  return absl::OkStatus();
}

absl::Status Decompress(absl::string_view compressed, size_t bytes_max, TakeBytes take) {
  z_stream stream = {};
  if (inflateInit(&stream) != Z_OK) throw std::bad_alloc();
  const absl::Cleanup end = [&stream] { inflateEnd(&stream); };
  char piece[kPieceBytes];
  SetInput(stream, compressed);
  size_t total = 0;
  int state = Z_OK;
  while (state == Z_OK) {
    SetOutput(stream, piece);
    state = inflate(&stream, Z_NO_FLUSH);
    if (state != Z_OK && state != Z_STREAM_END) break;
    const size_t size = kPieceBytes - stream.avail_out;
    total += size;
    if (total > bytes_max) return absl::DataLossError(absl::StrCat("contains more than ", bytes_max, " bytes"));
    const absl::Status status = take({piece, size});
    if (!status.ok()) return status;
  }
  if (state != Z_STREAM_END) return absl::DataLossError("the compressed part is damaged");
  if (stream.avail_in != 0) return absl::DataLossError("something follows the compressed part");
  return absl::OkStatus();
}

}  // namespace shunt::sources::kubernetes
