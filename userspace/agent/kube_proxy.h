// SPDX-License-Identifier: Apache-2.0
// Does a kube-proxy work on this node too? That is how nodes are moved from one to the other, and no error: but who
// believes that it is gone ought to be told.
#ifndef SHUNT_AGENT_KUBE_PROXY_H_
#define SHUNT_AGENT_KUBE_PROXY_H_

#include <chrono>
#include <cstdint>
#include <string>

namespace shunt::agent {

// Where kube-proxy has its health pages unless told otherwise.
inline constexpr uint16_t kKubeProxyHealthPort = 10256;

// Whether a kube-proxy answers on this port of 127.0.0.1. An agent of Shunt does not count, although its /healthz is
// the same: it has /readyz too, which kube-proxy has not. Waits at most twice `patience`, and not at all if nobody
// listens.
bool KubeProxyAnswers(uint16_t port, std::chrono::milliseconds patience = std::chrono::milliseconds(500));

// What it means that one answers on this port, and what to do.
std::string KubeProxyMeaning(uint16_t port);
std::string KubeProxyWhatToDo();

}  // namespace shunt::agent

#endif  // SHUNT_AGENT_KUBE_PROXY_H_
