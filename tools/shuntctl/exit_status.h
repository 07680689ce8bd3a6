// SPDX-License-Identifier: Apache-2.0
#ifndef SHUNT_TOOLS_SHUNTCTL_EXIT_STATUS_H_
#define SHUNT_TOOLS_SHUNTCTL_EXIT_STATUS_H_

namespace shunt::shuntctl {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;  // the call failed, or `check` found something wrong
inline constexpr int kExitUsage = 2;
inline constexpr int kExitDrift = 4;  // `check` found only differences that the audit has repaired

}  // namespace shunt::shuntctl

#endif  // SHUNT_TOOLS_SHUNTCTL_EXIT_STATUS_H_
