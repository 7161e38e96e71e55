// SPDX-License-Identifier: Apache-2.0
/*
 * Threads that move bytes between pairs of connected TCP sockets. Descriptors in, results out, no JavaScript types.
 * A relay owns its two descriptors from relay_engine_add() on, also where that fails.
 */
#ifndef LEAT_RELAY_ENGINE_H
#define LEAT_RELAY_ENGINE_H

#include <stddef.h>
#include <stdint.h>

/* Sides of a relay; also directions: bytes *from* that side. */
enum relay_side { RELAY_DOWNSTREAM = 0, RELAY_UPSTREAM = 1 };

enum relay_end {
  RELAY_CLOSED = 0,          /* both sides ended their stream in order */
  RELAY_DOWNSTREAM_LOST = 1, /* error tells the errno of that side */
  RELAY_UPSTREAM_LOST = 2,
  RELAY_IDLE = 3, /* no byte in either direction for the idle time */
  RELAY_CUT = 4,  /* relay_engine_cut_all(), or the engine was stopped */
};

/* Bytes that were read before the relay began, and go out first; freed with free(3). */
struct relay_prefix {
  uint8_t *bytes;
  size_t length;
};

struct relay_request {
  uint64_t id;
  int fd[2];
  struct relay_prefix prefix[2]; /* by the side they came from */
  uint64_t idle_ms;
};

struct relay_result {
  uint64_t id;
  uint64_t bytes[2]; /* by the side they came from */
  int32_t end;       /* enum relay_end */
  int32_t error;     /* errno, or 0 */
};

struct relay_engine;

/*
 * Starts the threads. on_results is called on one of them when results wait and none waited before; it must not block.
 * NULL with errno set where threads, epoll or eventfd can't be had.
 */
struct relay_engine *relay_engine_start(unsigned threads, void (*on_results)(void *context), void *context);

/* 0, or an errno; the relay then never began, and its descriptors and prefixes are gone. */
int relay_engine_add(struct relay_engine *engine, const struct relay_request *request);

/* Resets both sockets of a relay that never began, and frees its prefixes. */
void relay_discard(const struct relay_request *request);

/* Moves up to `most` results out, oldest first; returns how many. on_results is armed again when none are left. */
size_t relay_engine_take_results(struct relay_engine *engine, struct relay_result *results, size_t most);

/* Resets every relay that is open now, and those that are added until that is done. Their results follow. */
void relay_engine_cut_all(struct relay_engine *engine);

/* Cuts everything, ends the threads, frees the engine. Results that nobody took are lost. */
void relay_engine_stop(struct relay_engine *engine);

#endif
