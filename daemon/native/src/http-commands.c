// SPDX-License-Identifier: Apache-2.0
/* What TypeScript decided, carried out. A command that came too late, for its leg has ended meanwhile, does nothing. */
#include <errno.h>

#include "http-internal.h"

static void begin_request(struct http_leg *down, enum http_framing framing, uint64_t length) {
  if (down->flowing) return;
  http_begin_flow(&down->flow, framing, length);
  down->flow.drops_trailers = true;
  down->flowing = true;
}

static void ask(struct http_engine *engine, struct http_leg *down, struct http_leg *up, const double *command,
                const uint8_t *head, size_t length) {
  if (down->state != LEG_HELD) return;
  const bool usable = up != NULL && up->state == LEG_RESTS && up->lost == 0 && up->in.length == 0;
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
    if (!http_send_with_body(up, down, head, length)) {
      http_fail(engine, down, HTTP_DOWNSTREAM, EPROTO);
      return;
    }
    if (up->lost == 0 || !bodiless) {
      if (up->lost != 0) up->deaf = true;
      http_set_piece_deadline(engine, down);
      http_go_on(engine, down);
      return;
    }
  }
  /* Nothing was sent: any request may be sent on another leg. */
  http_tell(engine, HTTP_FAILED, down, HTTP_UPSTREAM, ECONNRESET, -1, 0);
  http_part(engine, down, LEG_HELD);
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
  if (!http_send_with_body(down, up, head, length)) {
    http_fail(engine, down, HTTP_UPSTREAM, EPROTO);
    return;
  }
  http_set_piece_deadline(engine, down);
  http_go_on(engine, down);
}

static void refuse(struct http_engine *engine, struct http_leg *down, const double *command, const uint8_t *bytes, size_t length) {
  if (down->state != LEG_HELD || down->peer != NULL) return;
  begin_request(down, (enum http_framing)command[5], (uint64_t)command[6]);
  down->state = LEG_MOVES;
  down->answering = true;
  down->last = command[7] != 0;
  down->piece_ticks = http_ticks(command[8]);
  (void)http_send(down, bytes, length, NULL, 0);
  http_set_piece_deadline(engine, down);
  http_go_on(engine, down);
}

static void answer_meanwhile(struct http_engine *engine, struct http_leg *down, const uint8_t *head, size_t length) {
  struct http_leg *up = down->peer;
  if (up == NULL || up->state != LEG_HELD) return;
  up->state = LEG_AWAITS_HEAD;
  (void)http_send(down, head, length, NULL, 0);
  http_set_piece_deadline(engine, down);
  http_go_on(engine, down);
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
      http_part(engine, leg, LEG_HELD);
      http_begin_to_linger(engine, leg);
      break;
    case HTTP_REST:
      if (leg->state == LEG_RESTS) http_set_deadline(engine, leg, http_ticks(command[7]));
      break;
  }
}
