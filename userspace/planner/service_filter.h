// SPDX-License-Identifier: Apache-2.0
// Which objects are this proxy's to serve.
#ifndef SHUNT_PLANNER_SERVICE_FILTER_H_
#define SHUNT_PLANNER_SERVICE_FILTER_H_

#include "userspace/model/endpoint_slice.h"
#include "userspace/model/service.h"

namespace shunt::planner {

// False for a Service without a ClusterIP (headless), for an ExternalName, and for one that carries the label
// service.kubernetes.io/service-proxy-name or service.kubernetes.io/headless, whatever the label's value.
bool IsServed(const model::Service& service);

// False for a slice that carries one of the same two labels.
bool IsServed(const model::EndpointSlice& slice);

}  // namespace shunt::planner

#endif  // SHUNT_PLANNER_SERVICE_FILTER_H_
