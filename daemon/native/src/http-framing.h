// SPDX-License-Identifier: Apache-2.0
/* Where a message's parts end (RFC 9112): of heads the bytes only, their meaning is TypeScript's. */
#ifndef LEAT_HTTP_FRAMING_H
#define LEAT_HTTP_FRAMING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http-engine.h"

enum { HTTP_HEAD_MORE = 0, HTTP_HEAD_ODD = -1 };

/*
 * The length of the head that `bytes` begin with, its empty line included; HTTP_HEAD_MORE, or HTTP_HEAD_ODD as soon as it can't be a
 * plain one: line ends other than CRLF, control characters, an empty first line, an answer that is not HTTP/1.x.
 * `scanned` is what a call before looked at already, 0 at first.
 */
long http_scan_head(const uint8_t *bytes, size_t length, enum http_side side, size_t *scanned);

/* A body on its way. */
struct http_flow {
  uint8_t framing;
  uint8_t at; /* enum chunk_part, in http-framing.c */
  uint8_t digits;
  uint16_t trailer; /* bytes of the trailer section so far */
  bool drops_trailers; /* an upstream could take a field of the trailer section for one of the head */
  bool whole;
  uint64_t left; /* of the length, or of a chunk */
  uint64_t moved; /* payload */
};

void http_begin_flow(struct http_flow *flow, enum http_framing framing, uint64_t length);

struct http_framed {
  size_t taken; /* bytes that belong to the body */
  size_t kept;  /* of these what goes on: chunk extensions are taken out in place */
  bool bad;
};

struct http_framed http_frame(struct http_flow *flow, uint8_t *bytes, size_t length);

#endif
