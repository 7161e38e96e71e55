// SPDX-License-Identifier: Apache-2.0
/* What the files of the HTTP engine share. All of it belongs to one thread. */
#ifndef LEAT_HTTP_INTERNAL_H
#define LEAT_HTTP_INTERNAL_H

#include <sys/types.h>

#include "http-engine.h"
#include "http-framing.h"

enum {
  HTTP_EVENTS = 256,
  HTTP_READ_BYTES = 16 * 1024, /* of a head at a time */
  HTTP_REQUEST_HEAD_BYTES = 16 * 1024,
  HTTP_ANSWER_HEAD_BYTES = 64 * 1024,
  HTTP_SCRATCH_BYTES = 128 * 1024, /* of a body at a time */
  HTTP_FED_BYTES = 64 * 1024,      /* that an upstream leg is given ahead of need */
  HTTP_TURN_BYTES = 512 * 1024,    /* a busy exchange lets the others have their turn after that */
  HTTP_TICK_MS = 250,
  HTTP_LINGER_MS = 1000, /* as daemon/http/end-connection.ts */
  HTTP_EVENT_SHARE = 8,            /* events fill this part of the rows; a command tells three of them at most */
};

/* Bytes in memory of their own, or in the inbox until the next turn begins. */
struct http_bytes {
  uint8_t *at;
  size_t length;
  uint8_t *owned;
  size_t room; /* of what is owned */
};

enum http_state {
  LEG_AWAITS_HEAD, /* downstream: a request; upstream: the answer to the one that it was sent */
  LEG_HELD,        /* a head was told, or the end of an exchange: TypeScript has the word */
  LEG_MOVES,       /* downstream: in an exchange; upstream: its answer is on its way */
  LEG_DRAINS,      /* downstream: answered, and the rest of the request's body is dropped */
  LEG_RESTS,       /* upstream, without a request */
  LEG_LINGERS,     /* downstream: ended; what still comes is dropped */
  LEG_BROKEN,      /* told; waits for its reset */
};

struct http_leg {
  int fd; /* -1: the slot is free */
  uint32_t slot;
  uint64_t key;
  uint8_t side, state;
  bool readable, writable;
  bool hung_up;   /* a FIN is queued behind the data: a short read does not mean drained */
  bool deaf;      /* takes no more of a request; its answer may be there all the same */
  bool answering; /* downstream: the final answer has begun */
  bool last;      /* and ends the connection */
  bool flowing;   /* the flow is that of the exchange at hand */
  bool borrows, queued;
  int lost; /* errno of the socket */
  struct http_leg *peer, *next_queued;
  struct http_bytes in, out; /* read and not used; to be written */
  size_t scanned;
  struct http_flow flow; /* the body that comes from this leg */
  uint64_t answer_ticks, piece_ticks; /* downstream, of the exchange */
  uint64_t read_bytes, written_bytes;
};

struct http_engine {
  struct http_memory memory;
  int epoll_fd;
  struct http_leg **legs; /* by slot */
  uint64_t *deadlines;    /* by slot, in ticks; 0: none. Apart from the legs, so that looking at all of them is cheap */
  uint32_t slots, free_count;
  uint64_t adopted; /* legs so far */
  uint32_t *free_slots;
  uint64_t tick;
  uint64_t header_ticks, keep_alive_ticks;
  size_t rows;
  /* Half of the inbox: what is read in one turn is used by the commands of the next, which reads into the other half. */
  uint8_t *inbox;
  size_t inbox_used;
  size_t fed_bytes; /* of the other half: what legs were given since the last turn */
  struct http_leg *first_queued, **last_queued; /* have something to do without an event */
  uint32_t *borrowers;
  size_t borrowing;
  uint8_t scratch[HTTP_SCRATCH_BYTES];
};

/* http-engine.c */
bool http_has_room(const struct http_engine *engine);
size_t http_inbox_room(const struct http_engine *engine);
void http_borrow(struct http_engine *engine, struct http_leg *leg);
void http_tell(struct http_engine *engine, enum http_row kind, const struct http_leg *leg, double a, double b, double c, double d);
void http_queue(struct http_engine *engine, struct http_leg *leg);
void http_set_deadline(struct http_engine *engine, const struct http_leg *leg, uint64_t ticks);
uint64_t http_ticks(double ms);
void http_close_leg(struct http_engine *engine, struct http_leg *leg, bool reset);

/* http-leg.c: bytes of one socket */
ssize_t http_receive(struct http_leg *leg, uint8_t *bytes, size_t room);
bool http_keep(struct http_bytes *bytes, const uint8_t *more, size_t length);
void http_use(struct http_bytes *bytes, size_t length);
void http_forget(struct http_bytes *bytes);
bool http_flush(struct http_leg *leg);
bool http_send(struct http_leg *leg, const uint8_t *head, size_t head_length, const uint8_t *body, size_t body_length);
int http_socket_error(int fd);
bool http_was_cut(int fd);

/* http-head.c */
void http_read_head(struct http_engine *engine, struct http_leg *leg);

/* http-body.c */
bool http_pump(struct http_engine *engine, struct http_leg *source, struct http_leg *down);
void http_drain(struct http_engine *engine, struct http_leg *down);
bool http_send_with_body(struct http_leg *sink, struct http_leg *source, const uint8_t *head, size_t length);
void http_set_piece_deadline(struct http_engine *engine, struct http_leg *down);

/* http-exchange.c: the life of a leg and of an exchange */
void http_advance(struct http_engine *engine, struct http_leg *leg);
void http_go_on(struct http_engine *engine, struct http_leg *down);
void http_part(struct http_engine *engine, struct http_leg *down, enum http_state state);
void http_fail(struct http_engine *engine, struct http_leg *down, enum http_side side, int error);
void http_break_off(struct http_engine *engine, struct http_leg *leg, enum http_row kind, int why);
void http_begin_to_linger(struct http_engine *engine, struct http_leg *leg);
void http_expire(struct http_engine *engine, struct http_leg *leg);
void http_unpair(struct http_leg *leg);
void http_await_request(struct http_engine *engine, struct http_leg *leg, uint64_t ticks);

/* http-commands.c */
void http_run_command(struct http_engine *engine, const double *command);

#endif
