// SPDX-License-Identifier: Apache-2.0
/* Random numbers of a driver, the same for the same seed. */
#ifndef LEAT_RANDOM_H
#define LEAT_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

static uint64_t random_state; /* not 0 */

static uint64_t random_below(uint64_t bound) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return random_state % bound;
}

static bool one_in(uint64_t n) { return random_below(n) == 0; }

#endif
