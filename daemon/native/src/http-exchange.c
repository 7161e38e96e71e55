// SPDX-License-Identifier: Apache-2.0
/*
 * The life of a leg. Reading goes on only where the bytes have somewhere to go: a request is not read while the one before
 * it is served, and no body faster than the other side takes it.
 */
#include <errno.h>
#include <sys/socket.h>

#include "http-internal.h"

static double sent_of(const struct http_leg *down) { return down->flowing ? (double)down->flow.moved : 0; }

static double received_of(const struct http_leg *down) {
  return down->peer != NULL && down->peer->flowing ? (double)down->peer->flow.moved : 0;
}

void http_unpair(struct http_leg *leg) {
  if (leg->peer != NULL) leg->peer->peer = NULL;
  leg->peer = NULL;
}

/* The exchange is over for its upstream leg; what becomes of the downstream one, TypeScript says. */
void http_part(struct http_engine *engine, struct http_leg *down, enum http_state state) {
  struct http_leg *up = down->peer;
  if (up != NULL) {
    up->state = LEG_BROKEN;
    http_set_deadline(engine, up, 0);
  }
  http_unpair(down);
  down->state = state;
  http_set_deadline(engine, down, 0);
}

void http_fail(struct http_engine *engine, struct http_leg *down, enum http_side side, int error) {
  http_tell(engine, HTTP_FAILED, down, side, error, sent_of(down), received_of(down));
  http_part(engine, down, side == HTTP_DOWNSTREAM && error != EPROTO ? LEG_BROKEN : LEG_HELD);
}

void http_break_off(struct http_engine *engine, struct http_leg *leg, enum http_row kind, int why) {
  http_tell(engine, kind, leg, why, 0, 0, 0);
  leg->state = LEG_BROKEN;
  http_set_deadline(engine, leg, 0);
}

void http_await_request(struct http_engine *engine, struct http_leg *leg, uint64_t ticks) {
  leg->state = LEG_AWAITS_HEAD;
  leg->flowing = leg->answering = leg->last = false;
  leg->scanned = 0;
  http_set_deadline(engine, leg, ticks);
  http_read_head(engine, leg);
}

void http_begin_to_linger(struct http_engine *engine, struct http_leg *leg) {
  leg->state = LEG_LINGERS;
  http_set_deadline(engine, leg, http_ticks(HTTP_LINGER_MS));
  if (leg->hung_up) leg->readable = true;
  http_queue(engine, leg);
}

/* Whether an upstream leg whose exchange is over may have another: nothing is left of this one, and nothing came ahead. */
static bool is_clean(struct http_engine *engine, const struct http_leg *down, struct http_leg *up) {
  if (!down->flow.whole || up->deaf || up->hung_up || up->lost != 0 || up->out.length > 0 || up->in.length > 0) return false;
  return !up->readable || (http_receive(up, engine->scratch, 1) < 0 && errno == EAGAIN);
}

static void settle(struct http_engine *engine, struct http_leg *down) {
  struct http_leg *up = down->peer;
  if (!down->answering || down->out.length > 0 || (up != NULL && !up->flow.whole)) return;
  const bool again = up != NULL && is_clean(engine, down, up);
  http_tell(engine, HTTP_DONE, down, sent_of(down), received_of(down), again, 0);
  http_part(engine, down, LEG_DRAINS);
  if (again) up->state = LEG_RESTS;
  if (up != NULL) up->flowing = false;
  if (down->last) http_begin_to_linger(engine, down);
  else if (down->flow.whole) http_await_request(engine, down, engine->keep_alive_ticks);
  else http_queue(engine, down);
}

void http_go_on(struct http_engine *engine, struct http_leg *down) {
  struct http_leg *up = down->peer;
  if (down->lost == 0) (void)http_flush(down);
  if (down->lost != 0) {
    http_fail(engine, down, HTTP_DOWNSTREAM, down->lost);
    return;
  }
  if (!http_pump(engine, down, down)) return;
  if (up != NULL && up->out.length > 0 && !http_flush(up)) up->deaf = true;
  if (up != NULL && up->state == LEG_AWAITS_HEAD) http_read_head(engine, up);
  if (down->state != LEG_MOVES) return;
  if (up != NULL && up->state == LEG_MOVES && !http_pump(engine, up, down)) return;
  settle(engine, down);
}

/* To close over unread bytes would be a reset, and that overtakes the answer in the client's kernel (RFC 9112 §9.6). */
static void linger(struct http_engine *engine, struct http_leg *leg) {
  bool over = leg->lost != 0 || !http_flush(leg);
  if (!over && leg->out.length > 0) return;
  if (!over && !leg->deaf) {
    leg->deaf = true;
    (void)shutdown(leg->fd, SHUT_WR);
  }
  for (size_t dropped = 0; !over && leg->readable; dropped += HTTP_SCRATCH_BYTES) {
    if (dropped >= HTTP_TURN_BYTES) {
      http_queue(engine, leg);
      return;
    }
    const ssize_t got = http_receive(leg, engine->scratch, HTTP_SCRATCH_BYTES);
    over = got == 0 || (got < 0 && errno != EAGAIN);
  }
  if (over) http_close_leg(engine, leg, false);
}

void http_advance(struct http_engine *engine, struct http_leg *leg) {
  if (!http_has_room(engine)) {
    http_queue(engine, leg);
    return;
  }
  if (leg->side == HTTP_UPSTREAM && leg->peer != NULL) leg = leg->peer;
  switch (leg->state) {
    case LEG_AWAITS_HEAD:
      http_read_head(engine, leg);
      break;
    case LEG_HELD:
      if (leg->lost != 0) http_break_off(engine, leg, HTTP_ENDED, leg->lost);
      break;
    case LEG_MOVES:
      http_go_on(engine, leg);
      break;
    case LEG_DRAINS:
      http_drain(engine, leg);
      break;
    case LEG_RESTS:
      /* Nothing may come now: an end, or bytes that nobody asked for. */
      if (leg->lost != 0) http_break_off(engine, leg, HTTP_ENDED, leg->lost);
      else if (leg->in.length > 0) http_break_off(engine, leg, HTTP_ENDED, EPROTO);
      else if (leg->readable) {
        const ssize_t got = http_receive(leg, engine->scratch, 1);
        if (got >= 0 || errno != EAGAIN) http_break_off(engine, leg, HTTP_ENDED, got > 0 ? EPROTO : leg->lost);
      }
      break;
    case LEG_LINGERS:
      linger(engine, leg);
      break;
  }
}

void http_expire(struct http_engine *engine, struct http_leg *leg) {
  const struct http_leg *up = leg->peer;
  enum http_wait wait = HTTP_WAITS_FOR_USE;
  http_set_deadline(engine, leg, 0);
  if (leg->state == LEG_LINGERS) {
    http_close_leg(engine, leg, false);
    return;
  }
  if (leg->side == HTTP_DOWNSTREAM) {
    if (leg->state == LEG_AWAITS_HEAD) wait = leg->in.length > 0 ? HTTP_WAITS_FOR_HEAD : HTTP_WAITS_FOR_REQUEST;
    else if (leg->state == LEG_DRAINS) wait = HTTP_WAITS_FOR_CLIENT_BODY;
    else if (leg->out.length > 0 || up == NULL) wait = HTTP_WAITS_FOR_READER;
    else if (up->state == LEG_MOVES) wait = HTTP_WAITS_FOR_UPSTREAM_BODY;
    else wait = leg->flow.whole || up->out.length > 0 ? HTTP_WAITS_FOR_ANSWER : HTTP_WAITS_FOR_CLIENT_BODY;
  }
  http_tell(engine, HTTP_LATE, leg, wait, sent_of(leg), received_of(leg), 0);
  if (leg->side == HTTP_UPSTREAM) leg->state = LEG_BROKEN;
  else http_part(engine, leg, LEG_HELD);
}
