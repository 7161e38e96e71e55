// SPDX-License-Identifier: Apache-2.0

/**
 * Goes on with what a stage answered: at once where it knew, else when it knows. An await would be a turn of the loop of its
 * own, and would keep what all stages made for as long as the connection is open.
 */
export function whenKnown<T, U>(stage: T | Promise<T>, next: (known: T) => U | Promise<U>): U | Promise<U> {
  return stage instanceof Promise ? stage.then(next) : next(stage);
}
