// SPDX-License-Identifier: Apache-2.0
// Decides which objects this proxy serves.
#ifndef SHUNT_PLANNER_SERVICE_FILTER_H_
#define SHUNT_PLANNER_SERVICE_FILTER_H_

#include "userspace/model/endpoint_slice.h"
#include "userspace/model/service.h"

namespace shunt::planner {

// Returns false for a Service without a ClusterIP (headless), for an ExternalName, and for a Service with the label
// service.kubernetes.io/service-proxy-name or service.kubernetes.io/headless, whatever the label's value.
bool IsServed(const model::Service& service);

// Returns false for a slice with one of these two labels.
bool IsServed(const model::EndpointSlice& slice);

}  // namespace shunt::planner

#endif  // SHUNT_PLANNER_SERVICE_FILTER_H_
