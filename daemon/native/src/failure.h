// SPDX-License-Identifier: Apache-2.0
#ifndef LEAT_FAILURE_H
#define LEAT_FAILURE_H

/* What a system call answered: error 0 means done. The name of the call goes into the JavaScript error. */
struct failure {
  int error;
  const char *syscall;
};

static inline struct failure done(void) {
  return (struct failure){0, ""};
}

static inline struct failure failed(int error, const char *syscall) {
  return (struct failure){error, syscall};
}

#endif
