// SPDX-License-Identifier: Apache-2.0
/*
 * Sockets that speak HTTP/1.1, on the thread of their caller: heads of messages go to TypeScript, which decides, and bodies
 * move from socket to socket without it. No JavaScript types here; daemon/native/http-engine.ts has the other end.
 *
 * A leg is one socket, known by its slot. A downstream leg has one exchange at a time, with one upstream leg. Everything
 * happens in http_engine_turn(): it carries out commands, reads what is there, and fills rows with what came of it.
 */
#ifndef LEAT_HTTP_ENGINE_H
#define LEAT_HTTP_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum http_side { HTTP_DOWNSTREAM = 0, HTTP_UPSTREAM = 1 };

/* A row tells one thing: its kind, the slot, and four numbers. */
enum { HTTP_ROW_NUMBERS = 6, HTTP_COMMAND_NUMBERS = 9 };
enum http_row {
  HTTP_HEAD = 1,   /* a whole head: offset in the inbox, length, bytes that are there behind it */
  HTTP_ODD = 2,    /* what comes is no plain head: enum http_oddity. Nothing more is read until the leg is released or reset */
  HTTP_ENDED = 3,  /* without an exchange, or while TypeScript had the word: errno, 0 for an orderly end */
  HTTP_DONE = 4,   /* the answer went down: body bytes sent, received, whether the upstream leg may serve again */
  HTTP_FAILED = 5, /* an exchange: enum http_side, errno (EPROTO: not the framing it promised; 0: an end), sent, received */
  HTTP_LATE = 6,   /* enum http_wait, sent, received */
  HTTP_GONE = 7,   /* a downstream leg was closed: bytes read, bytes written */
};
enum http_oddity { HTTP_ODD_BYTES = 0, HTTP_ODD_LENGTH = 1, HTTP_ODD_END = 2 };
enum http_wait {
  HTTP_WAITS_FOR_REQUEST = 0,
  HTTP_WAITS_FOR_HEAD = 1, /* the rest of one */
  HTTP_WAITS_FOR_CLIENT_BODY = 2,
  HTTP_WAITS_FOR_ANSWER = 3,
  HTTP_WAITS_FOR_UPSTREAM_BODY = 4,
  HTTP_WAITS_FOR_READER = 5,
  HTTP_WAITS_FOR_USE = 6, /* an upstream leg at rest */
};

/* Columns of a command behind its kind and slot: peer, offset and length in the outbox, framing, length of the body, two more. */
enum http_command {
  HTTP_ASK = 1,     /* downstream, upstream: the head and the request's body go up; ms for the answer, ms for each piece */
  HTTP_ANSWER = 2,  /* downstream: head and the answer's body go down; last, ms for each piece */
  HTTP_INTERIM = 3, /* downstream: a head that is not the answer; the upstream leg is read on */
  HTTP_REFUSE = 4,  /* downstream: bytes of our own are the answer; framing is the request's; last, ms for each piece */
  HTTP_RESET = 5,
  HTTP_CLOSE = 6,
  HTTP_END = 7,  /* downstream: in order, and what the client still sends is dropped for a moment */
  HTTP_REST = 8, /* upstream: ms that it may wait for use */
};
enum http_framing { HTTP_NO_BODY = 0, HTTP_LENGTH = 1, HTTP_CHUNKED = 2, HTTP_UNTIL_END = 3 };

/* Memory that both languages see; it outlives the engine. */
struct http_memory {
  double *rows; /* the first number tells whether another turn has work to do */
  size_t most_rows;
  double *commands;
  size_t most_commands;
  uint8_t *inbox; /* heads as they came, until the next turn; 256 KiB or more */
  size_t inbox_bytes;
  uint8_t *outbox; /* heads as they go */
  size_t outbox_bytes;
};

struct http_limits {
  uint64_t header_ms;     /* from the first byte of a head to its last */
  uint64_t keep_alive_ms; /* without a request */
};

struct http_released {
  int fd;
  uint8_t *rest; /* read and not used; freed with free(3) */
  size_t rest_length;
  uint64_t read_bytes, written_bytes; /* the rest is not among them */
};

struct http_engine;

/* NULL with errno set. */
struct http_engine *http_engine_open(const struct http_memory *memory, const struct http_limits *limits);

/* Readable while http_engine_turn() has something to do that no command asked for. */
int http_engine_descriptor(const struct http_engine *engine);

/*
 * Takes a connected socket over. Its slot, or a negative errno; the descriptor is then still the caller's. A socket of AF_UNIX
 * is one end of a pair, whose other end says by shutdown(2) that its bytes were all, and by close(2) that they were not.
 */
int http_engine_adopt(struct http_engine *engine, int fd, enum http_side side);

/* Tells a leg from all that had or will have its slot; 0: nobody has it. */
uint64_t http_engine_key(const struct http_engine *engine, uint32_t slot);

/*
 * Gives bytes to an upstream leg, ahead of what is in its socket: false, and nothing is taken, where there is something, or the
 * leg is another one, or has enough as it is. `is_empty`: the caller knows that nothing is in the socket. For the next turn.
 */
bool http_engine_feed(struct http_engine *engine, uint32_t slot, uint64_t key, const uint8_t *bytes, size_t length, bool is_empty);

/* Gives a downstream leg back whose request was not asked for upstream. False for any other slot. */
bool http_engine_release(struct http_engine *engine, uint32_t slot, struct http_released *released);

/*
 * The number of rows behind the first; ownership of everything stays here. `expires`: deadlines are looked at too. That is for
 * when all that came has been given to the engine: a process that was starved must not hold that against its peers.
 */
size_t http_engine_turn(struct http_engine *engine, size_t commands, bool expires);

/* Resets every leg. */
void http_engine_close(struct http_engine *engine);

#endif
