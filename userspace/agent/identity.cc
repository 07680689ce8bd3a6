// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/identity.h"

#include <unistd.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "shunt_version.h"
#include "userspace/agent/kube_proxy.h"
#include "userspace/agent/process/clock.h"
#include "userspace/agent/process/log.h"
#include "userspace/datapath/kernel/object/pins.h"

namespace shunt::agent {

report::AgentStatus IdentityOf(const Options& options, const datapath::KernelDatapath& datapath,
                               const ClusterSource& source) {
  report::AgentStatus identity;
  identity.version = kVersion;
  identity.abi_version = datapath::PinAbiVersion();
  identity.pid = ::getpid();
  identity.node_name = options.node_name;
  identity.source = source.Description();
  identity.pin_directory = datapath.pin_directory();
  identity.cgroup = datapath.cgroup();
  identity.start_time_ms = ReadClocks().wall_ms;
  identity.observing = options.observe;
  if (KubeProxyAnswers(kKubeProxyHealthPort)) {
    const std::string meaning = KubeProxyMeaning(kKubeProxyHealthPort, HasPacketPath(options));
    LogWarning("A kube-proxy runs on this node, too", {{"meaning", meaning}, {"what_to_do", KubeProxyWhatToDo()}});
    identity.problems.push_back(
        {.where = "kube-proxy",
         .what = absl::StrCat("when shuntd started: ", meaning, ". To do: ", KubeProxyWhatToDo()),
         .advice = true});
  }
  return identity;
}

}  // namespace shunt::agent
