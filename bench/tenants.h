// SPDX-License-Identifier: Apache-2.0
// The worst objects that a tenant may create, one kind each.
#ifndef SHUNT_BENCH_TENANTS_H_
#define SHUNT_BENCH_TENANTS_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "userspace/sources/source.h"

namespace shunt::bench
{

using Events = std::vector<sources::Event>;

struct Tenant {
	std::string name; // of the figure
	Events create;	  // what there is when the measurement begins
	std::function<Events(uint32_t)>
		change; // the tenant's change number i; each differs from the one before
};

// The namespace of all their objects.
inline constexpr char kTenant[] = "tenant";

// An object of `namespace_name`; index 0 to 65,535 is part of its ClusterIP. One port, 80.
model::Service MakeService(const std::string &namespace_name, const std::string &name, uint32_t index);
// The slice number `number` of the Service, for ports named "0" to "ports-1", with the endpoints `first` to first +
// endpoints - 1, each of which has an address of its own from 10.128.0.0/12.
model::EndpointSlice MakeSlice(const model::Service &service, uint32_t number, uint32_t first,
			       uint32_t endpoints, uint32_t ports = 1);

std::vector<Tenant> Tenants();

} // namespace shunt::bench

#endif // SHUNT_BENCH_TENANTS_H_
