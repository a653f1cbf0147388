import type { DynamicObject } from '../../api/machinery/object.ts';
import { clusterRoleBindingKind } from '../../api/rbac/v1/cluster-role-binding.ts';
import { roleBindingKind } from '../../api/rbac/v1/role-binding.ts';
import { serviceAccountUserName } from '../authentication/identities.ts';
import type { ObjectReader, UserInfo } from '../contracts.ts';

export interface Subject {
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string;
}

export interface RoleRef {
  readonly apiGroup?: string;
  readonly kind: string;
  readonly name: string;
}

/** A subject's share in a binding. */
export interface Grant {
  readonly bindingName: string;
  /** Empty for a ClusterRoleBinding. */
  readonly namespace: string;
  readonly roleRef: RoleRef;
  /** One text for each role. */
  readonly role: string;
  readonly subject: Subject;
}

const BINDING_KINDS = [clusterRoleBindingKind, roleBindingKind];

type GrantsBySubject = Map<string, Map<string, Grant>>;

/**
 * Which bindings speak of a subject, kept by subscription so that a decision never walks all bindings:
 *
 *     ''          → 'g:system:nodes' → { '/node-client-cert-renewal': grant }      cluster wide
 *     'default'   → 'u:jane'         → { 'default/read-pods': grant }              in the namespace
 */
export class RbacIndex {
  #scopes = new Map<string, GrantsBySubject>();
  /** The subjects under which a binding is filed, to take it out again. */
  #filed = new Map<string, readonly string[]>();
  #reader: ObjectReader;
  #loaded = false;
  #unsubscribe: readonly (() => void)[];

  constructor(reader: ObjectReader) {
    this.#reader = reader;
    this.#unsubscribe = BINDING_KINDS.map((kind) =>
      reader.subscribe(kind, ({ object, previous }) => {
        if (previous) this.#remove(previous);
        if (object) this.#put(object);
      }),
    );
  }

  /** The bindings that name the user or one of its groups: cluster wide, then in the namespace. */
  *grantsOf(user: UserInfo, namespace: string): Generator<Grant> {
    this.#load();
    yield* this.#grantsIn('', user);
    if (namespace) yield* this.#grantsIn(namespace, user);
  }

  close(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
  }

  *#grantsIn(scope: string, user: UserInfo): Generator<Grant> {
    const bySubject = this.#scopes.get(scope);
    if (!bySubject) return;
    const own = bySubject.get(`u:${user.name}`);
    if (own) yield* own.values();
    for (const group of user.groups) {
      const grants = bySubject.get(`g:${group}`);
      if (grants) yield* grants.values();
    }
  }

  /** What was there before the subscription; the cache may be filled only after this was made, so not in the constructor. */
  #load(): void {
    if (this.#loaded) return;
    this.#loaded = true;
    for (const kind of BINDING_KINDS) {
      for (const binding of this.#reader.list(kind)) this.#put(binding);
    }
  }

  #put(binding: DynamicObject): void {
    this.#remove(binding);
    const { name = '', namespace = '' } = binding.metadata;
    const key = `${namespace}/${name}`;
    const scope = this.#scopes.get(namespace) ?? new Map<string, Map<string, Grant>>();
    this.#scopes.set(namespace, scope);
    const subjects = (binding['subjects'] as Subject[] | null | undefined) ?? [];
    const roleRef = binding['roleRef'] as RoleRef;
    const role = `${roleRef.kind}/${roleRef.kind === 'Role' ? namespace : ''}/${roleRef.name}`;
    const keys: string[] = [];
    for (const subject of subjects) {
      const subjectKey = subjectKeyOf(subject, namespace);
      if (!subjectKey) continue;
      keys.push(subjectKey);
      const grants = scope.get(subjectKey) ?? new Map<string, Grant>();
      scope.set(subjectKey, grants);
      if (!grants.has(key)) grants.set(key, { bindingName: name, namespace, roleRef, role, subject });
    }
    this.#filed.set(key, keys);
  }

  #remove({ metadata: { name = '', namespace = '' } }: DynamicObject): void {
    const key = `${namespace}/${name}`;
    const scope = this.#scopes.get(namespace);
    for (const subjectKey of this.#filed.get(key) ?? []) {
      const grants = scope?.get(subjectKey);
      grants?.delete(key);
      if (grants?.size === 0) scope?.delete(subjectKey);
    }
    this.#filed.delete(key);
    if (scope?.size === 0) this.#scopes.delete(namespace);
  }
}

function subjectKeyOf(subject: Subject, bindingNamespace: string): string | undefined {
  if (subject.kind === 'User') return `u:${subject.name}`;
  if (subject.kind === 'Group') return `g:${subject.name}`;
  const namespace = subject.namespace || bindingNamespace;
  // A ClusterRoleBinding to an account without a namespace names nobody.
  if (subject.kind !== 'ServiceAccount' || !namespace) return undefined;
  return `u:${serviceAccountUserName({ namespace, name: subject.name })}`;
}
