// SPDX-License-Identifier: Apache-2.0
// The tour for a newcomer: shows each promise with what was really seen.
#ifndef SHUNT_PLAYGROUND_TOUR_H_
#define SHUNT_PLAYGROUND_TOUR_H_

#include <atomic>

#include "tests/playground/narrator.h"
#include "tests/playground/world.h"

namespace shunt::playground {

// Goes through the examples in `world`. Returns early when `interrupted` becomes true. The narrator counts the broken
// promises.
void GiveTour(World& world, Narrator& narrator, const std::atomic<bool>& interrupted);

// Explains how to play with it oneself, as commands for another terminal.
void ExplainShell(const World& world, Narrator& narrator);

}  // namespace shunt::playground

#endif  // SHUNT_PLAYGROUND_TOUR_H_
