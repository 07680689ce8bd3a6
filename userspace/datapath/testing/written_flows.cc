// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/testing/written_flows.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <cstdint>
#include <map>

#include "bpf/abi.h"
#include "bpf/packet_abi.h"
#include "userspace/datapath/codec.h"
#include "userspace/model/ip_address.h"

namespace shunt::datapath {
namespace {

shunt_flow MakeFlow(const char* client, uint16_t client_port, const char* frontend, uint16_t frontend_port) {
  shunt_flow flow = {};
  flow.client = flow.source = EncodeAddress(*model::IpAddress::Parse(client));
  flow.client_port = flow.source_port = htons(client_port);
  flow.frontend = EncodeAddress(*model::IpAddress::Parse(frontend));
  flow.frontend_port = htons(frontend_port);
  flow.state = SHUNT_FLOW_SETTLED;
  flow.protocol = IPPROTO_TCP;
  flow.mode = SHUNT_FLOW_STACK;
  flow.reverse_device = 2;
  return flow;
}

void SetBackend(shunt_flow& flow, const char* address, uint16_t port) {
  flow.backend_address = EncodeAddress(*model::IpAddress::Parse(address));
  flow.backend_port = htons(port);
}

}  // namespace

void WriteFlows(const Tables& tables) {
  shunt_flow sent_on = MakeFlow("192.0.2.9", 40'000, "203.0.113.5", 30'080);
  SetBackend(sent_on, "10.244.2.5", 8080);
  sent_on.source = EncodeAddress(*model::IpAddress::Parse("203.0.113.5"));
  sent_on.source_port = htons(50'000);
  sent_on.state |= SHUNT_FLOW_REPLIED | SHUNT_FLOW_CONFIRMED;
  sent_on.mode = SHUNT_FLOW_REDIRECT;
  sent_on.flags = SHUNT_FLOW_SNAT;
  sent_on.service_port = 1;
  sent_on.last_use = 1'000;
  sent_on.forward_device = 2;
  sent_on.forward_hop = uint64_t{0x0200000000fe} << SHUNT_HOP_SHIFT | 7;
  shunt_flow opening = MakeFlow("2001:db8::9", 40'000, "2001:db8::5", 30'080);
  SetBackend(opening, "fd00:244::7", 8080);
  opening.service_port = 99;  // its Service has gone
  shunt_flow host = MakeFlow("203.0.113.5", 50'001, "10.244.2.5", 8080);
  SetBackend(host, "10.244.2.5", 8080);
  host.flags = SHUNT_FLOW_HOST | SHUNT_FLOW_SNAT;
  const shunt_flow flows[] = {sent_on, opening, host};
  for (uint32_t i = 0; i < 3; ++i) EXPECT_TRUE(tables.flow_rows->Store(i, BytesOf(flows[i])).ok());
  EXPECT_TRUE(tables.flow_taken->StoreWord(0, 0, 7).ok());
  EXPECT_TRUE(tables.flow_level->Store(0, BytesOf(shunt_flow_level{.tick = 1'500, .rounds = 1})).ok());
  shunt_meta meta = {};
  EXPECT_TRUE(tables.meta->Load(0, MutableBytesOf(meta)).ok());
  // A seed that is the same in every run: it picks the set.
  meta.flow_seed = 7;
  EXPECT_TRUE(tables.meta->Store(0, BytesOf(meta)).ok());
  const uint32_t sets = tables.snat_ports->capacity() / SHUNT_SNAT_WORDS;
  std::map<uint32_t, uint64_t> words;
  for (const shunt_flow& flow : {sent_on, host}) {
    const uint32_t bit = shunt_snat_bit(ntohs(flow.source_port));
    words[shunt_snat_set(meta.flow_seed, &flow, sets) * SHUNT_SNAT_WORDS + bit / 64] |= uint64_t{1} << (bit % 64);
  }
  for (const auto& [index, word] : words) EXPECT_TRUE(tables.snat_ports->StoreWord(index, 0, word).ok());
}

void WriteDevice(const Tables& tables, uint32_t ifindex) {
  const shunt_device device = {.role = SHUNT_DEVICE_EXTERNAL, .link_header = 14, .mtu = 1500};
  EXPECT_TRUE(tables.devices->Put(BytesOf(ifindex), BytesOf(device)).ok());
}

}  // namespace shunt::datapath
