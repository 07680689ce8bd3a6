// SPDX-License-Identifier: Apache-2.0
// Writes a page in Prometheus' text format (0.0.4), family by family, so that at most one family is in memory twice.
#ifndef SHUNT_ADMIN_HTTP_EXPOSITION_H_
#define SHUNT_ADMIN_HTTP_EXPOSITION_H_

#include <prometheus/metric_family.h>

#include <initializer_list>
#include <sstream>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "userspace/report/histogram.h"

namespace shunt::admin::http {

// Not thread-safe.
class Exposition {
 public:
  // Names and values. Values are names of objects, addresses and keywords, never sentences; bytes in them that are not
  // UTF-8 are replaced.
  using Labels = std::initializer_list<std::pair<absl::string_view, absl::string_view>>;

  // Begins a family; what is added next belongs to it. REQUIRES: no other family of this page has the name.
  void Counter(absl::string_view name, absl::string_view help);
  void Gauge(absl::string_view name, absl::string_view help);
  void Histogram(absl::string_view name, absl::string_view help);

  // REQUIRES: the labels have the same names as those of the family's other samples, and other values.
  void Add(double value, Labels labels = {});
  void Add(const report::Histogram& histogram, Labels labels = {});

  // Returns the page so far and begins an empty one.
  std::string Take();

 private:
  void Begin(prometheus::MetricType type, absl::string_view name, absl::string_view help);
  void End();
  prometheus::ClientMetric& AddMetric(Labels labels);

  prometheus::MetricFamily family_;
  std::ostringstream page_;
};

}  // namespace shunt::admin::http

#endif  // SHUNT_ADMIN_HTTP_EXPOSITION_H_
