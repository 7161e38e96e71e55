// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>

#include "relay-internal.h"

static bool reserve_result(struct relay_engine *engine) {
  if (engine->waiting < engine->capacity) return true;
  if (engine->taken > 0) {
    engine->waiting -= engine->taken;
    memmove(engine->results, engine->results + engine->taken, engine->waiting * sizeof(*engine->results));
    engine->taken = 0;
    return true;
  }
  const size_t capacity = engine->capacity == 0 ? 256 : engine->capacity * 2;
  struct relay_result *grown = realloc(engine->results, capacity * sizeof(*grown));
  if (grown == NULL) return false;
  engine->results = grown;
  engine->capacity = capacity;
  return true;
}

static bool reserve_accepted(struct relay_engine *engine) {
  if (engine->accepted_waiting < engine->accepted_capacity) return true;
  const size_t capacity = engine->accepted_capacity == 0 ? 64 : engine->accepted_capacity * 2;
  struct relay_accepted *grown = realloc(engine->accepted, capacity * sizeof(*grown));
  if (grown == NULL) return false;
  engine->accepted = grown;
  engine->accepted_capacity = capacity;
  return true;
}

/* True where on_results has to be called. */
bool relay_queue_result(struct relay_engine *engine, const struct relay_result *result) {
  pthread_mutex_lock(&engine->lock);
  const bool queued = reserve_result(engine);
  if (queued) engine->results[engine->waiting++] = *result;
  const bool announce = queued && !engine->announced;
  engine->announced = engine->announced || queued;
  pthread_mutex_unlock(&engine->lock);
  return announce;
}

void relay_report(struct worker *worker, const struct relay_result *result) {
  if (relay_queue_result(worker->engine, result)) worker->announce = true;
}

size_t relay_engine_take_results(struct relay_engine *engine, struct relay_result *results, size_t most) {
  pthread_mutex_lock(&engine->lock);
  size_t count = engine->waiting - engine->taken;
  if (count > most) count = most;
  if (count > 0) memcpy(results, engine->results + engine->taken, count * sizeof(*results));
  engine->taken += count;
  if (engine->taken == engine->waiting) {
    engine->taken = engine->waiting = 0;
    engine->announced = false;
  }
  pthread_mutex_unlock(&engine->lock);
  return count;
}

/* False: out of memory, and the descriptor is still the caller's. */
bool relay_report_accepted(struct worker *worker, const struct relay_accepted *accepted) {
  struct relay_engine *engine = worker->engine;
  pthread_mutex_lock(&engine->lock);
  const bool reserved = reserve_accepted(engine);
  if (reserved) {
    engine->accepted[engine->accepted_waiting++] = *accepted;
    worker->announce = worker->announce || !engine->accepted_announced;
    engine->accepted_announced = true;
  }
  pthread_mutex_unlock(&engine->lock);
  return reserved;
}

size_t relay_engine_take_accepted(struct relay_engine *engine, struct relay_accepted *accepted, size_t most) {
  pthread_mutex_lock(&engine->lock);
  size_t count = engine->accepted_waiting - engine->accepted_taken;
  if (count > most) count = most;
  if (count > 0) memcpy(accepted, engine->accepted + engine->accepted_taken, count * sizeof(*accepted));
  engine->accepted_taken += count;
  if (engine->accepted_taken == engine->accepted_waiting) {
    engine->accepted_taken = engine->accepted_waiting = 0;
    engine->accepted_announced = false;
  }
  pthread_mutex_unlock(&engine->lock);
  return count;
}
