// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/host_verbs.h"

#include <sys/utsname.h>

#include <algorithm>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "shunt_version.h"
#include "userspace/agent/kube_proxy.h"
#include "userspace/agent/process/signals.h"
#include "userspace/datapath/kernel/attach/cleanup.h"
#include "userspace/datapath/kernel/attach/leftovers.h"
#include "userspace/datapath/kernel/attach/packet_check.h"
#include "userspace/datapath/kernel/attach/reserved_ports.h"
#include "userspace/datapath/kernel/devices/device_hooks.h"
#include "userspace/datapath/kernel/devices/device_plan.h"
#include "userspace/datapath/kernel/object/libbpf_messages.h"
#include "userspace/datapath/kernel/object/pins.h"
#include "userspace/datapath/lent_ports.h"

namespace shunt::agent {
namespace {

// What an agent lends if nothing else is configured: this verb is not told.
constexpr datapath::PortRange kPortsOfFlows = {datapath::kFirstSnatPort,
                                               datapath::kFirstSnatPort + datapath::kSnatPorts - 1};

absl::string_view Word(datapath::Verdict verdict) {
  switch (verdict) {
    case datapath::Verdict::kOk:
      return "ok";
    case datapath::Verdict::kWarning:
      return "warning";
    case datapath::Verdict::kMissing:
      return "MISSING";
  }
  return "";
}

absl::string_view Compiler() {
#if defined(__clang__)
  return "clang " __clang_version__;
#else
  return "g++ " __VERSION__;
#endif
}

datapath::Finding CheckKubeProxy(const Options& options, bool answers) {
  constexpr char kName[] = "kube-proxy";
  if (answers) {
    // What an agent that runs, or has run, was asked for: this verb is not told.
    const datapath::PinDirectory pins = datapath::PinDirectory::Unchecked(options.bpffs);
    return {kName, datapath::Verdict::kWarning, KubeProxyMeaning(kKubeProxyHealthPort, datapath::HasDeviceHooks(pins)),
            KubeProxyWhatToDo()};
  }
  return {kName, datapath::Verdict::kOk, absl::StrCat("none answers at 127.0.0.1:", kKubeProxyHealthPort), ""};
}

// As if the packet path had all devices outside: what this verb is asked, before or while an agent runs, is whether the
// host is fit for it.
std::vector<datapath::Finding> CheckPackets(const Options& options, bool kube_proxy_answers) {
  datapath::PacketFacts facts =
      datapath::ReadPacketFacts(datapath::PinDirectory::Unchecked(options.bpffs),
                                {.external = {datapath::kAutoDevices}, .pods = {}}, kPortsOfFlows);
  facts.kube_proxy_answers = kube_proxy_answers;
  return datapath::JudgePackets(facts);
}

}  // namespace

ExitStatus CleanUp(const Options& options, std::ostream& out, std::ostream& err) {
  // Signals are watched from the start, so that none is lost in between.
  const absl::StatusOr<EndWatch> end = EndWatch::Open();
  if (!end.ok()) {
    err << "shuntd cleanup: " << end.status().message() << "\n";
    return kExitFailed;
  }
  std::vector<std::string> removed;
  const absl::Status status = datapath::Cleanup(options.bpffs, &removed);
  for (const std::string& path : removed) out << "removed " << path << "\n";
  if (!status.ok()) {
    err << "shuntd cleanup: " << status.message() << "\n";
    return kExitFailed;
  }
  std::vector<std::string> notes;
  const absl::Status detached = datapath::CleanUpCgroup(options.bpffs, options.cgroup, &notes);
  for (const std::string& note : notes) out << note << "\n";
  if (!detached.ok()) {
    err << "shuntd cleanup: " << detached.message() << "\n";
    return kExitFailed;
  }
  if (removed.empty()) out << "nothing to remove below " << datapath::PinRoot(options.bpffs) << "\n";
  if (!options.stay) return kExitOk;
  out << "clean; waiting to be stopped" << std::endl;
  return end->Wait().ok() ? kExitOk : kExitFailed;
}

ExitStatus Check(const Options& options, std::ostream& out) {
  std::vector<datapath::Finding> findings = datapath::CheckHost({.bpffs = options.bpffs, .cgroup = options.cgroup});
  const bool kube_proxy_answers = KubeProxyAnswers(kKubeProxyHealthPort);
  findings.push_back(CheckKubeProxy(options, kube_proxy_answers));
  for (datapath::Finding& finding : CheckPackets(options, kube_proxy_answers)) findings.push_back(std::move(finding));
  return PrintFindings(findings, out);
}

ExitStatus PrintFindings(const std::vector<datapath::Finding>& findings, std::ostream& out) {
  size_t width = 0;
  for (const datapath::Finding& finding : findings) width = std::max(width, finding.what.size());
  size_t missing = 0;
  for (const datapath::Finding& finding : findings) {
    out << absl::StrFormat("%-8s %-*s  %s\n", Word(finding.verdict), static_cast<int>(width), finding.what,
                           finding.detail);
    // Some errors name the remedy themselves.
    const bool told = absl::StrContains(finding.detail, finding.what_to_do);
    if (!finding.what_to_do.empty() && !told) out << absl::StrFormat("%-8s -> %s\n", "", finding.what_to_do);
    missing += finding.verdict == datapath::Verdict::kMissing;
  }
  if (missing == 0) {
    out << "This host can run shuntd.\n";
    return kExitOk;
  }
  out << "This host cannot run shuntd: " << missing << (missing == 1 ? " thing is" : " things are") << " missing.\n";
  return kExitFailed;
}

void PrintVersion(std::ostream& out) {
  utsname kernel = {};
  ::uname(&kernel);
  out << "shuntd " << kVersion << "\n"
      << "abi     v" << datapath::PinAbiVersion() << " (pins in shunt/plan-v" << datapath::PinAbiVersion() << "-*)\n"
      << "build   " << Compiler() << "\n"
      << "libbpf  " << datapath::LibbpfVersion() << "\n"
      << "kernel  " << kernel.release << " " << kernel.machine << "\n";
}

}  // namespace shunt::agent
