// SPDX-License-Identifier: Apache-2.0
#define NAPI_VERSION 8
#include "loop-watch.h"

#include <stdbool.h>
#include <stdlib.h>

#include "uv-abi.h"

struct loop_watch {
  napi_env env;
  uv_poll_t *poll; /* NULL: the loop has let go of it */
  napi_async_context context;
  napi_async_cleanup_hook_handle cleanup;
  napi_ref callback;
  bool stopped;
  bool closed;
};

static void on_readable(uv_poll_t *poll, int status, int events) {
  (void)status;
  (void)events;
  struct loop_watch *watch = uv_handle_get_data((uv_handle_t *)poll);
  napi_handle_scope scope;
  napi_value callback, receiver;
  if (watch->stopped || napi_open_handle_scope(watch->env, &scope) != napi_ok) return;
  if (napi_get_reference_value(watch->env, watch->callback, &callback) == napi_ok &&
      napi_get_global(watch->env, &receiver) == napi_ok &&
      napi_make_callback(watch->env, watch->context, receiver, callback, 0, NULL, NULL) == napi_pending_exception) {
    napi_value exception;
    /* An exception here is a defect of ours: as any other that nobody catches. */
    if (napi_get_and_clear_last_exception(watch->env, &exception) == napi_ok)
      (void)napi_fatal_exception(watch->env, exception);
  }
  (void)napi_close_handle_scope(watch->env, scope);
}

static void on_let_go(uv_handle_t *poll) {
  struct loop_watch *watch = uv_handle_get_data(poll);
  free(poll);
  watch->poll = NULL;
  if (watch->cleanup != NULL) (void)napi_remove_async_cleanup_hook(watch->cleanup);
  if (watch->closed) free(watch);
}

static void stop(struct loop_watch *watch) {
  if (watch->stopped) return;
  watch->stopped = true;
  (void)uv_poll_stop(watch->poll);
  (void)napi_delete_reference(watch->env, watch->callback);
  (void)napi_async_destroy(watch->env, watch->context);
  uv_close((uv_handle_t *)watch->poll, on_let_go);
}

/* The loop ends: it waits for handles that are still there. */
static void clean_up(napi_async_cleanup_hook_handle hook, void *data) {
  struct loop_watch *watch = data;
  watch->cleanup = hook;
  stop(watch);
}

static bool watch_descriptor(struct loop_watch *watch, int fd) {
  struct uv_loop_s *loop;
  if (napi_get_uv_event_loop(watch->env, &loop) != napi_ok) return false;
  watch->poll = calloc(1, uv_handle_size(UV_POLL));
  if (watch->poll == NULL) return false;
  if (uv_poll_init(loop, watch->poll, fd) != 0) {
    free(watch->poll);
    return false;
  }
  uv_handle_set_data((uv_handle_t *)watch->poll, watch);
  (void)uv_poll_start(watch->poll, UV_READABLE, on_readable);
  uv_unref((uv_handle_t *)watch->poll);
  return true;
}

struct loop_watch *loop_watch_open(napi_env env, int fd, napi_value callback, const char *name) {
  napi_value resource;
  struct loop_watch *watch = calloc(1, sizeof(*watch));
  if (watch == NULL) return NULL;
  watch->env = env;
  if (napi_create_reference(env, callback, 1, &watch->callback) != napi_ok) {
    free(watch);
    return NULL;
  }
  if (napi_create_string_utf8(env, name, NAPI_AUTO_LENGTH, &resource) != napi_ok ||
      napi_async_init(env, NULL, resource, &watch->context) != napi_ok) {
    (void)napi_delete_reference(env, watch->callback);
    free(watch);
    return NULL;
  }
  if (!watch_descriptor(watch, fd)) {
    (void)napi_delete_reference(env, watch->callback);
    (void)napi_async_destroy(env, watch->context);
    free(watch);
    return NULL;
  }
  if (napi_add_async_cleanup_hook(env, clean_up, watch, &watch->cleanup) == napi_ok) return watch;
  loop_watch_close(watch);
  return NULL;
}

void loop_watch_close(struct loop_watch *watch) {
  watch->closed = true;
  if (watch->poll == NULL) free(watch);
  else stop(watch);
}
