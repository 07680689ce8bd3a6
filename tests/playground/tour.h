// SPDX-License-Identifier: Apache-2.0
// What a newcomer is shown: each promise with what was really seen.
#ifndef SHUNT_PLAYGROUND_TOUR_H_
#define SHUNT_PLAYGROUND_TOUR_H_

#include <atomic>

#include "tests/playground/narrator.h"
#include "tests/playground/world.h"

namespace shunt::playground {

// Goes through the examples in `world`. Returns early when `interrupted` becomes true. Whether everything was as
// promised, the narrator knows.
void GiveTour(World& world, Narrator& narrator, const std::atomic<bool>& interrupted);

// How to play with it oneself, as commands for another terminal.
void ExplainShell(const World& world, Narrator& narrator);

}  // namespace shunt::playground

#endif  // SHUNT_PLAYGROUND_TOUR_H_
