// SPDX-License-Identifier: Apache-2.0
#include "tools/shuntctl/table.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tools/shuntctl/printable.h"

namespace shunt::shuntctl {
namespace {

constexpr size_t kGap = 3;

}  // namespace

void Table::Add(std::vector<std::string> cells) {
  for (std::string& cell : cells) cell = cell.empty() ? "<none>" : Printable(cell);
  cells.resize(headers_.size());
  rows_.push_back(std::move(cells));
}

std::string Table::ToString(bool with_headers, absl::string_view indent) const {
  if (rows_.empty()) return "";
  std::vector<const std::vector<std::string>*> lines;
  if (with_headers) lines.push_back(&headers_);
  for (const std::vector<std::string>& row : rows_) lines.push_back(&row);
  std::vector<size_t> widths(headers_.size());
  for (const std::vector<std::string>* line : lines) {
    for (size_t i = 0; i < widths.size(); ++i) widths[i] = std::max(widths[i], DisplayWidth((*line)[i]));
  }
  std::string out;
  for (const std::vector<std::string>* line : lines) {
    absl::StrAppend(&out, indent);
    for (size_t i = 0; i < widths.size(); ++i) {
      absl::StrAppend(&out, (*line)[i]);
      if (i + 1 < widths.size()) out.append(widths[i] - DisplayWidth((*line)[i]) + kGap, ' ');
    }
    out += '\n';
  }
  return out;
}

}  // namespace shunt::shuntctl
