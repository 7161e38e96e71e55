// SPDX-License-Identifier: Apache-2.0
/** The API group of Leat's kinds, and the labels that people set. */
export const API_GROUP = 'leat.dev';
export const API_VERSION = 'leat.dev/v1alpha1';

/** On a Namespace or a Pod: `enabled` enrols; on a Pod also `disabled`, where NodePolicy allows to opt out. */
export const INTERCEPT_LABEL = 'leat.dev/intercept';
/** On a Secret: `"true"` releases it for use by Destinations of its namespace. */
export const CREDENTIAL_LABEL = 'leat.dev/credential';

/** On what the controller made, and may therefore change and delete: objects without it are somebody else's. */
export const MANAGED_BY_LABEL = 'app.kubernetes.io/managed-by';
export const MANAGED_BY = 'leat-controller';
/** Role of a namespace, and its RoleBinding, by which daemons read the labelled Secrets one by one. The controller writes it. */
export const LABELLED_SECRETS_ROLE = 'leat-labelled-secrets';
/** The same where people release Secrets by name. `kubectl leat release` writes it. */
export const RELEASED_SECRETS_ROLE = 'leat-released-secrets';
/** On the Services of Destinations, with the value `true`: daemons watch these only. */
export const DESTINATION_SERVICE_LABEL = 'leat.dev/destination-service';
/** ClusterRole by which all Secrets of a namespace can be read, and name of the RoleBindings to it. */
export const SECRET_READER_ROLE = 'leat-secret-reader';

/**
 * Who lets daemons read Secrets. `auto`: the controller, those with the label, each by its name. `names`: people, each by its name.
 * `manual`: people, all of a namespace.
 */
export const SECRETS_BINDINGS = ['auto', 'names', 'manual'] as const;
export type SecretsBinding = (typeof SECRETS_BINDINGS)[number];
/** Names that a Role of one namespace is read for, at most: each is a watch on each node that needs it. */
export const MAX_SECRETS_OF_NAMESPACE = 1_000;
