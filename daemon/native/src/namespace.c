// SPDX-License-Identifier: Apache-2.0
#include "namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include "address.h"

struct task {
  int namespace_fd;
  int family;
  int type;
  int result_fd;
  struct failure failure;
};

/* unshare(2) and setns(2) move the calling thread alone, and /proc/thread-self is that thread. */
static void *create_on_thread(void *argument) {
  struct task *task = argument;
  if (unshare(CLONE_NEWNET) != 0) {
    task->failure = failed(errno, "unshare");
    return NULL;
  }
  task->result_fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  task->failure = task->result_fd < 0 ? failed(errno, "open") : done();
  return NULL;
}

static void *open_socket_on_thread(void *argument) {
  struct task *task = argument;
  if (setns(task->namespace_fd, CLONE_NEWNET) != 0) {
    task->failure = failed(errno, "setns");
    return NULL;
  }
  task->result_fd = socket(task->family, task->type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  task->failure = task->result_fd < 0 ? failed(errno, "socket") : done();
  return NULL;
}

static struct failure run_on_thread(void *(*work)(void *), struct task *task) {
  pthread_t thread;
  int error = pthread_create(&thread, NULL, work, task);
  if (error != 0) return failed(error, "pthread_create");
  error = pthread_join(thread, NULL);
  if (error != 0) return failed(error, "pthread_join");
  return task->failure;
}

struct failure create_namespace(int *namespace_fd) {
  struct task task = {.result_fd = -1, .failure = {0, ""}};
  const struct failure failure = run_on_thread(create_on_thread, &task);
  *namespace_fd = task.result_fd;
  return failure;
}

struct failure open_socket_in_namespace(int namespace_fd, int family, int type, int *socket_fd) {
  struct task task = {.namespace_fd = namespace_fd, .family = family, .type = type, .result_fd = -1};
  const struct failure failure = run_on_thread(open_socket_on_thread, &task);
  *socket_fd = task.result_fd;
  return failure;
}

struct failure begin_connect(int socket_fd, const struct sockaddr_storage *address) {
  if (connect(socket_fd, (const struct sockaddr *)address, address_length(address)) != 0 && errno != EINPROGRESS)
    return failed(errno, "connect");
  return done();
}
