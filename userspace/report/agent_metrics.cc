// SPDX-License-Identifier: Apache-2.0
#include "userspace/report/agent_metrics.h"

namespace shunt::report {

std::vector<double> SyncDurationBounds() {
  return ExponentialBounds(0.001, 2, 15);
}

std::vector<double> ProgrammingDurationBounds() {
  std::vector<double> bounds = {0.25, 0.5};
  for (const std::vector<double>& part : {LinearBounds(1, 1, 59), LinearBounds(60, 5, 12), LinearBounds(120, 30, 7)}) {
    bounds.insert(bounds.end(), part.begin(), part.end());
  }
  return bounds;
}

std::vector<double> ApplyLatencyBounds() {
  return {0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10};
}

}  // namespace shunt::report
