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
/** Role of a namespace, and its RoleBinding, by which daemons read the released Secrets one by one. */
export const RELEASED_SECRETS_ROLE = 'leat-released-secrets';
/** On the Services of Destinations, with the value `true`: daemons watch these only. */
export const DESTINATION_SERVICE_LABEL = 'leat.dev/destination-service';
/** ClusterRole by which daemons read Secrets of a namespace, and name of the RoleBindings to it. */
export const SECRET_READER_ROLE = 'leat-secret-reader';
