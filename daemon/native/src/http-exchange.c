// SPDX-License-Identifier: Apache-2.0
/*
 * The life of a leg. Reading goes on only where the bytes have somewhere to go: a request is not read while the one before
 * it is served, and no body faster than the other side takes it.
 */
#include <errno.h>
#include <string.h>
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
static void part(struct http_engine *engine, struct http_leg *down, enum http_state state) {
  struct http_leg *up = down->peer;
  if (up != NULL) {
    up->state = LEG_BROKEN;
    http_set_deadline(engine, up, 0);
  }
  http_unpair(down);
  down->state = state;
  http_set_deadline(engine, down, 0);
}

static void fail(struct http_engine *engine, struct http_leg *down, enum http_side side, int error) {
  http_tell(engine, HTTP_FAILED, down, side, error, sent_of(down), received_of(down));
  part(engine, down, side == HTTP_DOWNSTREAM && error != EPROTO ? LEG_BROKEN : LEG_HELD);
}

static void break_off(struct http_engine *engine, struct http_leg *leg, enum http_row kind, int why) {
  http_tell(engine, kind, leg, why, 0, 0, 0);
  leg->state = LEG_BROKEN;
  http_set_deadline(engine, leg, 0);
}

/* A head can't be read any further. */
static void give_up_head(struct http_engine *engine, struct http_leg *leg, int error, bool odd, enum http_oddity oddity) {
  if (leg->side == HTTP_UPSTREAM) {
    fail(engine, leg->peer, HTTP_UPSTREAM, odd && oddity != HTTP_ODD_END ? EPROTO : error);
  } else if (odd) {
    http_tell(engine, HTTP_ODD, leg, oddity, 0, 0, 0);
    leg->state = LEG_HELD;
    http_set_deadline(engine, leg, 0);
  } else {
    break_off(engine, leg, HTTP_ENDED, error);
  }
}

static ssize_t receive_head(struct http_engine *engine, struct http_leg *leg) {
  if (leg->in.length > 0) {
    const ssize_t got = http_receive(leg, engine->scratch, HTTP_READ_BYTES);
    if (got > 0 && !http_keep(&leg->in, engine->scratch, (size_t)got)) {
      errno = ENOMEM;
      return -1;
    }
    return got;
  }
  uint8_t *at = engine->inbox + engine->inbox_used;
  const ssize_t got = http_receive(leg, at, HTTP_READ_BYTES);
  if (got <= 0) return got;
  leg->in = (struct http_bytes){.at = at, .length = (size_t)got};
  engine->inbox_used += (size_t)got;
  if (!leg->borrows) {
    leg->borrows = true;
    engine->borrowers[engine->borrowing++] = leg->slot;
  }
  return got;
}

static void tell_head(struct http_engine *engine, struct http_leg *leg, size_t length) {
  const uint8_t *head = leg->in.at;
  if (head < engine->inbox || head >= engine->inbox + engine->inbox_used) {
    memcpy(engine->inbox + engine->inbox_used, head, length);
    head = engine->inbox + engine->inbox_used;
    engine->inbox_used += length;
  }
  const size_t offset = (size_t)(head - engine->memory.inbox);
  http_use(&leg->in, length);
  http_tell(engine, HTTP_HEAD, leg, (double)offset, (double)length, (double)leg->in.length, 0);
  leg->state = LEG_HELD;
  leg->scanned = 0;
  http_set_deadline(engine, leg->side == HTTP_UPSTREAM ? leg->peer : leg, 0);
}

static void read_head(struct http_engine *engine, struct http_leg *leg) {
  const size_t limit = leg->side == HTTP_DOWNSTREAM ? HTTP_REQUEST_HEAD_BYTES : HTTP_ANSWER_HEAD_BYTES;
  const bool began = leg->in.length > 0;
  if (http_inbox_room(engine) < HTTP_ANSWER_HEAD_BYTES + HTTP_READ_BYTES) {
    http_queue(engine, leg->side == HTTP_DOWNSTREAM ? leg : leg->peer);
    return;
  }
  for (;;) {
    if (leg->in.length > leg->scanned) {
      const long head = http_scan_head(leg->in.at, leg->in.length, leg->side, &leg->scanned);
      const bool long_head = head > (long)limit || (head == HTTP_HEAD_MORE && leg->in.length >= limit);
      if (head == HTTP_HEAD_ODD || long_head) {
        give_up_head(engine, leg, 0, true, long_head ? HTTP_ODD_LENGTH : HTTP_ODD_BYTES);
        return;
      }
      if (head > 0) {
        tell_head(engine, leg, (size_t)head);
        return;
      }
    }
    if (!leg->readable) break;
    const ssize_t got = receive_head(engine, leg);
    if (got > 0) continue;
    if (got < 0 && errno == EAGAIN) break;
    give_up_head(engine, leg, got == 0 ? 0 : errno, leg->in.length > 0, HTTP_ODD_END);
    return;
  }
  if (leg->side == HTTP_DOWNSTREAM && !began && leg->in.length > 0) {
    const uint64_t late = engine->tick + engine->header_ticks;
    if (engine->deadlines[leg->slot] > late) http_set_deadline(engine, leg, engine->header_ticks);
  }
}

static void set_piece_deadline(struct http_engine *engine, struct http_leg *down) {
  const bool asked = down->peer != NULL && down->peer->state == LEG_AWAITS_HEAD && down->flow.whole;
  http_set_deadline(engine, down, asked ? down->answer_ticks : down->piece_ticks);
}

/* Body bytes that are there, framed in place. */
static bool take_body(struct http_engine *engine, struct http_leg *source, uint8_t **bytes, size_t *length) {
  if (source->in.length > 0) {
    *bytes = source->in.at;
    *length = source->in.length;
    return true;
  }
  if (!source->readable) return false;
  size_t room = HTTP_SCRATCH_BYTES;
  if (source->flow.framing == HTTP_LENGTH && source->flow.left < room) room = (size_t)source->flow.left;
  const ssize_t got = http_receive(source, engine->scratch, room);
  *bytes = engine->scratch;
  *length = got > 0 ? (size_t)got : 0;
  return got >= 0 || errno != EAGAIN;
}

/* Moves the body of `source`, a leg of the exchange, to the other one, or drops it; false where that ended the exchange. */
static bool pump(struct http_engine *engine, struct http_leg *source, struct http_leg *down) {
  struct http_leg *sink = source == down ? down->peer : down;
  size_t moved = 0;
  while (source->flowing && !source->flow.whole) {
    const bool dropped = sink == NULL || sink->deaf;
    if (!dropped && sink->out.length > 0) {
      if (!http_flush(sink)) {
        if (sink == down) fail(engine, down, HTTP_DOWNSTREAM, sink->lost);
        else sink->deaf = true;
        if (sink == down) return false;
        continue;
      }
      if (sink->out.length > 0) return true;
    }
    uint8_t *bytes;
    size_t length;
    if (!take_body(engine, source, &bytes, &length)) return true;
    if (length == 0) {
      if (source->flow.framing == HTTP_UNTIL_END && source->lost == 0) {
        source->flow.whole = true;
        return true;
      }
      fail(engine, down, source->side, source->lost);
      return false;
    }
    const bool was_kept = source->in.length > 0;
    const struct http_framed framed = http_frame(&source->flow, bytes, length);
    if (framed.bad) {
      fail(engine, down, source->side, EPROTO);
      return false;
    }
    if (!dropped && !http_send(sink, NULL, 0, bytes, framed.kept)) {
      if (sink == down) {
        fail(engine, down, HTTP_DOWNSTREAM, sink->lost);
        return false;
      }
      sink->deaf = true;
    }
    if (was_kept) http_use(&source->in, framed.taken);
    else if (framed.taken < length && !http_keep(&source->in, bytes + framed.taken, length - framed.taken)) {
      fail(engine, down, source->side, ENOMEM);
      return false;
    }
    set_piece_deadline(engine, down);
    moved += length;
    if (moved >= HTTP_TURN_BYTES && !source->flow.whole) {
      http_queue(engine, down);
      return true;
    }
  }
  return true;
}

void http_await_request(struct http_engine *engine, struct http_leg *leg, uint64_t ticks) {
  leg->state = LEG_AWAITS_HEAD;
  leg->flowing = leg->answering = leg->last = false;
  leg->scanned = 0;
  http_set_deadline(engine, leg, ticks);
  read_head(engine, leg);
}

static void begin_to_linger(struct http_engine *engine, struct http_leg *leg) {
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
  part(engine, down, LEG_DRAINS);
  if (again) up->state = LEG_RESTS;
  if (up != NULL) up->flowing = false;
  if (down->last) begin_to_linger(engine, down);
  else if (down->flow.whole) http_await_request(engine, down, engine->keep_alive_ticks);
  else http_queue(engine, down);
}

static void go_on(struct http_engine *engine, struct http_leg *down) {
  struct http_leg *up = down->peer;
  if (down->lost == 0) (void)http_flush(down);
  if (down->lost != 0) {
    fail(engine, down, HTTP_DOWNSTREAM, down->lost);
    return;
  }
  if (!pump(engine, down, down)) return;
  if (up != NULL && up->out.length > 0 && !http_flush(up)) up->deaf = true;
  if (up != NULL && up->state == LEG_AWAITS_HEAD) read_head(engine, up);
  if (down->state != LEG_MOVES) return;
  if (up != NULL && up->state == LEG_MOVES && !pump(engine, up, down)) return;
  settle(engine, down);
}

static void drain(struct http_engine *engine, struct http_leg *down) {
  const uint64_t ticks = down->piece_ticks;
  uint8_t *bytes;
  size_t length, dropped = 0;
  while (!down->flow.whole) {
    if (dropped >= HTTP_TURN_BYTES) {
      http_queue(engine, down);
      return;
    }
    if (!take_body(engine, down, &bytes, &length)) return;
    const struct http_framed framed = http_frame(&down->flow, bytes, length);
    if (length == 0 || framed.bad) {
      break_off(engine, down, HTTP_ENDED, framed.bad ? EPROTO : down->lost);
      return;
    }
    dropped += length;
    if (down->in.length > 0) http_use(&down->in, framed.taken);
    else if (framed.taken < length && !http_keep(&down->in, bytes + framed.taken, length - framed.taken)) {
      break_off(engine, down, HTTP_ENDED, ENOMEM);
      return;
    }
    http_set_deadline(engine, down, ticks);
  }
  http_await_request(engine, down, engine->keep_alive_ticks);
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
      read_head(engine, leg);
      break;
    case LEG_HELD:
      if (leg->lost != 0) break_off(engine, leg, HTTP_ENDED, leg->lost);
      break;
    case LEG_MOVES:
      go_on(engine, leg);
      break;
    case LEG_DRAINS:
      drain(engine, leg);
      break;
    case LEG_RESTS:
      /* Nothing may come now: an end, or bytes that nobody asked for. */
      if (leg->lost != 0) break_off(engine, leg, HTTP_ENDED, leg->lost);
      else if (leg->readable) {
        const ssize_t got = http_receive(leg, engine->scratch, 1);
        if (got >= 0 || errno != EAGAIN) break_off(engine, leg, HTTP_ENDED, got > 0 ? EPROTO : leg->lost);
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
  else part(engine, leg, LEG_HELD);
}

/* The first piece of a body goes with its head; false where its framing is broken. */
static bool send_with_body(struct http_leg *sink, struct http_leg *source, const uint8_t *head, size_t length) {
  struct http_framed framed = {0, 0, false};
  if (source != NULL && !source->flow.whole && source->in.length > 0)
    framed = http_frame(&source->flow, source->in.at, source->in.length);
  if (framed.bad) return false;
  (void)http_send(sink, head, length, source == NULL ? NULL : source->in.at, framed.kept);
  if (framed.taken > 0) http_use(&source->in, framed.taken);
  return true;
}

static void begin_request(struct http_leg *down, enum http_framing framing, uint64_t length) {
  if (down->flowing) return;
  http_begin_flow(&down->flow, framing, length);
  down->flow.drops_trailers = true;
  down->flowing = true;
}

static void ask(struct http_engine *engine, struct http_leg *down, struct http_leg *up, const double *command,
                const uint8_t *head, size_t length) {
  if (down->state != LEG_HELD) return;
  const bool usable = up != NULL && up->state == LEG_RESTS && up->lost == 0;
  if (usable) {
    begin_request(down, (enum http_framing)command[5], (uint64_t)command[6]);
    down->answer_ticks = http_ticks(command[7]);
    down->piece_ticks = http_ticks(command[8]);
    down->peer = up;
    up->peer = down;
    down->state = LEG_MOVES;
    up->state = LEG_AWAITS_HEAD;
    up->scanned = 0;
    up->flowing = false;
    http_set_deadline(engine, up, 0);
    const bool bodiless = down->flow.whole;
    if (!send_with_body(up, down, head, length)) {
      fail(engine, down, HTTP_DOWNSTREAM, EPROTO);
      return;
    }
    if (up->lost == 0 || !bodiless) {
      if (up->lost != 0) up->deaf = true;
      set_piece_deadline(engine, down);
      go_on(engine, down);
      return;
    }
  }
  /* Nothing was sent: any request may be sent on another leg. */
  http_tell(engine, HTTP_FAILED, down, HTTP_UPSTREAM, ECONNRESET, -1, 0);
  part(engine, down, LEG_HELD);
}

static void answer(struct http_engine *engine, struct http_leg *down, const double *command, const uint8_t *head, size_t length) {
  struct http_leg *up = down->peer;
  if (up == NULL || up->state != LEG_HELD) return;
  http_begin_flow(&up->flow, (enum http_framing)command[5], (uint64_t)command[6]);
  up->flowing = true;
  up->state = LEG_MOVES;
  down->answering = true;
  down->last = command[7] != 0;
  down->piece_ticks = http_ticks(command[8]);
  if (!send_with_body(down, up, head, length)) {
    fail(engine, down, HTTP_UPSTREAM, EPROTO);
    return;
  }
  set_piece_deadline(engine, down);
  go_on(engine, down);
}

static void refuse(struct http_engine *engine, struct http_leg *down, const double *command, const uint8_t *bytes, size_t length) {
  if (down->state != LEG_HELD || down->peer != NULL) return;
  begin_request(down, (enum http_framing)command[5], (uint64_t)command[6]);
  down->state = LEG_MOVES;
  down->answering = true;
  down->last = command[7] != 0;
  down->piece_ticks = http_ticks(command[8]);
  (void)http_send(down, bytes, length, NULL, 0);
  set_piece_deadline(engine, down);
  go_on(engine, down);
}

static void answer_meanwhile(struct http_engine *engine, struct http_leg *down, const uint8_t *head, size_t length) {
  struct http_leg *up = down->peer;
  if (up == NULL || up->state != LEG_HELD) return;
  up->state = LEG_AWAITS_HEAD;
  (void)http_send(down, head, length, NULL, 0);
  set_piece_deadline(engine, down);
  go_on(engine, down);
}

static struct http_leg *leg_at(const struct http_engine *engine, double slot) {
  if (!(slot >= 0) || slot >= engine->slots) return NULL;
  struct http_leg *leg = engine->legs[(uint32_t)slot];
  return leg->fd < 0 ? NULL : leg;
}

void http_run_command(struct http_engine *engine, const double *command) {
  struct http_leg *leg = leg_at(engine, command[1]);
  if (leg == NULL) return;
  const size_t offset = (size_t)command[3], length = (size_t)command[4];
  if (offset > engine->memory.outbox_bytes || length > engine->memory.outbox_bytes - offset) return;
  const uint8_t *head = engine->memory.outbox + offset;
  switch ((enum http_command)command[0]) {
    case HTTP_ASK:
      ask(engine, leg, leg_at(engine, command[2]), command, head, length);
      break;
    case HTTP_ANSWER:
      answer(engine, leg, command, head, length);
      break;
    case HTTP_INTERIM:
      answer_meanwhile(engine, leg, head, length);
      break;
    case HTTP_REFUSE:
      refuse(engine, leg, command, head, length);
      break;
    case HTTP_RESET:
      http_close_leg(engine, leg, true);
      break;
    case HTTP_CLOSE:
      http_close_leg(engine, leg, false);
      break;
    case HTTP_END:
      part(engine, leg, LEG_HELD);
      begin_to_linger(engine, leg);
      break;
    case HTTP_REST:
      if (leg->state == LEG_RESTS) http_set_deadline(engine, leg, http_ticks(command[7]));
      break;
  }
}
