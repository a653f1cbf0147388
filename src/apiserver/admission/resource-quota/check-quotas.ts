import type { V1ResourceQuota } from '../../../api/gen/types.ts';
import type { DynamicObject } from '../../../api/machinery/object.ts';
import {
  describeResourceList,
  excessOf,
  maskResourceList,
  namesBeyond,
  parseResourceList,
  type ResourceList,
  sortedNames,
  sumResourceLists,
  withoutZeros,
} from '../../../api/machinery/resource-list.ts';
import { StatusError } from '../../../api/machinery/status-error.ts';
import type { QuotaEvaluator, ScopeRequirement } from '../../../api/quota/evaluator.ts';
import { matchesQuota } from '../../../api/quota/evaluators.ts';
import { scopesOf } from '../../../api/quota/scopes.ts';
import type { AdmissionAttributes } from '../../contracts.ts';
import { refuse } from '../refusal.ts';
import { describeScope, type LimitedResource } from './limited-resources.ts';

/** A quota with what has been charged to it while several writes are looked at together. */
export interface RunningQuota {
  readonly quota: V1ResourceQuota;
  readonly hard: ResourceList;
  readonly used: ResourceList;
}

export interface QuotaQuestion {
  readonly attributes: AdmissionAttributes;
  readonly evaluator: QuotaEvaluator;
}

export function runningQuota(quota: V1ResourceQuota): RunningQuota {
  return { quota, hard: parseResourceList(quota.status?.hard), used: parseResourceList(quota.status?.used) };
}

/**
 * What a write makes of its namespace's quotas: the same list when it uses nothing that they limit
 * (apiserver/pkg/admission/plugin/resourcequota/controller.go, CheckRequest).
 *
 * @throws StatusError 403 when a quota has no room for it, or cannot tell
 */
export function checkQuotas(
  quotas: readonly RunningQuota[],
  { attributes, evaluator }: QuotaQuestion,
  { limited, nowMs }: { readonly limited: readonly LimitedResource[]; readonly nowMs: number },
): readonly RunningQuota[] {
  const object = attributes.object!;
  const usage = evaluator.usage(object, nowMs);
  const negative = sortedNames([...usage].filter(([, quantity]) => quantity.nano < 0n).map(([name]) => name));
  const covering: RunningQuota[] = [];
  const covered = new Set<string>();
  for (const each of quotas) {
    if (!matchesQuota(evaluator, each.quota, object)) continue;
    const name = each.quota.metadata?.name;
    const restricted = new Set(evaluator.matchingResources(each.hard.keys()));
    const complaint = evaluator.complaint?.(restricted, object);
    if (complaint) throw refuse(attributes, `failed quota: ${name}: ${complaint}`);
    if ([...restricted].some((resource) => !each.used.has(resource)))
      throw refuse(attributes, `status unknown for quota: ${name}, resources: ${sortedNames(restricted).join(',')}`);
    covering.push(each);
    for (const resource of restricted) covered.add(resource);
  }
  if (negative.length) throw refuse(attributes, `quota usage is negative for resource(s): ${negative.join(',')}`);

  const change = usageChange(usage, { attributes, evaluator }, nowMs);
  const deltas = new Map<RunningQuota, ResourceList>();
  for (const each of covering) {
    const before = attributes.oldObject;
    const counted = change !== usage && before !== undefined && matchesQuota(evaluator, each.quota, before);
    const delta = withoutZeros(counted ? change : usage);
    if (delta.size) deltas.set(each, delta);
  }
  if (covering.length ? deltas.size === 0 : withoutZeros(change).size === 0) return quotas;
  checkCoverage(quotas, { attributes, evaluator, usage, covered, limited });
  return deltas.size ? quotas.map((each) => charge(each, deltas.get(each), attributes)) : quotas;
}

/** What an update uses more than what was there. */
function usageChange(usage: ResourceList, { attributes, evaluator }: QuotaQuestion, nowMs: number): ResourceList {
  const { operation, oldObject } = attributes;
  if (operation !== 'UPDATE' || !oldObject?.metadata.resourceVersion) return usage;
  return excessOf(usage, evaluator.usage(oldObject, nowMs));
}

function charge(running: RunningQuota, delta: ResourceList | undefined, attributes: AdmissionAttributes): RunningQuota {
  if (!delta) return running;
  const requested = maskResourceList(delta, running.hard);
  const used = sumResourceLists(running.used, requested);
  // A status tells what is so already: it is counted and not refused.
  if (attributes.subresource !== 'status') {
    const exceeded = namesBeyond(maskResourceList(used, requested), running.hard);
    if (exceeded.size) {
      const show = (list: ResourceList) => describeResourceList(maskResourceList(list, exceeded));
      throw refuse(
        attributes,
        `exceeded quota: ${running.quota.metadata?.name}, requested: ${show(requested)}, used: ${show(running.used)}, limited: ${show(running.hard)}`,
      );
    }
  }
  return { ...running, used };
}

interface Coverage extends QuotaQuestion {
  readonly usage: ResourceList;
  /** The resources on which some quota that counts the object has a limit. */
  readonly covered: ReadonlySet<string>;
  readonly limited: readonly LimitedResource[];
}

/** What may be used only under a quota is refused where there is none. */
function checkCoverage(quotas: readonly RunningQuota[], { attributes, evaluator, usage, covered, limited }: Coverage): void {
  if (!limited.length) return;
  const { group, resource } = attributes.kind;
  const ofKind = limited.filter((each) => each.apiGroup === group && each.resource === resource);
  const needed = [...usage]
    .filter(
      ([name, { nano }]) => nano > 0n && ofKind.some(({ matchContains }) => matchContains.some((part) => name.includes(part))),
    )
    .map(([name]) => name);
  const uncovered = sortedNames(needed.filter((name) => !covered.has(name)));
  if (uncovered.length) throw refuse(attributes, `insufficient quota to consume: ${uncovered.join(',')}`);
  const object = attributes.object!;
  const within = (scopes: readonly ScopeRequirement[]) => scopes.filter((scope) => isWithin(evaluator, scope, object));
  const limitedScopes = limited.flatMap(({ matchScopes }) => within(matchScopes));
  const quotaScopes = new Set(quotas.flatMap(({ quota }) => within(scopesOf(quota)).map(({ scopeName }) => scopeName)));
  const open = limitedScopes.filter(({ scopeName }) => !quotaScopes.has(scopeName));
  if (open.length) throw plainFailure(`insufficient quota to match these scopes: [${open.map(describeScope).join(' ')}]`);
}

const isWithin = (evaluator: QuotaEvaluator, scope: ScopeRequirement, object: DynamicObject) =>
  evaluator.matchesScope?.(scope, object) ?? false;

/** Upstream says this one as a bare error, which its server answers with 500. */
function plainFailure(message: string): StatusError {
  return new StatusError({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason: '', code: 500 });
}
