// SPDX-License-Identifier: Apache-2.0

/** A rule across fields that an API server of Kubernetes 1.25 or newer checks itself (`x-kubernetes-validations`). */
export interface CelRule {
  /** The part that it is about, which is `self` in it: such as `spec.headers[]`, for each entry of the list. */
  readonly path: string;
  /** An expression in CEL that is true of what is valid. */
  readonly rule: string;
  /** What is said where it is not; the API server puts the path in front of it. */
  readonly message: string;
}
