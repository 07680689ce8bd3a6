// SPDX-License-Identifier: Apache-2.0
#include "tools/shuntctl/state_reader.h"

namespace shunt::shuntctl {

absl::StatusOr<std::unique_ptr<StateReader>> OpenReader(const Options& options) {
  return options.offline ? OpenPins(options.bpffs) : ConnectToAgent(options.socket);
}

}  // namespace shunt::shuntctl
