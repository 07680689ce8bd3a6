// SPDX-License-Identifier: Apache-2.0
// Fills a new plan with the rows of an earlier one of the same version.
#ifndef SHUNT_DATAPATH_KERNEL_MAPS_PLAN_COPY_H_
#define SHUNT_DATAPATH_KERNEL_MAPS_PLAN_COPY_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "userspace/datapath/kernel/maps/map_set.h"

namespace shunt::datapath {

// Returns whether the map may belong to two plans of one version at once: only programs write it, and its rows are
// named by ids that a copy keeps.
bool IsShareable(absl::string_view map);

// Copies what `from` serves into the maps of `to`, which are empty and used by no program: every row keeps its id, so
// that sockets and affinities that remember one stay right. A map that both sets share is left as it is. The filters
// have the bits that the copied rows need, also if `from` has them in another layout. Returns false if something did
// not fit: then the frontends that lead to it are left out, and no program should use `to` before everything has been
// applied to it.
absl::StatusOr<bool> CopyPlan(const MapSet& from, const MapSet& to);

// Returns whether a plan that lacks the map has lost nothing by it: CopyPlan makes it of the other rows, or only builds
// that know the map need what it holds.
bool MayBeginEmpty(absl::string_view map);

// Copies the bits of the filters that say which prefixes and endpoints backends have had, and which ports frontends,
// because sockets and flows may remember them. Does nothing for a map that `from` lacks, or whose size is another,
// because then its layout is.
absl::Status CopyBackendFilters(const MapSet& from, const MapSet& to);

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_MAPS_PLAN_COPY_H_
