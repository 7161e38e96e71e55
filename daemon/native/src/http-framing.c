// SPDX-License-Identifier: Apache-2.0
#include "http-framing.h"

#include <string.h>

enum { TRAILER_BYTES = 8 * 1024, SIZE_DIGITS = 13 };

static bool is_text(uint8_t byte) { return (byte >= 0x20 && byte != 0x7f) || byte == '\t'; }

long http_scan_head(const uint8_t *bytes, size_t length, enum http_side side, size_t *scanned) {
  static const char version[] = "HTTP/1.";
  if (*scanned == 0) {
    if (length > 0 && bytes[0] <= ' ') return HTTP_HEAD_ODD;
    const size_t known = length < sizeof(version) - 1 ? length : sizeof(version) - 1;
    if (side == HTTP_UPSTREAM && memcmp(bytes, version, known) != 0) return HTTP_HEAD_ODD;
  }
  size_t at = *scanned;
  while (at < length) {
    if (is_text(bytes[at])) {
      at++;
      continue;
    }
    if (bytes[at] != '\r') return HTTP_HEAD_ODD;
    if (at + 1 == length) break;
    if (bytes[at + 1] != '\n') return HTTP_HEAD_ODD;
    if (at >= 2 && bytes[at - 1] == '\n') return (long)(at + 2);
    at += 2;
  }
  *scanned = at;
  return HTTP_HEAD_MORE;
}

void http_begin_flow(struct http_flow *flow, enum http_framing framing, uint64_t length) {
  memset(flow, 0, sizeof(*flow));
  flow->framing = (uint8_t)framing;
  flow->left = length;
  flow->whole = framing == HTTP_NO_BODY || (framing == HTTP_LENGTH && length == 0);
  if (framing == HTTP_CHUNKED) flow->left = 0;
}

/* RFC 9112 §7.1, each part named by what it waits for. */
enum chunk_part { SIZE, EXTENSION, SIZE_LF, PAYLOAD, PAYLOAD_CR, PAYLOAD_LF, TRAILER_NAME, TRAILER_VALUE, TRAILER_LF, LAST_LF };

static int hex(uint8_t byte) {
  if (byte >= '0' && byte <= '9') return byte - '0';
  const uint8_t lower = byte | 0x20;
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static bool is_token(uint8_t byte) {
  return (byte >= '0' && byte <= '9') || ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z') ||
         (byte != 0 && strchr("!#$%&'*+-.^_`|~", byte) != NULL);
}

/* One byte of a chunk's line or of the trailer section; false where it can't stand there. `keep`: it goes on. */
static bool read_byte(struct http_flow *flow, uint8_t byte, bool *keep) {
  *keep = true;
  switch (flow->at) {
    case SIZE: {
      const int digit = hex(byte);
      if (digit >= 0) {
        if (++flow->digits > SIZE_DIGITS) return false;
        flow->left = flow->left << 4 | (uint64_t)digit;
        return true;
      }
      if (flow->digits == 0) return false;
      flow->at = byte == ';' ? EXTENSION : SIZE_LF;
      *keep = byte != ';';
      return byte == ';' || byte == '\r';
    }
    case EXTENSION:
      if (++flow->trailer > TRAILER_BYTES) return false;
      *keep = byte == '\r';
      if (byte == '\r') flow->at = SIZE_LF;
      return byte == '\r' || is_text(byte);
    case SIZE_LF:
      flow->at = flow->left > 0 ? PAYLOAD : TRAILER_NAME;
      flow->trailer = 0;
      flow->digits = 0;
      return byte == '\n';
    case PAYLOAD_CR:
      flow->at = PAYLOAD_LF;
      return byte == '\r';
    case PAYLOAD_LF:
      flow->at = SIZE;
      return byte == '\n';
    case TRAILER_NAME:
      if (++flow->trailer > TRAILER_BYTES) return false;
      *keep = !flow->drops_trailers || (byte == '\r' && flow->digits == 0);
      if (byte == '\r' && flow->digits == 0) flow->at = LAST_LF;
      else if (byte == ':' && flow->digits == 1) flow->at = TRAILER_VALUE;
      else if (!is_token(byte)) return false;
      else flow->digits = 1; /* the name has begun */
      return true;
    case TRAILER_VALUE:
      if (++flow->trailer > TRAILER_BYTES) return false;
      *keep = !flow->drops_trailers;
      if (byte == '\r') flow->at = TRAILER_LF;
      return byte == '\r' || is_text(byte);
    case TRAILER_LF:
      *keep = !flow->drops_trailers;
      flow->at = TRAILER_NAME;
      flow->digits = 0;
      return byte == '\n';
    default: /* LAST_LF */
      flow->whole = true;
      return byte == '\n';
  }
}

static struct http_framed frame_chunks(struct http_flow *flow, uint8_t *bytes, size_t length) {
  struct http_framed framed = {0, 0, false};
  while (framed.taken < length && !flow->whole) {
    if (flow->at == PAYLOAD) {
      const size_t there = length - framed.taken;
      const size_t piece = flow->left < there ? (size_t)flow->left : there;
      if (framed.kept != framed.taken) memmove(bytes + framed.kept, bytes + framed.taken, piece);
      framed.kept += piece;
      framed.taken += piece;
      flow->left -= piece;
      flow->moved += piece;
      if (flow->left == 0) flow->at = PAYLOAD_CR;
      continue;
    }
    bool keep;
    const uint8_t byte = bytes[framed.taken++];
    if (!read_byte(flow, byte, &keep)) {
      framed.bad = true;
      return framed;
    }
    if (keep) bytes[framed.kept++] = byte;
  }
  return framed;
}

struct http_framed http_frame(struct http_flow *flow, uint8_t *bytes, size_t length) {
  struct http_framed framed = {length, length, false};
  switch (flow->framing) {
    case HTTP_CHUNKED:
      return frame_chunks(flow, bytes, length);
    case HTTP_LENGTH:
      if (flow->left < length) framed.taken = framed.kept = (size_t)flow->left;
      flow->left -= framed.taken;
      flow->whole = flow->left == 0;
      break;
    case HTTP_UNTIL_END:
      break;
    default:
      framed.taken = framed.kept = 0;
  }
  flow->moved += framed.taken;
  return framed;
}
