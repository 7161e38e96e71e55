// SPDX-License-Identifier: Apache-2.0
/*
 * What crosses between the engine and its host for every connection crosses in batches: rows of numbers, in arrays that
 * both know. The first number of an array is how many rows it holds.
 *
 * A result: id, bytes down, bytes up, end, errno, descriptor given back, step, length of the answer, its bytes as one number.
 * An endpoint: family (4, 6; 0: unknown), port, and four words of the address (of IPv4 the first).
 * An accepted connection: descriptor, errno, endpoints of the peer and of the original destination.
 * A dial: id, descriptor, endpoint, connect and idle deadline in milliseconds, where its script begins among the scripts,
 * and its length.
 */
#ifndef LEAT_RELAY_ROWS_H
#define LEAT_RELAY_ROWS_H

#include "relay-engine.h"

enum {
  RELAY_RESULT_NUMBERS = 9,
  RELAY_ENDPOINT_NUMBERS = 6,
  RELAY_ACCEPTED_NUMBERS = 2 + 2 * RELAY_ENDPOINT_NUMBERS,
  RELAY_DIAL_NUMBERS = 6 + RELAY_ENDPOINT_NUMBERS,
};

struct relay_numbers {
  double *count, *rows;
  size_t most; /* rows */
};

struct relay_rows {
  struct relay_numbers results, accepted, dials;
  uint8_t *scripts;
  size_t scripts_length;
};

/* Fills the rows of results and of accepted connections. */
void relay_take_rows(struct relay_engine *engine, struct relay_rows *rows);

/* Adds the dials and flushes; their rows and scripts are gone then. */
void relay_submit_rows(struct relay_engine *engine, struct relay_rows *rows);

#endif
