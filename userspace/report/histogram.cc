// SPDX-License-Identifier: Apache-2.0
#include "userspace/report/histogram.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace shunt::report {

Histogram::Histogram(std::vector<double> upper_bounds)
    : upper_bounds_(std::move(upper_bounds)), counts_(upper_bounds_.size() + 1) {}

void Histogram::Observe(double value) {
  // lower_bound would put NaN first, because nothing is less than it.
  const auto bound =
      std::isnan(value) ? upper_bounds_.end() : std::lower_bound(upper_bounds_.begin(), upper_bounds_.end(), value);
  ++counts_[static_cast<size_t>(bound - upper_bounds_.begin())];
  ++count_;
  sum_ += value;
}

void Histogram::Merge(const Histogram& other) {
  for (size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_.at(i);
  count_ += other.count_;
  sum_ += other.sum_;
}

std::vector<double> ExponentialBounds(double first, double factor, int count) {
  std::vector<double> bounds;
  for (double bound = first; count > 0; --count, bound *= factor) bounds.push_back(bound);
  return bounds;
}

std::vector<double> LinearBounds(double first, double step, int count) {
  std::vector<double> bounds;
  for (int i = 0; i < count; ++i) bounds.push_back(first + step * i);
  return bounds;
}

}  // namespace shunt::report
