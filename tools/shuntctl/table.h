// SPDX-License-Identifier: Apache-2.0
// Tables as kubectl prints them: headers in capitals, columns as wide as their widest cell, three spaces between them.
#ifndef SHUNT_TOOLS_SHUNTCTL_TABLE_H_
#define SHUNT_TOOLS_SHUNTCTL_TABLE_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace shunt::shuntctl {

class Table {
 public:
  explicit Table(std::vector<std::string> headers) : headers_(std::move(headers)) {}

  // Adds a row with one cell per header. Cells are made printable; an empty cell shows <none>.
  void Add(std::vector<std::string> cells);
  bool empty() const { return rows_.empty(); }

  // Every line begins with `indent` and ends in a newline, without trailing spaces. Empty if there are no rows.
  std::string ToString(bool with_headers, absl::string_view indent = "") const;

 private:
  std::vector<std::string> headers_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace shunt::shuntctl

#endif  // SHUNT_TOOLS_SHUNTCTL_TABLE_H_
