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

/**
 * So many pairs of a rule that is held and one that is wanted are compared at most: a second. Bindings are as cheap to make as rules,
 * and somebody may hold millions of rules by them.
 */
const MOST_PAIRS = 10_000_000;

/** There is more in the rules than is compared. */
class TooManyRights extends Error {
  /** What stands for a list of what is missing. */
  readonly about: string;

  constructor(about: string) {
    super(about);
    this.about = about;
  }
}

/**
 * What of `wanted` the `held` rules do not give, in parts of one verb and one resource or path each
 * (component-helpers/auth/rbac/validation/policy_comparator.go). What one held rule covers whole is not taken apart.
 *
 * @throws TooManyRights when what is to be taken apart has too many parts, or is to be compared with too many rules
 */
export function* missingRightsInSteps(held: readonly PolicyRule[], wanted: readonly PolicyRule[]): Steps<PolicyRule[]> {
  const open = yield* notCovered(held, wanted);
  const count = open.reduce((sum, rule) => sum + partsIn(rule), 0);
  if (count > MOST_PARTS)
    throw new TooManyRights(
      `${count} RBAC permissions that no single rule held currently covers: at most ${MOST_PARTS} are compared`,
    );
  return yield* notCovered(
    held,
    open.flatMap((rule) => [...breakDown(rule)]),
  );
}

/** Those that no held rule covers alone. Nothing is kept of a held rule behind its turn. */
function* notCovered(held: readonly PolicyRule[], wanted: readonly PolicyRule[]): Steps<PolicyRule[]> {
  const pace = new Pace(LOOKS);
  let open = wanted.map((rule) => ({ rule, size: sizeOf(rule) }));
  let pairs = 0;
  for (const rule of held) {
    if (open.length === 0) break;
    pairs += open.length;
    if (pairs > MOST_PAIRS)
      throw new TooManyRights(
        `RBAC permissions that cannot be told from those currently held: at most ${MOST_PAIRS} pairs of rules are compared`,
      );
    const own = new HeldRule(rule);
    if (pace.due(sizeOf(rule))) yield;
    const left: typeof open = [];
    for (const each of open) {
      if (!own.covers(each.rule)) left.push(each);
      if (pace.due(each.size)) yield;
    }
    if (left.length < open.length) open = left;
  }
  return open.map(({ rule }) => rule);
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

/** So few names are looked for one by one: most rules have no more of a kind. */
const FEW = 8;

type Names = ReadonlySet<string> | readonly string[];

const namesOf = (names: readonly string[] | null | undefined): Names =>
  names && names.length > FEW ? new Set(names) : (names ?? []);
const isAmong = (names: Names, name: string) =>
  names instanceof Set ? names.has(name) : (names as readonly string[]).includes(name);

/** A rule that is asked often. */
class HeldRule {
  readonly #verbs: Names;
  readonly #groups: Names;
  readonly #resources: Names;
  readonly #names: Names;
  readonly #anyName: boolean;
  readonly #paths: Names;
  /** Of paths that end in `*`, what stands before, by its length. */
  #beginnings: ReadonlyMap<number, ReadonlySet<string>> | undefined;

  constructor({ verbs, apiGroups, resources, resourceNames, nonResourceURLs }: PolicyRule) {
    this.#verbs = namesOf(verbs);
    this.#groups = namesOf(apiGroups);
    this.#resources = namesOf(resources);
    this.#names = namesOf(resourceNames);
    this.#anyName = !resourceNames?.length;
    this.#paths = namesOf(nonResourceURLs);
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
    if (isAmong(this.#resources, '*') || isAmong(this.#resources, resource)) return true;
    const slash = resource.indexOf('/');
    return slash >= 0 && isAmong(this.#resources, `*${resource.slice(slash)}`);
  }

  #coversPath(path: string): boolean {
    if (isAmong(this.#paths, path)) return true;
    this.#beginnings ??= beginningsOf(this.#paths);
    for (const [length, beginnings] of this.#beginnings) if (beginnings.has(path.slice(0, length))) return true;
    return false;
  }

  #coversNames(names: readonly string[]): boolean {
    return this.#anyName || (names.length > 0 && names.every((name) => isAmong(this.#names, name)));
  }
}

function beginningsOf(paths: Names): Map<number, Set<string>> {
  const byLength = new Map<number, Set<string>>();
  for (const path of paths) {
    if (!path.endsWith('*')) continue;
    const beginning = withoutTrailing(path, '*');
    const alike = byLength.get(beginning.length);
    if (alike) alike.add(beginning);
    else byLength.set(beginning.length, new Set([beginning]));
  }
  return byLength;
}

const hasAll = (values: Names, wanted: readonly string[] | null | undefined) =>
  isAmong(values, '*') || (wanted ?? []).every((value) => isAmong(values, value));

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
    return `${who} ${error.about}${also}`;
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
