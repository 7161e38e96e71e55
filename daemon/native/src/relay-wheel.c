// SPDX-License-Identifier: Apache-2.0
#include <time.h>

#include "relay-internal.h"

uint64_t relay_now_tick(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return ((uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000) / TICK_MS;
}

/* One more: the last byte may have come at the very end of its tick. */
uint64_t relay_ticks(uint64_t ms) { return (ms + TICK_MS - 1) / TICK_MS + 1; }

void relay_schedule(struct worker *worker, struct relay *relay) {
  uint64_t ticks = relay->last_tick + relay->idle_ticks - worker->tick;
  if (ticks < 1) ticks = 1;
  if (!relay->settled && ticks > SETTLE_TICKS) ticks = SETTLE_TICKS;
  if (ticks >= WHEEL_SLOTS) ticks = WHEEL_SLOTS - 1; /* looked at again then */
  relay->slot = (worker->tick + ticks) % WHEEL_SLOTS;
  relay->previous = NULL;
  relay->next = worker->wheel[relay->slot];
  if (relay->next != NULL) relay->next->previous = relay;
  worker->wheel[relay->slot] = relay;
}

void relay_unschedule(struct worker *worker, struct relay *relay) {
  if (relay->previous != NULL) relay->previous->next = relay->next;
  else worker->wheel[relay->slot] = relay->next;
  if (relay->next != NULL) relay->next->previous = relay->previous;
}

void relay_turn_wheel(struct worker *worker) {
  const uint64_t now = relay_now_tick();
  while (worker->tick < now) {
    worker->tick++;
    struct relay *relay = worker->wheel[worker->tick % WHEEL_SLOTS];
    while (relay != NULL) {
      struct relay *next = relay->next;
      if (worker->tick - relay->last_tick >= relay->idle_ticks) {
        relay_expire(worker, relay);
      } else {
        relay_unschedule(worker, relay);
        relay_settle(relay);
        relay_schedule(worker, relay);
      }
      relay = next;
    }
  }
}
