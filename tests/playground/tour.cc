// SPDX-License-Identifier: Apache-2.0
#include "tests/playground/tour.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "tests/playground/dial.h"
#include "tests/sandbox/client_socket.h"

namespace shunt::playground {
namespace {

using sandbox::At;
using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

std::string Show(const model::SocketAddress& address) {
  return address.address.ToStringWithPort(address.port);
}

std::string Show(const Tally& tally) {
  return absl::StrJoin(
      tally, ", ", [](std::string* out, const auto& entry) { absl::StrAppend(out, entry.first, " ", entry.second); });
}

double Microseconds(std::chrono::nanoseconds time) {
  return static_cast<double>(time.count()) / 1000;
}

std::string Describe(const Visit& visit, absl::string_view question) {
  if (visit.error != 0) return absl::StrCat(visit.failed_at, " failed: ", TallyKey(visit));
  return absl::StrCat(visit.pod, " answered, ", question, " says ", Show(visit.peer));
}

class Tour {
 public:
  Tour(World& world, Narrator& narrator) : world_(world), narrator_(narrator) {}

  void ListServices();
  void Connections();
  void Datagrams();
  void Weights();
  void NodePorts();
  void Outside();
  void Refusals();
  void Affinity();
  void TakeAway();
  void Ctl();

 private:
  // Dials `to` and expects an answer of a pod whose name begins with `pod`, from the address that was dialled.
  void ExpectTcp(absl::string_view to, absl::string_view service, absl::string_view pod);
  void ExpectUdp(absl::string_view to, absl::string_view service, absl::string_view pod);
  void ExpectFromOutside(absl::string_view to, absl::string_view service, absl::string_view pod);
  void ExpectErrno(absl::string_view to, absl::string_view service, int error, absl::string_view why);

  World& world_;
  Narrator& narrator_;
};

void Tour::ListServices() {
  narrator_.Title("The Services of the examples");
  const auto line = [&](const std::string& name, const std::string& addresses, const std::string& ports,
                        const std::string& pods) {
    narrator_.Line(absl::StrFormat("   %-20s %-32s %-20s %s", name, addresses, ports, pods));
  };
  line("SERVICE", "CLUSTER-IPS", "PORTS", "ENDPOINTS");
  for (const model::Service& service : world_.shop().services) {
    std::vector<std::string> ports;
    for (const model::ServicePort& port : service.ports) {
      ports.push_back(absl::StrCat(port.port, "/", std::string(model::ProtocolName(port.protocol)),
                                   port.node_port == 0 ? "" : absl::StrCat(" node:", port.node_port)));
    }
    size_t endpoints = 0;
    for (const model::EndpointSlice& slice : world_.shop().slices) {
      if (slice.ServiceName() == service.name) endpoints += slice.endpoints.size();
    }
    line(service.name.ToString(), absl::StrJoin(service.cluster_ips, " "), absl::StrJoin(ports, " "),
         absl::StrCat(endpoints));
  }
}

void Tour::ExpectTcp(absl::string_view to, absl::string_view service, absl::string_view pod) {
  const Visit visit = VisitTcp(At(to));
  narrator_.Expect(visit.Reached(pod, At(to)),
                   absl::StrFormat("connect to %s (%s): %s", to, service, Describe(visit, "getpeername")));
}

void Tour::ExpectUdp(absl::string_view to, absl::string_view service, absl::string_view pod) {
  const Visit visit = VisitUdp(At(to));
  narrator_.Expect(visit.Reached(pod, At(to)),
                   absl::StrFormat("datagram to %s (%s): %s", to, service, Describe(visit, "recvfrom")));
}

void Tour::ExpectErrno(absl::string_view to, absl::string_view service, int error, absl::string_view why) {
  const Visit visit = VisitTcp(At(to));
  const std::string seen = visit.error == 0
                               ? absl::StrCat(visit.pod, " answered")
                               : absl::StrFormat("%s after %.0f us", TallyKey(visit), Microseconds(visit.took));
  narrator_.Expect(visit.error == error && visit.failed_at == "connect",
                   absl::StrFormat("connect to %s (%s, %s): %s", to, service, why, seen));
}

void Tour::Connections() {
  narrator_.Title("A connection to a ClusterIP arrives at a pod, and the socket still says what was dialled");
  for (int i = 0; i < 3; ++i) ExpectTcp("10.96.0.80:80", "shop/front", "front-");
  ExpectTcp("[fd00:10:96::80]:80", "shop/front", "front-");
}

void Tour::Datagrams() {
  narrator_.Title("UDP without a connection: the answer comes from the address that was asked");
  ExpectUdp("10.96.0.10:53", "kube-system/dns", "dns-");
  ExpectUdp("[fd00:10:96::a]:53", "kube-system/dns", "dns-");
}

void Tour::Weights() {
  constexpr int kConnections = 1000;
  constexpr double kShare = 0.1;  // of cart-v2
  narrator_.Title("Weights: shop/cart sends 9 of 10 connections to cart-v1 and 1 of 10 to cart-v2");
  Tally tally;
  for (int i = 0; i < kConnections; ++i) ++tally[TallyKey(VisitTcp(At("10.96.0.81:80")))];
  // Five standard deviations: chance alone exceeds them once in two million tours.
  const double tolerance = 5 * std::sqrt(kConnections * kShare * (1 - kShare));
  const double off = std::abs(tally["cart-v2"] - kConnections * kShare);
  const bool complete = tally["cart-v1"] + tally["cart-v2"] == kConnections;
  narrator_.Expect(complete && off <= tolerance,
                   absl::StrFormat("%d connections: %s (expected cart-v1 900, cart-v2 100, by chance up to %.0f off)",
                                   kConnections, Show(tally), tolerance));
}

void Tour::NodePorts() {
  narrator_.Title("shop/checkout's NodePort, here on the node, and its load balancer's address");
  ExpectTcp("127.0.0.1:30443", "NodePort on loopback", "checkout-");
  ExpectTcp("[::1]:30443", "NodePort on loopback", "checkout-");
  ExpectTcp("192.0.2.10:30443", "NodePort on the node's address", "checkout-");
  ExpectTcp("198.51.100.7:443", "load balancer", "checkout-");
}

void Tour::ExpectFromOutside(absl::string_view to, absl::string_view service, absl::string_view pod) {
  const absl::StatusOr<Visit> visit = world_.DialFromOutside(At(to));
  narrator_.Expect(visit.ok() && visit->Reached(pod, At(to)),
                   absl::StrFormat("from outside to %s (%s): %s", to, service,
                                   visit.ok() ? Describe(*visit, "getpeername") : visit.status().ToString()));
}

void Tour::Outside() {
  narrator_.Title("A client outside the node, 203.0.113.7: its packets are translated where they come in");
  for (int i = 0; i < 2; ++i) ExpectFromOutside("192.0.2.10:30443", "NodePort", "checkout-");
  ExpectFromOutside("198.51.100.7:443", "load balancer", "checkout-");
  ExpectFromOutside("[2001:db8:113::1]:30443", "NodePort", "checkout-");
  const absl::StatusOr<std::string> devices = OutputOf({world_.paths().shuntctl, "device", "list"});
  narrator_.Line(absl::StrCat("   shuntctl device list\n", devices.ok() ? *devices : devices.status().ToString()));
  narrator_.Expect(devices.ok() && devices->find("eth0") != std::string::npos, "shuntctl names the device");
}

void Tour::Refusals() {
  narrator_.Title("A connection that cannot be served fails at once, with an errno that says why");
  ExpectErrno("10.96.0.84:80", "shop/wishlist", ECONNREFUSED, "no endpoint");
  ExpectErrno("10.96.0.85:9100", "shop/node-metrics", EHOSTUNREACH, "Local policy, endpoint on another node");
  ExpectErrno("10.96.0.80:81", "shop/front", ECONNREFUSED, "no such port");
}

void Tour::Affinity() {
  narrator_.Title("Session affinity: shop/session keeps a client at one of its three ready pods");
  Tally tally;
  for (int i = 0; i < 50; ++i) ++tally[TallyKey(VisitTcp(At("10.96.0.83:6379")))];
  const std::string& only = tally.begin()->first;
  narrator_.Expect(tally.size() == 1 && only.compare(0, 8, "session-") == 0 && only != "session-d",
                   absl::StrCat("50 connections: ", Show(tally)));
}

// What a client saw while it dialled without pause.
struct Watch {
  Tally before;
  Tally between;  // while the file is edited and the agent follows
  Tally after;    // well after the edit
  int connections = 0;
  int failures = 0;
  Clock::time_point last_to_removed{};
};

void Tour::TakeAway() {
  narrator_.Title("A pod is taken away while a client dials: the manifest is edited, the agent follows");
  const model::SocketAddress front = At("10.96.0.80:80");
  const std::string removed = "front-c";
  Watch watch;
  const auto dial_for = [&](Clock::time_point until, Tally& tally) {
    while (Clock::now() < until) {
      const Visit visit = VisitTcp(front);
      ++watch.connections;
      watch.failures += visit.error != 0;
      ++tally[TallyKey(visit)];
      if (visit.pod == removed) watch.last_to_removed = Clock::now();
    }
  };
  dial_for(Clock::now() + milliseconds(300), watch.before);
  absl::Status edited;
  Clock::time_point edited_at{};
  std::thread editor([&] {
    edited = RemovePodFromFile(absl::StrCat(world_.manifests(), "/front.yaml"), removed);
    edited_at = Clock::now();
  });
  dial_for(Clock::now() + milliseconds(1500), watch.between);
  editor.join();
  dial_for(Clock::now() + milliseconds(300), watch.after);
  narrator_.Expect(edited.ok(),
                   edited.ok() ? absl::StrCat("removed ", removed, " from front.yaml") : std::string(edited.message()));
  narrator_.Expect(watch.before.size() == 3 && watch.before.count(removed) == 1,
                   absl::StrCat("before: ", Show(watch.before)));
  narrator_.Line(absl::StrCat("       around the edit: ", Show(watch.between)));
  narrator_.Expect(watch.after.size() == 2 && watch.after.count(removed) == 0,
                   absl::StrCat("after:  ", Show(watch.after)));
  narrator_.Expect(watch.failures == 0,
                   absl::StrCat(watch.connections, " connections in all, ", watch.failures, " failed"));
  const double late = Microseconds(watch.last_to_removed - edited_at) / 1000;
  narrator_.Line(late > 0
                     ? absl::StrFormat("       the last connection to %s was %.1f ms after the edit", removed, late)
                     : absl::StrFormat("       no connection to %s after the edit", removed));
}

void Tour::Ctl() {
  narrator_.Title("What the agent itself says: shuntctl service list");
  const absl::StatusOr<std::string> output = OutputOf({world_.paths().shuntctl, "service", "list"});
  narrator_.Line(output.ok() ? *output : std::string(output.status().message()));
  narrator_.Expect(output.ok() && output->find("front") != std::string::npos, "shuntctl answered");
}

}  // namespace

void GiveTour(World& world, Narrator& narrator, const std::atomic<bool>& interrupted) {
  Tour tour(world, narrator);
  using Stop = void (Tour::*)();
  for (const Stop stop : {&Tour::ListServices, &Tour::Connections, &Tour::Datagrams, &Tour::Weights, &Tour::NodePorts,
                          &Tour::Outside, &Tour::Refusals, &Tour::Affinity, &Tour::TakeAway, &Tour::Ctl}) {
    if (interrupted) return;
    (tour.*stop)();
    if (absl::Status status = world.AgentIsWell(); !status.ok()) {
      narrator.Expect(false, status.message());
      return;
    }
  }
}

void ExplainShell(const World& world, Narrator& narrator) {
  const std::string enter =
      absl::StrCat(::geteuid() == 0 ? "" : "sudo ", "nsenter -t ", ::getpid(), " -m -n ", world.shell());
  narrator.Line("\nPlay with it yourself. In another terminal, as root:\n");
  for (const absl::string_view line : {
           absl::string_view(""),
           absl::string_view(" shunt-playground dial 10.96.0.81:80 100"),
           absl::string_view(" shunt-playground dial 10.96.0.10:53/udp"),
           absl::string_view(" shuntctl service show shop/cart"),
           absl::string_view(" shuntctl map dump pools"),
           absl::string_view(" curl -s http://10.96.0.80/"),
       }) {
    narrator.Line(absl::StrCat("  ", enter, std::string(line)));
  }
  narrator.Line("\nThe first is a shell inside; vi manifests/cart.yaml there, change a weight, and dial again.");
  narrator.Line(absl::StrCat("The agent's log is ", world.agent_log(), " inside."));
}

}  // namespace shunt::playground
