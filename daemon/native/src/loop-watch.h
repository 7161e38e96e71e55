// SPDX-License-Identifier: Apache-2.0
/* A descriptor that Node's own loop watches, and the JavaScript function that it calls. */
#ifndef LEAT_LOOP_WATCH_H
#define LEAT_LOOP_WATCH_H

#include <node_api.h>

struct loop_watch;

/*
 * Calls the function whenever the descriptor is readable; an exception of it is one that nobody catches. Does not keep the process.
 * NULL: no memory. `name` is what async_hooks show.
 */
struct loop_watch *loop_watch_open(napi_env env, int fd, napi_value callback, const char *name);

/* The function is not called again, and the descriptor may be closed. Once. */
void loop_watch_close(struct loop_watch *watch);

#endif
