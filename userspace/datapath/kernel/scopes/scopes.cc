// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/scopes/scopes.h"

#include <filesystem>
#include <map>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"

namespace shunt::datapath {
namespace {

// A pod's cgroup is three levels below kubepods at most; kubepods itself may be below others.
constexpr int kPodLevels = 8;

// The kubelet names a pod's cgroup podUID, or with systemd ...-podUID.slice, in which dashes are underscores.
bool IsPodDirectory(const std::string& name, const std::string& uid) {
  const std::string of_systemd = absl::StrCat("pod", absl::StrReplaceAll(uid, {{"-", "_"}}), ".slice");
  return name == absl::StrCat("pod", uid) || name == of_systemd || absl::EndsWith(name, absl::StrCat("-", of_systemd));
}

// Returns the path of the pod's cgroup, or an empty one if it is not below `directory`. Cgroups come and go meanwhile:
// one that is gone is not searched, and ends no search.
absl::StatusOr<std::string> FindPodBelow(const std::string& directory, const std::string& uid, int levels) {
  std::error_code error;
  std::filesystem::directory_iterator at(directory, std::filesystem::directory_options::skip_permission_denied, error);
  const std::filesystem::directory_iterator end;
  for (; !error && at != end; at.increment(error)) {
    std::error_code gone;
    if (at->symlink_status(gone).type() != std::filesystem::file_type::directory) continue;
    if (IsPodDirectory(at->path().filename().string(), uid)) return at->path().string();
    if (levels == 0) continue;
    absl::StatusOr<std::string> below = FindPodBelow(at->path().string(), uid, levels - 1);
    if (!below.ok() || !below->empty()) return below;
  }
  if (!error || error == std::errc::no_such_file_or_directory) return std::string();
  return absl::ErrnoToStatus(error.value(), absl::StrCat("cannot search ", directory, " for the pod's cgroup"));
}

std::string Shown(const BypassTarget& target) {
  if (!target.cgroup.empty()) return absl::StrCat("cgroup ", target.cgroup);
  if (!target.pod_uid.empty()) return absl::StrCat("pod ", target.pod_uid);
  return absl::StrCat("network namespace ", target.network_namespace);
}

}  // namespace

uint8_t ConfigBits(const BypassSettings& settings) {
  return static_cast<uint8_t>((settings.pods ? SHUNT_BYPASS_PODS : 0) | (settings.kernel ? SHUNT_BYPASS_KERNEL : 0));
}

Scopes::Scopes(std::unique_ptr<Table> scopes, std::unique_ptr<Table> filter, std::string root,
               const BypassSettings& settings)
    : scopes_(std::move(scopes)),
      filter_(std::move(filter)),
      root_(absl::StripSuffix(root, "/")),
      pods_(settings.pods),
      kernel_(settings.kernel),
      rows_(*scopes_, *filter_),
      watch_(root_, settings.cgroups) {
  fd_ = watch_.fd();
}

absl::StatusOr<std::unique_ptr<Scopes>> Scopes::Open(std::unique_ptr<Table> scopes, std::unique_ptr<Table> filter,
                                                     std::string root, const BypassSettings& settings) {
  std::unique_ptr<Scopes> opened(new Scopes(std::move(scopes), std::move(filter), std::move(root), settings));
  {
    const std::lock_guard lock(opened->mutex_);
    if (absl::Status status = opened->rows_.Adopt(); !status.ok()) return status;
  }
  opened->Walk();
  return opened;
}

absl::StatusOr<std::unique_ptr<Scopes>> Scopes::OpenPinned(const MapSet& maps, const std::string& root,
                                                           const BypassSettings& settings) {
  absl::StatusOr<std::unique_ptr<Table>> scopes = maps.OpenTable("scopes");
  if (!scopes.ok()) return scopes.status();
  absl::StatusOr<std::unique_ptr<Table>> filter = maps.OpenTable("scope_filter");
  if (!filter.ok()) return filter.status();
  return Open(*std::move(scopes), *std::move(filter), root, settings);
}

// Makes exactly those rows configured that the settings name now.
void Scopes::FollowSettings() {
  std::map<ScopeKey, std::string> wanted;
  if (pods_) wanted[{SHUNT_SCOPE_PODS, 0}];
  if (kernel_) wanted[{SHUNT_SCOPE_KERNEL, 0}];
  for (const auto& [path, id] : watch_.matches()) wanted[{SHUNT_SCOPE_CGROUP, id}] = path;
  std::vector<ScopeKey> unwanted;
  for (const auto& [key, row] : rows_.rows()) {
    if ((row.origins & SHUNT_SCOPE_CONFIGURED) != 0 && wanted.count(key) == 0) unwanted.push_back(key);
  }
  for (const ScopeKey& key : unwanted) failure_.Update(rows_.Drop(key, SHUNT_SCOPE_CONFIGURED));
  for (const auto& [key, name] : wanted) failure_.Update(rows_.Add(key, SHUNT_SCOPE_CONFIGURED, name));
}

// A cgroup that is made again under the same path is another one, which was not added.
void Scopes::DropGoneCgroups() {
  std::vector<ScopeKey> gone;
  for (const auto& [key, row] : rows_.rows()) {
    const bool added = key.kind == SHUNT_SCOPE_CGROUP && (row.origins & SHUNT_SCOPE_ADDED) != 0;
    if (added && CgroupIdAt(absl::StrCat(root_, row.name)) != key.id) gone.push_back(key);
  }
  for (const ScopeKey& key : gone) failure_.Update(rows_.Drop(key, SHUNT_SCOPE_ADDED));
}

void Scopes::Follow() {
  const std::lock_guard lock(mutex_);
  failure_ = watch_.Follow();
  FollowSettings();
  KeepProblems();
}

void Scopes::Walk() {
  const std::lock_guard lock(mutex_);
  failure_ = watch_.Walk();
  // Without the root nothing is known of what is below it.
  if (failure_.ok()) DropGoneCgroups();
  if (failure_.ok()) FollowSettings();
  failure_.Update(rows_.Restore());
  KeepProblems();
}

absl::StatusOr<std::string> Scopes::FindPod(const std::string& uid) const {
  absl::StatusOr<std::string> found = FindPodBelow(root_, uid, kPodLevels);
  if (!found.ok()) return found.status();
  if (!found->empty()) return found->substr(root_.size());
  return absl::NotFoundError(absl::StrCat("no cgroup below ", root_, " is that of pod ", uid,
                                          ": is the pod on this node, and is this its metadata.uid?"));
}

absl::StatusOr<std::string> Scopes::PathOf(const BypassTarget& target) const {
  if (!target.pod_uid.empty()) return FindPod(target.pod_uid);
  absl::string_view path = target.cgroup;
  if (absl::StartsWith(path, absl::StrCat(root_, "/"))) path.remove_prefix(root_.size());
  const absl::StatusOr<CgroupPattern> parsed = CgroupPattern::Parse(path);
  return parsed.ok() ? absl::StatusOr<std::string>(parsed->ToString()) : parsed.status();
}

absl::Status Scopes::Add(const BypassTarget& target) {
  if (target.network_namespace != 0) {
    const std::lock_guard lock(mutex_);
    return rows_.Add({SHUNT_SCOPE_NETNS, target.network_namespace}, SHUNT_SCOPE_ADDED, target.name);
  }
  const absl::StatusOr<std::string> path = PathOf(target);
  if (!path.ok()) return path.status();
  const uint64_t id = CgroupIdAt(absl::StrCat(root_, *path));
  if (id == 0) return absl::NotFoundError(absl::StrCat("there is no cgroup ", *path, " below ", root_));
  const std::lock_guard lock(mutex_);
  return rows_.Add({SHUNT_SCOPE_CGROUP, id}, SHUNT_SCOPE_ADDED, *path);
}

absl::Status Scopes::Delete(const BypassTarget& target) {
  absl::StatusOr<std::string> path = std::string();
  if (target.network_namespace == 0) path = PathOf(target);
  if (!path.ok()) return path.status();
  const std::lock_guard lock(mutex_);
  for (const auto& [key, row] : rows_.rows()) {
    const bool is_meant = target.network_namespace != 0 ? key == ScopeKey{SHUNT_SCOPE_NETNS, target.network_namespace}
                                                        : key.kind == SHUNT_SCOPE_CGROUP && row.name == *path;
    if (!is_meant) continue;
    if ((row.origins & SHUNT_SCOPE_ADDED) != 0) return rows_.Drop(ScopeKey(key), SHUNT_SCOPE_ADDED);
    return absl::FailedPreconditionError(
        absl::StrCat(Shown(target), " is bypassed because the agent's settings say so: change --bypass"));
  }
  return absl::NotFoundError(absl::StrCat(Shown(target), " is not bypassed; `shuntctl bypass list` shows what is"));
}

void Scopes::KeepProblems() {
  std::vector<std::string> problems;
  if (!failure_.ok()) problems.emplace_back(failure_.message());
  if (!watch_.problem().empty()) {
    problems.push_back(absl::StrCat(watch_.problem(), "; they are found once a second, so the first connects of a new ",
                                    "pod may be translated"));
  }
  const std::lock_guard lock(problems_mutex_);
  problems_ = std::move(problems);
}

std::vector<std::string> Scopes::Problems() const {
  const std::lock_guard lock(problems_mutex_);
  return problems_;
}

}  // namespace shunt::datapath
