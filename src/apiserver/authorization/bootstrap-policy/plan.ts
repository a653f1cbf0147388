import { isDeepStrictEqual } from 'node:util';
import { selectorFromLabelSelector } from '../../../api/machinery/label-selector.ts';
import type { DynamicObject } from '../../../api/machinery/object.ts';
import type { PolicyRule } from '../policy-rule.ts';
import type { Subject } from '../rbac-index.ts';
import { formatRule, missingRights } from '../rule-coverage.ts';
import { AUTO_UPDATE, type BindingObject, type RoleObject } from './default-policy.ts';

/** What to do about one default object. */
export type Step<T> =
  | { readonly do: 'nothing' }
  | { readonly do: 'create'; readonly object: T }
  | { readonly do: 'update'; readonly object: T }
  /** roleRef cannot be changed. */
  | { readonly do: 'replace'; readonly object: T };

/** What brings an object to what is wanted of it. */
export function planObject(
  existing: DynamicObject | undefined,
  wanted: RoleObject | BindingObject,
): Step<RoleObject | BindingObject> {
  if ('roleRef' in wanted) return planBinding(existing as BindingObject | undefined, wanted as BindingObject);
  return planRole(existing as RoleObject | undefined, wanted as RoleObject);
}

/**
 * Adds what a default role lacks and takes nothing away (component-helpers/auth/rbac/reconciliation). Who set the annotation to
 * "false" is left alone.
 */
export function planRole(existing: RoleObject | undefined, wanted: RoleObject): Step<RoleObject> {
  if (!existing) return { do: 'create', object: wanted };
  if (isLeftAlone(existing)) return { do: 'nothing' };
  const rules = existing.rules ?? [];
  // Nearly always they are just the same, which is quicker to see than that they cover each other.
  const missing = isDeepStrictEqual(rules, wanted.rules) ? [] : missingRights(rules, wanted.rules ?? []);
  const metadata = mergeMetadata(existing, wanted);
  const aggregationRule = existing.aggregationRule ?? wanted.aggregationRule;
  const unchanged = !missing.length && metadata === existing.metadata && aggregationRule === existing.aggregationRule;
  if (unchanged) return { do: 'nothing' };
  return {
    do: 'update',
    object: { ...existing, metadata, rules: [...rules, ...missing], ...(aggregationRule && { aggregationRule }) },
  };
}

/** The same for a binding; one that points to another role is made anew. */
export function planBinding(existing: BindingObject | undefined, wanted: BindingObject): Step<BindingObject> {
  if (!existing) return { do: 'create', object: wanted };
  if (isLeftAlone(existing)) return { do: 'nothing' };
  if (existing.roleRef.kind !== wanted.roleRef.kind || existing.roleRef.name !== wanted.roleRef.name) {
    return { do: 'replace', object: wanted };
  }
  const subjects = existing.subjects ?? [];
  const missing = (wanted.subjects ?? []).filter((subject) => !subjects.some((own) => sameSubject(own, subject)));
  const metadata = mergeMetadata(existing, wanted);
  if (!missing.length && metadata === existing.metadata) return { do: 'nothing' };
  return { do: 'update', object: { ...existing, metadata, subjects: [...subjects, ...missing] } };
}

const isLeftAlone = ({ metadata }: DynamicObject) => metadata.annotations?.[AUTO_UPDATE] === 'false';
const sameSubject = (a: Subject, b: Subject) =>
  a.kind === b.kind && a.name === b.name && (a.namespace ?? '') === (b.namespace ?? '');

/** The existing metadata itself when it has all that is wanted. */
function mergeMetadata(existing: DynamicObject, wanted: DynamicObject): DynamicObject['metadata'] {
  const lacks = (own: Record<string, string> | undefined, other: Record<string, string> | undefined) =>
    Object.keys(other ?? {}).some((key) => own?.[key] === undefined);
  const { labels, annotations } = existing.metadata;
  if (!lacks(labels, wanted.metadata.labels) && !lacks(annotations, wanted.metadata.annotations)) return existing.metadata;
  return {
    ...existing.metadata,
    labels: { ...wanted.metadata.labels, ...labels },
    annotations: { ...wanted.metadata.annotations, ...annotations },
  };
}

/**
 * The rules that an aggregated role gathers from the others: in the order of their names, each rule once, as upstream's
 * aggregation controller has them (pkg/controller/clusterroleaggregation).
 */
export function aggregateRules(role: RoleObject, others: readonly RoleObject[]): PolicyRule[] {
  const gathered = new Map<string, PolicyRule>();
  for (const selector of role.aggregationRule?.clusterRoleSelectors ?? []) {
    const { matches } = selectorFromLabelSelector(selector);
    const sources = others
      .filter((other) => other.metadata.name !== role.metadata.name && matches(other.metadata.labels))
      .sort((a, b) => (a.metadata.name! < b.metadata.name! ? -1 : 1));
    for (const rule of sources.flatMap((source) => source.rules ?? [])) {
      const key = formatRule(rule);
      if (!gathered.has(key)) gathered.set(key, rule);
    }
  }
  return [...gathered.values()];
}
