// SPDX-License-Identifier: Apache-2.0
/*
 * The few functions of libuv's public API that a descriptor needs to be watched by Node's own loop. Node exports them, and their
 * ABI has been the same through all of libuv 1.x; its headers come neither with node_api.h nor with the node package. Handles
 * are opaque here: uv_handle_size() says how large they are.
 */
#ifndef LEAT_UV_ABI_H
#define LEAT_UV_ABI_H

#include <stddef.h>

typedef struct uv_handle_s uv_handle_t;
typedef struct uv_poll_s uv_poll_t;
struct uv_loop_s;

enum { UV_POLL = 8, UV_READABLE = 1 };

typedef void (*uv_poll_cb)(uv_poll_t *handle, int status, int events);
typedef void (*uv_close_cb)(uv_handle_t *handle);

size_t uv_handle_size(int type);
void *uv_handle_get_data(const uv_handle_t *handle);
void uv_handle_set_data(uv_handle_t *handle, void *data);
int uv_poll_init(struct uv_loop_s *loop, uv_poll_t *handle, int fd);
int uv_poll_start(uv_poll_t *handle, int events, uv_poll_cb callback);
int uv_poll_stop(uv_poll_t *handle);
void uv_close(uv_handle_t *handle, uv_close_cb callback);
void uv_unref(uv_handle_t *handle);

#endif
