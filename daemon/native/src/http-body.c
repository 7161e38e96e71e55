// SPDX-License-Identifier: Apache-2.0
/* Bodies: from socket to socket, no faster than the one that gets them takes them. */
#include <errno.h>

#include "http-internal.h"

void http_set_piece_deadline(struct http_engine *engine, struct http_leg *down) {
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
bool http_pump(struct http_engine *engine, struct http_leg *source, struct http_leg *down) {
  struct http_leg *sink = source == down ? down->peer : down;
  size_t moved = 0;
  while (source->flowing && !source->flow.whole) {
    const bool dropped = sink == NULL || sink->deaf;
    if (!dropped && sink->out.length > 0) {
      if (!http_flush(sink)) {
        if (sink == down) http_fail(engine, down, HTTP_DOWNSTREAM, sink->lost);
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
      if (source->flow.framing == HTTP_UNTIL_END && source->lost == 0 && !http_was_cut(source->fd)) {
        source->flow.whole = true;
        return true;
      }
      http_fail(engine, down, source->side, source->lost);
      return false;
    }
    const bool was_kept = source->in.length > 0;
    const struct http_framed framed = http_frame(&source->flow, bytes, length);
    if (framed.bad) {
      http_fail(engine, down, source->side, EPROTO);
      return false;
    }
    if (!dropped && !http_send(sink, NULL, 0, bytes, framed.kept)) {
      if (sink == down) {
        http_fail(engine, down, HTTP_DOWNSTREAM, sink->lost);
        return false;
      }
      sink->deaf = true;
    }
    if (was_kept) http_use(&source->in, framed.taken);
    else if (framed.taken < length && !http_keep(&source->in, bytes + framed.taken, length - framed.taken)) {
      http_fail(engine, down, source->side, ENOMEM);
      return false;
    }
    http_set_piece_deadline(engine, down);
    moved += length;
    if (moved >= HTTP_TURN_BYTES && !source->flow.whole) {
      http_queue(engine, down);
      return true;
    }
  }
  return true;
}


void http_drain(struct http_engine *engine, struct http_leg *down) {
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
      http_break_off(engine, down, HTTP_ENDED, framed.bad ? EPROTO : down->lost);
      return;
    }
    dropped += length;
    if (down->in.length > 0) http_use(&down->in, framed.taken);
    else if (framed.taken < length && !http_keep(&down->in, bytes + framed.taken, length - framed.taken)) {
      http_break_off(engine, down, HTTP_ENDED, ENOMEM);
      return;
    }
    http_set_deadline(engine, down, ticks);
  }
  http_await_request(engine, down, engine->keep_alive_ticks);
}

/* The first piece of a body goes with its head; false where its framing is broken. */
bool http_send_with_body(struct http_leg *sink, struct http_leg *source, const uint8_t *head, size_t length) {
  struct http_framed framed = {0, 0, false};
  if (source != NULL && !source->flow.whole && source->in.length > 0)
    framed = http_frame(&source->flow, source->in.at, source->in.length);
  if (framed.bad) return false;
  (void)http_send(sink, head, length, source == NULL ? NULL : source->in.at, framed.kept);
  if (framed.taken > 0) http_use(&source->in, framed.taken);
  return true;
}
