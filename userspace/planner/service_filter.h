// SPDX-License-Identifier: Apache-2.0
// Decides which objects this proxy serves.
#ifndef SHUNT_PLANNER_SERVICE_FILTER_H_
#define SHUNT_PLANNER_SERVICE_FILTER_H_

#include "absl/strings/string_view.h"
#include "userspace/model/endpoint_slice.h"
#include "userspace/model/service.h"

namespace shunt::planner {

// The two labels are kube-proxy's of 1.36, whatever their value; each means nothing on an object of the other kind.
// Controllers copy a Service's labels to its slices a moment later: a Service that gets rid of service-proxy-name is
// served at once, with slices that still have it.

// Returns whether the Service's ClusterIP is "None". An ExternalName is not headless.
bool IsHeadless(const model::Service& service);

// Returns false for a Service without a ClusterIP (headless), for an ExternalName, and for a Service with the label
// service.kubernetes.io/service-proxy-name.
bool IsServed(const model::Service& service);

// Returns what a Service lacks that is dialled at a ClusterIP: "" if it lacks nothing, or is headless, an ExternalName
// or another proxy's. The API server fills in a ClusterIP; a manifest may have it misspelt.
absl::string_view WhatIsLacking(const model::Service& service);

// Returns false for a slice with the label service.kubernetes.io/headless.
bool IsServed(const model::EndpointSlice& slice);

}  // namespace shunt::planner

#endif  // SHUNT_PLANNER_SERVICE_FILTER_H_
