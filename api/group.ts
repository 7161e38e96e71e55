// SPDX-License-Identifier: Apache-2.0
/** The API group of Leat's kinds, and the labels that people set. */
export const API_GROUP = 'leat.dev';
export const API_VERSION = 'leat.dev/v1alpha1';

/** On a Namespace or a Pod: `enabled` enrols; on a Pod also `disabled`, where NodePolicy allows to opt out. */
export const INTERCEPT_LABEL = 'leat.dev/intercept';
/** On a Secret: `"true"` releases it for use by Destinations of its namespace. */
export const CREDENTIAL_LABEL = 'leat.dev/credential';
