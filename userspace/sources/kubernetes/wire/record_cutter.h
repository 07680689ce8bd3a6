// SPDX-License-Identifier: Apache-2.0
// Records out of a stream that arrives in pieces which are not records.
#ifndef SHUNT_SOURCES_KUBERNETES_WIRE_RECORD_CUTTER_H_
#define SHUNT_SOURCES_KUBERNETES_WIRE_RECORD_CUTTER_H_

#include <cstddef>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace shunt::sources::kubernetes {

// Takes the record at the start of `bytes`, if it is all there, and returns its size; 0: more bytes are needed.
using CutRecord = absl::FunctionRef<absl::StatusOr<size_t>(absl::string_view bytes)>;

// Appends `piece` to what is left of the stream, `partial`, and cuts off record after record. Only what has arrived is
// ever held, and records that arrive whole are not even copied. On an error `partial` is of no more use.
absl::Status CutRecords(std::string& partial, absl::string_view piece, CutRecord cut);

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_WIRE_RECORD_CUTTER_H_
