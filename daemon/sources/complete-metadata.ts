// SPDX-License-Identifier: Apache-2.0
import type { Resource } from '../../api/resource-set.ts';

/**
 * Fills in what an API server would have set. The uid follows from namespace and name, so that it outlives a restart; the
 * creation time follows from the place among all resources (files in order of their paths, documents in order), so that
 * of two equals the one that stands first is the older.
 * @param order place among all resources of the source, from 0
 */
export function completeMetadata<T extends Resource>(resource: T, order: number): T {
  const { metadata } = resource;
  const { name, namespace } = metadata;
  return {
    ...resource,
    metadata: {
      ...metadata,
      uid: metadata.uid ?? `files:${namespace === undefined ? name : `${namespace}/${name}`}`,
      creationTimestamp: metadata.creationTimestamp ?? new Date(order * 1000).toISOString(),
    },
  };
}
