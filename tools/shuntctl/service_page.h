// SPDX-License-Identifier: Apache-2.0
// The page of one Service.
#ifndef SHUNT_TOOLS_SHUNTCTL_SERVICE_PAGE_H_
#define SHUNT_TOOLS_SHUNTCTL_SERVICE_PAGE_H_

#include <string>

#include "shunt/admin/v1/service.pb.h"
#include "tools/shuntctl/options.h"

namespace shunt::shuntctl {

std::string ServicePage(const admin::v1::Service& service, const Options& options);

// Returns the address as AddressText does; *:PORT for a NodePort, which answers at every address of the node.
std::string FrontendAddressText(const admin::v1::Frontend& frontend);

}  // namespace shunt::shuntctl

#endif  // SHUNT_TOOLS_SHUNTCTL_SERVICE_PAGE_H_
