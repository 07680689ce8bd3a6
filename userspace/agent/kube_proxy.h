// SPDX-License-Identifier: Apache-2.0
// Detects a kube-proxy that runs beside us. During a migration that is intended, not an error, but worth a warning.
#ifndef SHUNT_AGENT_KUBE_PROXY_H_
#define SHUNT_AGENT_KUBE_PROXY_H_

#include <chrono>
#include <cstdint>
#include <string>

namespace shunt::agent {

// The default port of kube-proxy's health pages.
inline constexpr uint16_t kKubeProxyHealthPort = 10256;

// Returns whether a kube-proxy answers on this port of 127.0.0.1. An agent of Shunt does not count: its /healthz is the
// same, but it also has /readyz, which kube-proxy lacks. Waits at most twice `patience`, and returns at once if nothing
// listens.
bool KubeProxyAnswers(uint16_t port, std::chrono::milliseconds patience = std::chrono::milliseconds(500));

// What it means that a kube-proxy answers on this port, for an agent with or without the packet path, and what to do
// about it.
std::string KubeProxyMeaning(uint16_t port, bool has_packet_path);
std::string KubeProxyWhatToDo();

}  // namespace shunt::agent

#endif  // SHUNT_AGENT_KUBE_PROXY_H_
