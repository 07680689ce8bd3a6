// SPDX-License-Identifier: Apache-2.0
// A histogram in Prometheus' sense, as a plain value.
#ifndef SHUNT_REPORT_HISTOGRAM_H_
#define SHUNT_REPORT_HISTOGRAM_H_

#include <cstdint>
#include <vector>

namespace shunt::report {

class Histogram {
 public:
  // A single +Inf bucket.
  Histogram() : Histogram(std::vector<double>()) {}
  // A bucket for each of `upper_bounds` (inclusive) and a +Inf bucket. REQUIRES: the bounds rise.
  explicit Histogram(std::vector<double> upper_bounds);

  // Counts a value; NaN counts in the +Inf bucket.
  void Observe(double value);
  // Adds the other's observations. REQUIRES: it has the same bounds.
  void Merge(const Histogram& other);

  const std::vector<double>& upper_bounds() const { return upper_bounds_; }
  // The count of each bucket alone (not cumulative); one more than there are bounds.
  const std::vector<uint64_t>& counts() const { return counts_; }
  uint64_t count() const { return count_; }
  double sum() const { return sum_; }

 private:
  std::vector<double> upper_bounds_;
  std::vector<uint64_t> counts_;
  uint64_t count_ = 0;
  double sum_ = 0;
};

// Returns `count` bounds from `first`, each `factor` times the one before.
std::vector<double> ExponentialBounds(double first, double factor, int count);
// Returns `count` bounds from `first`, each `step` more than the one before.
std::vector<double> LinearBounds(double first, double step, int count);

}  // namespace shunt::report

#endif  // SHUNT_REPORT_HISTOGRAM_H_
