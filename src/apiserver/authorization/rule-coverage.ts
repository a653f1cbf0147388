import { Pace, runAtOnce, type Steps } from '../../std/pauses.ts';
import { withoutTrailing } from '../../std/trailing.ts';
import { quote } from './forbidden.ts';
import type { PolicyRule } from './policy-rule.ts';

/**
 * So many parts of one verb and one resource each are compared at most. A rule of some kilobytes has millions of them: verbs times
 * groups times resources times names.
 */
const MOST_PARTS = 50_000;
/** So many rules are looked at between two pauses: some milliseconds. */
const LOOKS = 50_000;
/** So many rules are written down between two pauses. */
const WRITTEN = 5_000;

/** There is more in the rules than is compared. */
class TooManyRights extends Error {
  readonly count: number;

  constructor(count: number) {
    super(`${count} rights are more than the ${MOST_PARTS} that are compared`);
    this.count = count;
  }
}

/**
 * What of `wanted` the `held` rules do not give, in parts of one verb and one resource or path each
 * (component-helpers/auth/rbac/validation/policy_comparator.go). What one held rule covers whole is not taken apart.
 *
 * @throws TooManyRights when what is to be taken apart has too many parts
 */
export function* missingRightsInSteps(held: readonly PolicyRule[], wanted: readonly PolicyRule[]): Steps<PolicyRule[]> {
  const pace = new Pace(LOOKS);
  const own: HeldRule[] = [];
  for (const rule of held) {
    own.push(new HeldRule(rule));
    if (pace.due(sizeOf(rule))) yield;
  }
  const open: PolicyRule[] = [];
  for (const rule of wanted) {
    const size = sizeOf(rule);
    let isCovered = false;
    for (const each of own) {
      isCovered = each.covers(rule);
      if (isCovered) break;
      if (pace.due(size)) yield;
    }
    if (!isCovered) open.push(rule);
  }
  const count = open.reduce((sum, rule) => sum + partsIn(rule), 0);
  if (count > MOST_PARTS) throw new TooManyRights(count);
  const missing: PolicyRule[] = [];
  for (const rule of open)
    for (const part of breakDown(rule)) {
      if (!own.some((each) => each.covers(part))) missing.push(part);
      if (pace.due(own.length)) yield;
    }
  return missing;
}

/** The same at once, of rules that nobody outside has made. */
export const missingRights = (held: readonly PolicyRule[], wanted: readonly PolicyRule[]): PolicyRule[] =>
  runAtOnce(missingRightsInSteps(held, wanted));

const sizeOf = ({ verbs, apiGroups, resources, resourceNames, nonResourceURLs }: PolicyRule): number =>
  [verbs, apiGroups, resources, resourceNames, nonResourceURLs].reduce((sum, values) => sum + (values?.length ?? 0), 1);

const partsIn = ({ verbs, apiGroups, resources, resourceNames, nonResourceURLs }: PolicyRule): number =>
  verbs.length *
  ((apiGroups?.length ?? 0) * (resources?.length ?? 0) * (resourceNames?.length || 1) + (nonResourceURLs?.length ?? 0));

/** One rule for each verb on each resource (of each name) or path. */
export function* breakDown(rule: PolicyRule): Generator<PolicyRule, void, void> {
  for (const group of rule.apiGroups ?? []) {
    for (const resource of rule.resources ?? []) {
      for (const verb of rule.verbs) {
        const part = { verbs: [verb], apiGroups: [group], resources: [resource] };
        if (!rule.resourceNames?.length) yield part;
        else for (const name of rule.resourceNames) yield { ...part, resourceNames: [name] };
      }
    }
  }
  for (const url of rule.nonResourceURLs ?? []) {
    for (const verb of rule.verbs) yield { verbs: [verb], nonResourceURLs: [url] };
  }
}

/** A rule that is asked often. */
class HeldRule {
  readonly #verbs: ReadonlySet<string>;
  readonly #groups: ReadonlySet<string>;
  readonly #resources: ReadonlySet<string>;
  readonly #names: ReadonlySet<string>;
  readonly #paths: ReadonlySet<string>;
  /** Of paths that end in `*`, what stands before. */
  readonly #beginnings: readonly string[];

  constructor({ verbs, apiGroups, resources, resourceNames, nonResourceURLs }: PolicyRule) {
    this.#verbs = new Set(verbs);
    this.#groups = new Set(apiGroups);
    this.#resources = new Set(resources);
    this.#names = new Set(resourceNames);
    this.#paths = new Set(nonResourceURLs);
    this.#beginnings = [...this.#paths].filter((path) => path.endsWith('*')).map((path) => withoutTrailing(path, '*'));
  }

  /** Whether this rule alone gives all that another one does. */
  covers(other: PolicyRule): boolean {
    return (
      hasAll(this.#verbs, other.verbs) &&
      hasAll(this.#groups, other.apiGroups) &&
      (other.resources ?? []).every((resource) => this.#coversResource(resource)) &&
      (other.nonResourceURLs ?? []).every((path) => this.#coversPath(path)) &&
      this.#coversNames(other.resourceNames ?? [])
    );
  }

  #coversResource(resource: string): boolean {
    if (this.#resources.has('*') || this.#resources.has(resource)) return true;
    const slash = resource.indexOf('/');
    return slash >= 0 && this.#resources.has(`*${resource.slice(slash)}`);
  }

  #coversPath(path: string): boolean {
    return this.#paths.has(path) || this.#beginnings.some((beginning) => path.startsWith(beginning));
  }

  #coversNames(names: readonly string[]): boolean {
    return this.#names.size === 0 || (names.length > 0 && names.every((name) => this.#names.has(name)));
  }
}

const hasAll = (values: ReadonlySet<string>, wanted: readonly string[] | null | undefined) =>
  values.has('*') || (wanted ?? []).every((value) => values.has(value));

/** Joins the verbs of rules on the same one resource, for messages that can be read (pkg/registry/rbac/validation/rule_compact.go). */
export function* compactRules(rules: readonly PolicyRule[]): Steps<PolicyRule[]> {
  const compact: PolicyRule[] = [];
  const pace = new Pace(WRITTEN);
  const simple = new Map<string, { verbs: string[] } & PolicyRule>();
  for (const rule of rules) {
    if (pace.due(1)) yield;
    const single = rule.apiGroups?.length === 1 && rule.resources?.length === 1 && !rule.nonResourceURLs?.length;
    if (!single || (rule.resourceNames?.length ?? 0) > 1) {
      compact.push(rule);
      continue;
    }
    const key = JSON.stringify([rule.apiGroups, rule.resources, rule.resourceNames ?? []]);
    const existing = simple.get(key);
    if (existing) for (const verb of rule.verbs) existing.verbs.push(verb);
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
export function* describeEscalation(
  user: { readonly name: string; readonly groups: readonly string[] },
  held: readonly PolicyRule[],
  wanted: readonly PolicyRule[],
  problems: readonly string[] = [],
): Steps<string | undefined> {
  const who = `user ${quote(user.name)} (groups=${list(user.groups)}) is attempting to grant`;
  const also = problems.length ? `; resolution errors: [${problems.join(', ')}]` : '';
  let missing: readonly PolicyRule[];
  try {
    missing = yield* missingRightsInSteps(held, wanted);
  } catch (error) {
    if (!(error instanceof TooManyRights)) throw error;
    return `${who} ${error.count} RBAC permissions that no single rule held currently covers: at most ${MOST_PARTS} are compared${also}`;
  }
  if (!missing.length) return undefined;
  const pace = new Pace(WRITTEN);
  const lines = new Set<string>();
  for (const rule of yield* compactRules(missing)) {
    lines.add(formatRule(rule));
    if (pace.due(1)) yield;
  }
  return `${who} RBAC permissions not currently held:\n${[...lines].sort().join('\n')}${also}`;
}
