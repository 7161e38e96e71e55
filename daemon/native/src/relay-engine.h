// SPDX-License-Identifier: Apache-2.0
/*
 * Threads that move bytes between pairs of connected TCP sockets. Descriptors in, results out, no JavaScript types.
 * A relay owns its two descriptors from relay_engine_add() on, whatever becomes of it.
 */
#ifndef LEAT_RELAY_ENGINE_H
#define LEAT_RELAY_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* Sides of a relay; also directions: bytes *from* that side. */
enum relay_side { RELAY_DOWNSTREAM = 0, RELAY_UPSTREAM = 1 };

enum relay_end {
  RELAY_CLOSED = 0,          /* both sides ended their stream in order */
  RELAY_DOWNSTREAM_LOST = 1, /* error tells the errno of that side */
  RELAY_UPSTREAM_LOST = 2,
  RELAY_IDLE = 3, /* no byte in either direction for the idle time */
  RELAY_CUT = 4,  /* relay_engine_cut_all(), or the engine was stopped */
  /* The upstream was not reached: the downstream descriptor goes back, untouched. */
  RELAY_DIAL_FAILED = 5,  /* error is the errno, 0 for an orderly end; step tells when */
  RELAY_DIAL_TIMEOUT = 6, /* of step */
  RELAY_DIAL_REFUSED = 7, /* answer is not what the script expects at step */
};

enum { RELAY_STEP_CONNECT = -1, RELAY_ANSWER_BYTES = 6 };

/* Bytes that were read before the relay began, and go out first; freed with free(3). */
struct relay_prefix {
  uint8_t *bytes;
  size_t length;
};

/* How to reach the upstream, and what to say there first; relay-dial.c describes a script. Stays the caller's. */
struct relay_dial {
  struct sockaddr_storage address;
  uint64_t connect_ms;
  const uint8_t *script;
  size_t script_length;
};

struct relay_request {
  uint64_t id;
  int fd[2]; /* the upstream's is -1 where it has to be dialled */
  const struct relay_dial *dial; /* else NULL */
  struct relay_prefix prefix[2]; /* by the side they came from */
  uint64_t idle_ms;
};

struct relay_result {
  uint64_t id;
  uint64_t bytes[2]; /* by the side they came from */
  int32_t end;       /* enum relay_end */
  int32_t error;     /* errno, or 0 */
  int32_t returned_fd; /* the downstream's after RELAY_DIAL_*, else -1: the caller owns it */
  int32_t step;
  uint32_t answer_length;
  uint8_t answer[RELAY_ANSWER_BYTES]; /* its beginning, after RELAY_DIAL_REFUSED */
};

/* A connection that came in on a listener. */
struct relay_accepted {
  int fd;    /* the caller owns it; -1: there was no descriptor for it and it was reset */
  int error; /* errno of accept4(2) or of SO_ORIGINAL_DST, or 0 */
  struct sockaddr_storage peer;
  struct sockaddr_storage destination; /* before nat changed it */
};

struct relay_engine;

/*
 * Starts the threads. on_results is called on one of them when results or accepted connections wait
 * and none waited before; it must not block.
 * NULL with errno set where threads, epoll or eventfd can't be had.
 */
struct relay_engine *relay_engine_start(unsigned threads, void (*on_results)(void *context), void *context);

/*
 * Queues a relay until relay_engine_flush(): one wake-up for all that was decided in a turn. One that can't begin has a
 * result like any other: RELAY_CUT with an errno.
 */
void relay_engine_add(struct relay_engine *engine, const struct relay_request *request);

void relay_engine_flush(struct relay_engine *engine);

/*
 * Accepts on the address from now on, for relay_engine_take_accepted(). The port that was bound, or -1 with errno set.
 * Sockets have no Nagle delay.
 */
int relay_engine_listen(struct relay_engine *engine, const struct sockaddr *address, socklen_t length, int backlog);

/* Closes all listeners, at the latest with the next flush. */
void relay_engine_stop_listening(struct relay_engine *engine);

/* Moves up to `most` accepted connections out, oldest first; returns how many. */
size_t relay_engine_take_accepted(struct relay_engine *engine, struct relay_accepted *accepted, size_t most);

/* Closes a socket so that its peer sees a reset. */
void relay_reset(int fd);

/*
 * Moves up to `most` results out, oldest first; returns how many. on_results is armed again when none are
 * left, and so it is for accepted connections.
 */
size_t relay_engine_take_results(struct relay_engine *engine, struct relay_result *results, size_t most);

/* Resets every relay that is open now, and those that are added until that is done. Their results follow. */
void relay_engine_cut_all(struct relay_engine *engine);

/* Cuts everything, ends the threads, frees the engine. Results that nobody took are lost. */
void relay_engine_stop(struct relay_engine *engine);

#endif
