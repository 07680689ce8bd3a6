// SPDX-License-Identifier: Apache-2.0
// One Service as a page for people.
#ifndef SHUNT_TOOLS_SHUNTCTL_SERVICE_PAGE_H_
#define SHUNT_TOOLS_SHUNTCTL_SERVICE_PAGE_H_

#include <string>

#include "shunt/admin/v1/service.pb.h"
#include "tools/shuntctl/options.h"

namespace shunt::shuntctl {

std::string ServicePage(const admin::v1::Service& service, const Options& options);

// Ready, NoEndpoints, NoLocalEndpoints, Conflict or Failed: the worst that is true of this port.
std::string StateText(const admin::v1::Service& service, const admin::v1::ServicePort& port);

// As AddressText; a NodePort, which answers on every address of the node, is *:PORT.
std::string FrontendAddressText(const admin::v1::Frontend& frontend);

}  // namespace shunt::shuntctl

#endif  // SHUNT_TOOLS_SHUNTCTL_SERVICE_PAGE_H_
