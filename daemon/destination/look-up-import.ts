// SPDX-License-Identifier: Apache-2.0
import type { ServiceImport, ServiceInstance, ServiceLookup } from './destination.ts';
import { digestOf } from './digest.ts';

/** What is asked for all entries of a level. */
export function importOf(service: ServiceInstance, level: ServiceImport['level']): ServiceImport {
  return { service, level, key: digestOf([service.name, service.uri, service.instance, level]) };
}

/** What is asked for the token of an entry that was imported: at its level, where the instance answers for levels. */
export function lookUpImported({ service, level, key }: ServiceImport, name: string): ServiceLookup {
  const asked = { name, level: service.answersLevels ? level : null, fragments: [], chain: null, tenant: null };
  return { service, ...asked, key: digestOf([key, asked]) };
}
