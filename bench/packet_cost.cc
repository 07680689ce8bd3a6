// SPDX-License-Identifier: Apache-2.0
// Prints ns per packet of the packet path at tc ingress: packets of no service, of established flows, and of new ones.
// The real programs run on the real maps, on a packet that is restored before each run; what an empty program takes is
// subtracted. Medians of interleaved rounds.
#include <bpf/bpf.h>
#include <net/if.h>
#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "bpf/packet_abi.h"
#include "tests/packets/packet.h"
#include "tests/packets/packet_node.h"
#include "tests/packets/test_run.h"
#include "tests/sandbox/sandbox.h"
#include "tests/sandbox/service_story.h"
#include "userspace/model/service.h"

namespace {

using shunt::packets::Bytes;
using shunt::packets::Hook;
using shunt::packets::Packet;
using shunt::packets::PacketNode;
using shunt::packets::RunContext;
using shunt::sandbox::ServiceStory;

constexpr int kRounds = 11;
constexpr int kRuns = 2000;  // in a round
constexpr int kNewFlows = 400;
constexpr char kDevice[] = "eth0";
constexpr uint16_t kLocalPort = 30081, kRemotePort = 30086;

template <typename T>
T Must(absl::StatusOr<T> value) {
  if (value.ok()) return *std::move(value);
  std::fprintf(stderr, "packet_cost: %s\n", value.status().ToString().c_str());
  std::exit(1);
}

void Must(const absl::Status& status) {
  if (!status.ok()) Must(absl::StatusOr<int>(status));
}

double Median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + std::ssize(values) / 2, values.end());
  return values[values.size() / 2];
}

// Returns the descriptor of a program that lets every packet pass.
int LoadEmptyProgram() {
  const bpf_insn program[] = {
      {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .src_reg = 0, .off = 0, .imm = 0},
      {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0}};
  const int fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "empty", "GPL", program, std::size(program), nullptr);
  if (fd < 0) Must(absl::ErrnoToStatus(-fd, "load the empty program"));
  return fd;
}

class Bench {
 public:
  Bench()
      : sandbox_(Must(shunt::sandbox::Sandbox::Create())),
        node_(Must(PacketNode::Create(Must(sandbox_->NewBpffs()), Must(sandbox_->NewCgroup())))),
        empty_(LoadEmptyProgram()),
        context_{.ifindex = if_nametoindex(kDevice), .ingress_ifindex = if_nametoindex(kDevice)} {
    const std::string local = "10.244.1.2", remote = "10.244.2.7";
    Must(node_->programs().Serve(
        {Service("local", local, "here", kLocalPort), Service("remote", remote, "b", kRemotePort)},
        {local + ":8080", remote + ":8080"}));
    AdmitOnlyNodePorts();
  }

  // Prints the cost of packets that find everything as they need it.
  void PrintEach(const std::map<std::string, Packet>& packets) {
    std::map<std::string, std::vector<double>> figures;
    for (int round = 0; round < kRounds; ++round) {
      for (const auto& [name, packet] : packets) figures[name].push_back(Time(packet, kRuns) - Floor(packet, kRuns));
    }
    for (const auto& [name, ns] : figures) std::printf("packet_%s_ns %.0f\n", name.c_str(), Median(ns));
  }

  // Prints the cost of packets each of which begins a flow.
  void PrintNew(const std::string& name, const std::function<Packet(int)>& packet) {
    std::vector<double> ns;
    for (int round = 0; round < kRounds; ++round) {
      Must(node_->programs().ForgetFlows());
      for (int i = 0; i < kNewFlows; ++i) ns.push_back(Time(packet(i), 1) - Floor(packet(i), 1));
    }
    std::printf("packet_%s_ns %.0f\n", name.c_str(), Median(ns));
  }

 private:
  static ServiceStory Service(const char* name, const std::string& backend, const char* node, uint16_t node_port) {
    ServiceStory story(name);
    story.ClusterIp(absl::StrCat("10.96.0.", node_port % 100)).Endpoint({.address = backend, .node = node});
    story.Port(80, shunt::model::Protocol::kUdp, 8080, node_port);
    return story;
  }
  // As an agent does. Tests let every port through the filter.
  void AdmitOnlyNodePorts() {
    for (uint32_t index = 0; index < SHUNT_NODE_PORT_WORDS; ++index) {
      uint64_t word = 0;
      for (const uint16_t port : {kLocalPort, kRemotePort}) {
        const uint32_t bit = shunt_node_port_bit(IPPROTO_UDP, port);
        if (bit / 64 == index) word |= uint64_t{1} << bit % 64;
      }
      if (bpf_map_update_elem(node_->programs().map_fd("node_ports"), &index, &word, BPF_ANY) != 0) {
        Must(absl::ErrnoToStatus(errno, "set the node's ports"));
      }
    }
  }
  double Of(int program, const Packet& packet, int runs) {
    const Bytes bytes = ToBytes(node_->Arriving(kDevice, packet));
    return static_cast<double>(Must(shunt::packets::TimeProgram(program, bytes, context_, runs)).count());
  }
  double Time(const Packet& packet, int runs) { return Of(node_->programs().ingress_fd(), packet, runs); }
  double Floor(const Packet& packet, int runs) { return Of(empty_, packet, runs); }

  std::unique_ptr<shunt::sandbox::Sandbox> sandbox_;
  std::unique_ptr<PacketNode> node_;
  int empty_;
  RunContext context_;
};

}  // namespace

int main() {
  using shunt::packets::Tcp;
  using shunt::packets::Udp;
  Bench bench;
  const auto client = [](int number) { return absl::StrCat("198.51.100.7:", 20000 + number); };
  bench.PrintNew("new_through_the_stack", [&](int i) { return Udp(client(i), "192.0.2.10:30081"); });
  bench.PrintNew("new_past_the_stack", [&](int i) { return Udp(client(i), "192.0.2.10:30086"); });
  bench.PrintEach({
      {"of_another_host", Tcp(client(0), "192.0.2.99:443")},
      {"to_the_nodes_own_port", Tcp(client(0), "192.0.2.10:22")},
      {"established_through_the_stack", Udp(client(0), "192.0.2.10:30081").Payload(100)},
      {"established_past_the_stack", Udp(client(0), "192.0.2.10:30086").Payload(100)},
  });
  return 0;
}
