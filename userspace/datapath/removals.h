// SPDX-License-Identifier: Apache-2.0
#ifndef SHUNT_DATAPATH_REMOVALS_H_
#define SHUNT_DATAPATH_REMOVALS_H_

#include "userspace/model/service_plan.h"

namespace shunt::datapath {

// Whether sockets may have lost the backend that they are connected to, by protocol: a set has been published that
// lacks a member of the one before, that follows an empty one (a socket may remember the one before that), or that a
// frontend leads to from now on.
struct Removals {
  bool tcp = false;
  bool udp = false;

  void Note(model::Protocol protocol) {
    tcp |= protocol == model::Protocol::kTcp;
    udp |= protocol == model::Protocol::kUdp;
  }
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_REMOVALS_H_
