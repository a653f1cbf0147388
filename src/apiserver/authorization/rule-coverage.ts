import { quote } from './forbidden.ts';
import type { PolicyRule } from './policy-rule.ts';

/**
 * What of `wanted` the `held` rules do not give, in parts of one verb and one resource or path each
 * (component-helpers/auth/rbac/validation/policy_comparator.go).
 */
export function missingRights(held: readonly PolicyRule[], wanted: readonly PolicyRule[]): PolicyRule[] {
  return wanted.flatMap(breakDown).filter((part) => !held.some((rule) => covers(rule, part)));
}

/** One rule for each verb on each resource (of each name) or path. */
export function breakDown(rule: PolicyRule): PolicyRule[] {
  const parts: PolicyRule[] = [];
  for (const group of rule.apiGroups ?? []) {
    for (const resource of rule.resources ?? []) {
      for (const verb of rule.verbs) {
        const part = { verbs: [verb], apiGroups: [group], resources: [resource] };
        if (rule.resourceNames?.length) parts.push(...rule.resourceNames.map((name) => ({ ...part, resourceNames: [name] })));
        else parts.push(part);
      }
    }
  }
  for (const url of rule.nonResourceURLs ?? []) {
    for (const verb of rule.verbs) parts.push({ verbs: [verb], nonResourceURLs: [url] });
  }
  return parts;
}

const has = (values: readonly string[] | null | undefined, value: string) => values?.includes(value) ?? false;
const hasAll = (values: PolicyRule['resources'], wanted: PolicyRule['resources']) =>
  has(values, '*') || (wanted ?? []).every((value) => has(values, value));

/** `part` has one value for each of its fields. */
function covers(rule: PolicyRule, part: PolicyRule): boolean {
  return (
    hasAll(rule.verbs, part.verbs) &&
    hasAll(rule.apiGroups, part.apiGroups) &&
    (part.resources ?? []).every((resource) => coversResource(rule, resource)) &&
    (part.nonResourceURLs ?? []).every((url) => coversPath(rule, url)) &&
    coversNames(rule, part)
  );
}

function coversResource(rule: PolicyRule, resource: string): boolean {
  if (has(rule.resources, '*') || has(rule.resources, resource)) return true;
  const slash = resource.indexOf('/');
  return slash >= 0 && has(rule.resources, `*${resource.slice(slash)}`);
}

function coversPath(rule: PolicyRule, url: string): boolean {
  return (rule.nonResourceURLs ?? []).some(
    (own) => own === '*' || own === url || (own.endsWith('*') && url.startsWith(own.replace(/\*+$/, ''))),
  );
}

function coversNames(rule: PolicyRule, part: PolicyRule): boolean {
  if (!rule.resourceNames?.length) return true;
  return (part.resourceNames?.length ?? 0) > 0 && part.resourceNames!.every((name) => has(rule.resourceNames, name));
}

/** Joins the verbs of rules on the same one resource, for messages that can be read (pkg/registry/rbac/validation/rule_compact.go). */
export function compactRules(rules: readonly PolicyRule[]): PolicyRule[] {
  const compact: PolicyRule[] = [];
  const simple = new Map<string, { verbs: string[] } & PolicyRule>();
  for (const rule of rules) {
    const single = rule.apiGroups?.length === 1 && rule.resources?.length === 1 && !rule.nonResourceURLs?.length;
    if (!single || (rule.resourceNames?.length ?? 0) > 1) {
      compact.push(rule);
      continue;
    }
    const key = JSON.stringify([rule.apiGroups, rule.resources, rule.resourceNames ?? []]);
    const existing = simple.get(key);
    if (existing) existing.verbs.push(...rule.verbs);
    else simple.set(key, { ...rule, verbs: [...rule.verbs] });
  }
  return [...compact, ...simple.values()];
}

const list = (values: readonly string[]) => `[${values.map(quote).join(' ')}]`;

/** `{APIGroups:[""], Resources:["pods"], Verbs:["get"]}` as upstream prints a rule in messages. */
export function formatRule(rule: PolicyRule): string {
  const fields = [
    ['APIGroups', rule.apiGroups],
    ['Resources', rule.resources],
    ['NonResourceURLs', rule.nonResourceURLs],
    ['ResourceNames', rule.resourceNames],
    ['Verbs', rule.verbs],
  ] as const;
  return `{${fields
    .filter(([, values]) => values?.length)
    .map(([name, values]) => `${name}:${list(values!)}`)
    .join(', ')}}`;
}

/** Upstream's text for a user who would give away what he does not have; undefined when he has it all. */
export function describeEscalation(
  user: { readonly name: string; readonly groups: readonly string[] },
  held: readonly PolicyRule[],
  wanted: readonly PolicyRule[],
  problems: readonly string[] = [],
): string | undefined {
  const missing = missingRights(held, wanted);
  if (!missing.length) return undefined;
  const lines = [...new Set(compactRules(missing).map(formatRule))].sort();
  const text = `user ${quote(user.name)} (groups=${list(user.groups)}) is attempting to grant RBAC permissions not currently held:\n${lines.join('\n')}`;
  return problems.length ? `${text}; resolution errors: [${problems.join(', ')}]` : text;
}
