// SPDX-License-Identifier: Apache-2.0
import { MAX_SECRETS_OF_NAMESPACE } from '../../../api/group.ts';
import type { ReflectedStore } from '../../kube/reflector.ts';
import type { WatchEvent } from '../../kube/watch-objects.ts';

const NONE: ReadonlySet<string> = new Set();

/**
 * Which Secrets the daemons' account may read, by the Roles that say so. To ask for others would be in vain, and asked again
 * and again: a Destination may name Secrets that nobody has, on every node.
 */
export class GrantedSecrets implements ReflectedStore {
  readonly #onChange: () => void;
  #ofNamespace = new Map<string, ReadonlySet<string>>();

  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  names(namespace: string): ReadonlySet<string> {
    return this.#ofNamespace.get(namespace) ?? NONE;
  }

  replace(): { add: (object: unknown) => void; commit: () => void } {
    const fresh = new Map<string, ReadonlySet<string>>();
    return {
      add: (role) => fresh.set(namespaceOf(role), namesOf(role)),
      commit: () => {
        this.#ofNamespace = fresh;
        this.#onChange();
      },
    };
  }

  apply({ type, object }: WatchEvent): void {
    if (type === 'DELETED') this.#ofNamespace.delete(namespaceOf(object));
    else this.#ofNamespace.set(namespaceOf(object), namesOf(object));
    this.#onChange();
  }
}

interface Role {
  readonly metadata?: { readonly namespace?: string };
  readonly rules?:
    | readonly { readonly resources?: readonly string[]; readonly resourceNames?: readonly string[] }[]
    | null;
}

function namespaceOf(role: unknown): string {
  return (role as Role).metadata?.namespace ?? '';
}

/** Whoever may write Roles in a namespace is held to as many names as whoever may label Secrets. */
function namesOf(role: unknown): ReadonlySet<string> {
  const names = ((role as Role).rules ?? []).flatMap(({ resources = [], resourceNames = [] }) =>
    resources.includes('secrets') ? resourceNames : [],
  );
  return new Set(names.slice(0, MAX_SECRETS_OF_NAMESPACE));
}
