// SPDX-License-Identifier: Apache-2.0
/* What the files of the relay engine share: its structures, and who calls whom. */
#ifndef LEAT_RELAY_INTERNAL_H
#define LEAT_RELAY_INTERNAL_H

#include <pthread.h>
#include <stdbool.h>

#include "relay-engine.h"

enum {
  BUFFER_BYTES = 32 * 1024,
  PIPE_BYTES = 1024 * 1024,
  /*
   * A large pipe halves the wake-ups of a bulk stream. Without CAP_SYS_RESOURCE a user has 16,384 pages for all its pipes
   * (pipe(7), pipe-user-pages-soft), and pipes made beyond that shrink to one or two: 32 large ones leave half for others.
   */
  LARGE_PIPES = 32,
  POOLED_PIPES = 64,
  TURN_BYTES = 1024 * 1024, /* a busy relay lets the others have their turn after that */
  EVENTS = 256,
  TICK_MS = 250,
  WHEEL_SLOTS = 1024,
  LISTENERS = 4,
  ACCEPT_TURN = 128,
  /* conntrack forgets a flow in CLOSE_WAIT after 60 s; probes keep a half-closed leg known. */
  KEEPALIVE_S = 30,
  SETTLE_TICKS = 4, /* most connections are over before they need probes: those that live for a second get them */
};

struct pipe_pair {
  int read_end;
  int write_end;
  bool large;
};

/* Bytes from one side to the other. */
struct direction {
  struct relay_prefix held; /* bytes that the sink did not take yet */
  size_t held_offset;
  struct pipe_pair pipe; /* read_end < 0: none */
  size_t piped;
  size_t burst; /* bytes spliced since the source was drained last */
  uint64_t moved;
  bool readable;
  bool hung_up;  /* a FIN is queued behind the data: a short read does not mean drained */
  bool writable; /* of the sink */
  bool ended;    /* the source sent its FIN */
  bool shut;     /* which was passed on */
  bool bulk;
};

/* A relay whose upstream is not reached yet. */
struct dialing {
  struct sockaddr_storage address;
  uint64_t connect_ms;
  size_t offset; /* of the step in the script */
  int step;
  bool said;
  uint16_t have;
  uint8_t answer[262]; /* the longest SOCKS5 reply */
  size_t script_length;
  uint8_t script[];
};

struct relay {
  uint64_t id;
  int fd[2];
  struct direction from[2];
  struct dialing *dialing; /* NULL: bytes are relayed */
  uint64_t idle_ms;
  uint64_t idle_ticks;
  uint64_t last_tick; /* of the last byte */
  bool settled; /* has the probes that it needs */
  bool dead;
  bool queued;
  struct relay *next, *previous; /* slot of the wheel */
  size_t slot;
  struct relay *next_ready;
};

struct worker {
  struct relay_engine *engine;
  pthread_t thread;
  int epoll_fd;
  int wake_fd;
  bool unflushed;       /* of the thread that adds */
  pthread_mutex_t lock; /* of the ones below */
  struct relay *first, **last; /* that are to begin */
  bool cut, stop, deaf;
  int heard[LISTENERS]; /* listeners that are to be watched from now on */
  unsigned hearing;
  /* the thread's own */
  struct relay *wheel[WHEEL_SLOTS];
  uint64_t tick;
  size_t relays;
  struct relay *ready;
  struct relay *dead;
  bool announce; /* once all events of a batch are handled */
  int listeners[LISTENERS];
  unsigned listening;
  int spare_fd; /* given up to reset a client when no other descriptor is left */
  struct pipe_pair pool[POOLED_PIPES];
  size_t pooled;
  unsigned large_pipes; /* that are open */
  uint8_t buffer[BUFFER_BYTES];
};

struct relay_engine {
  struct worker *workers;
  unsigned count;
  unsigned next;
  void (*on_results)(void *);
  void *context;
  pthread_mutex_t lock; /* of the ones below */
  struct relay_result *results;
  size_t waiting, taken, capacity;
  struct relay_accepted *accepted;
  size_t accepted_waiting, accepted_taken, accepted_capacity;
  bool announced, accepted_announced; /* apart: each queue is emptied by a call of its own */
};

/* relay-wheel.c: idle deadlines, one list per tick instead of a timer each. */
uint64_t relay_now_tick(void);
void relay_schedule(struct worker *worker, struct relay *relay);
void relay_unschedule(struct worker *worker, struct relay *relay);
void relay_turn_wheel(struct worker *worker);

/* relay-results.c */
bool relay_queue_result(struct relay_engine *engine, const struct relay_result *result);
void relay_report(struct worker *worker, const struct relay_result *result);
bool relay_report_accepted(struct worker *worker, const struct relay_accepted *accepted);

/* relay-accept.c */
void relay_watch_listener(struct worker *worker, int fd);
void relay_accept(struct worker *worker, int fd);
void relay_close_listeners(struct worker *worker);

/* relay-dial.c */
bool relay_script_is_valid(const uint8_t *script, size_t length); /* false: relay_go_on_dialing() could not follow it */
bool relay_plan_dial(struct relay *relay, const struct relay_dial *dial);
int relay_begin_dial(struct relay *relay);
void relay_go_on_dialing(struct worker *worker, struct relay *relay, uint32_t events);
void relay_free_dialing(struct relay *relay);

/* relay-pump.c: the life of one relay. Nothing is freed before relay_free_dead(): events of a batch may still name it. */
void relay_handle_event(struct worker *worker, struct relay *relay, int side, uint32_t events);
void relay_pump(struct worker *worker, struct relay *relay);
void relay_end(struct worker *worker, struct relay *relay, enum relay_end end, int error);
void relay_expire(struct worker *worker, struct relay *relay);
void relay_settle(struct relay *relay);
int relay_watch(struct worker *worker, struct relay *relay, int side);
uint64_t relay_ticks(uint64_t ms);
int relay_socket_error(int fd);
void relay_close_pool(struct worker *worker);

#endif
