import { withPodCondition } from '../../api/core/v1/pod-conditions.ts';
import type { V1Pod, V1PodDisruptionBudget } from '../../api/gen/types.ts';
import type { KindDefinition } from '../../api/machinery/kind.ts';
import type { DynamicObject } from '../../api/machinery/object.ts';
import { badRequest, internalError, isStatus, StatusError, unnamedFailure } from '../../api/machinery/status-error.ts';
import {
  budgetsOf,
  isUnguarded,
  mayComeUnderGuard,
  sparesBudget,
  stillProcessed,
  takeFromBudget,
} from '../../api/policy/v1/disruption.ts';
import type { Clock } from '../../std/clock.ts';
import type { ActionHandler, Admission, ObjectReader, ObjectWriter } from '../contracts.ts';
import { type DeleteChoices, parseDeleteOptions, parseWriteQuery } from '../request/query-options.ts';
import type { ObjectStore } from '../store-access/object-store.ts';
import { checkPreconditions } from '../verbs/plan-delete.ts';
import { placeInNamespace } from '../verbs/prepare-create.ts';
import type { ObjectWrites, WriteScope } from '../verbs/write-object.ts';
import { actionAttributes, admitAction } from './admit-action.ts';
import { DONE } from './done.ts';

export interface EvictionDeps {
  readonly pod: KindDefinition;
  /** Absent when the server has no budgets: every pod may go. */
  readonly budget: KindDefinition | undefined;
  readonly objects: ObjectStore;
  readonly reader: ObjectReader;
  readonly writer: ObjectWriter;
  readonly writes: ObjectWrites;
  readonly admission: () => Admission;
  readonly clock: Clock;
}

/** A pod that changes this often while it is being evicted is given up. */
const MOST_ATTEMPTS = 20;

/** `pods/eviction`: deletes a pod as far as the budgets allow it. */
export function createEvictionHandler(deps: EvictionDeps): ActionHandler {
  const { pod, objects, admission } = deps;
  return {
    group: '',
    resource: 'pods',
    subresource: 'eviction',
    async handle(context, body) {
      const eviction = body!;
      const { namespace, name } = context.info;
      placeInNamespace(pod, eviction, namespace);
      const choices = deletionOf(context.request.query, eviction);
      const { user, warnings } = context;
      const scope: WriteScope = { kind: pod, namespace, user, dryRun: choices.dryRun, warnings, admit: false };
      // Admission looks at the request alone: what only the deletion's own options ask for is no dry run of it.
      const { dryRun } = parseWriteQuery(context.request.query, 'CreateOptions');
      await admitAction(admission(), actionAttributes(context, pod, { object: eviction, dryRun }));
      if (eviction.metadata.name !== name) throw badRequest('name in URL does not match name in Eviction object');
      if (await evictUnguarded(deps, scope, name, choices)) return DONE;
      const { object } = await objects.read({ kind: pod, namespace, name });
      const spared = await consultBudget(deps, object, choices.dryRun);
      // Spared as what it is now: what becomes ready meanwhile is not.
      await remove(deps, scope, name, spared ? inVersion(choices, object) : choices).catch((error) => {
        const ours = spared && choices.preconditions.resourceVersion === undefined;
        throw ours && isStatus(error, 'Conflict') ? stillProcessed(spared) : error;
      });
      return DONE;
    },
  };
}

/** How the pod is to be deleted. The request and the deletion's own options may both ask for a dry run, if in the same words. */
function deletionOf(query: URLSearchParams, eviction: DynamicObject): DeleteChoices {
  const { dryRun } = parseWriteQuery(query, 'CreateOptions');
  const options = (eviction['deleteOptions'] ?? {}) as Readonly<Record<string, unknown>>;
  const choices = parseDeleteOptions(new URLSearchParams(), options);
  if (dryRun && choices.dryRun) {
    const [asked, given] = [query.getAll('dryRun'), options['dryRun'] as string[]];
    if (asked.join(' ') !== given.join(' '))
      throw unnamedFailure(`Non-matching dry-run options in request and content: [${asked.join(' ')}] and [${given.join(' ')}]`);
  }
  return { ...choices, dryRun: dryRun || choices.dryRun };
}

/** Deletes a pod that no budget guards in the state that it is in; false when they all do. */
async function evictUnguarded(deps: EvictionDeps, scope: WriteScope, name: string, choices: DeleteChoices): Promise<boolean> {
  const named = choices.preconditions.resourceVersion !== undefined;
  for (let attempt = 1; ; attempt++) {
    const { object } = await deps.objects.read({ kind: deps.pod, namespace: scope.namespace, name });
    if (!isUnguarded(object as V1Pod)) return false;
    const safely = mayComeUnderGuard(object as V1Pod) && !named ? inVersion(choices, object) : choices;
    try {
      await remove(deps, scope, name, safely);
      return true;
    } catch (error) {
      if (!isStatus(error, 'Conflict') || named || attempt === MOST_ATTEMPTS) throw error;
    }
  }
}

const inVersion = (choices: DeleteChoices, { metadata }: DynamicObject): DeleteChoices => ({
  ...choices,
  preconditions: { ...choices.preconditions, ...(metadata.resourceVersion && { resourceVersion: metadata.resourceVersion }) },
});

/**
 * Takes the eviction from the budget that guards the pod, if any. Returns the budget's name where the pod goes without that.
 *
 * @throws StatusError 429 when the budget does not allow it, 500 when there are several
 */
async function consultBudget(
  { budget, reader, writer, clock }: EvictionDeps,
  pod: DynamicObject,
  dryRun: boolean,
): Promise<string | undefined> {
  if (!budget) return undefined;
  const { namespace = '', name = '' } = pod.metadata;
  // The read of the pod has made everything fresh.
  const [guard, another] = budgetsOf(pod as V1Pod, reader.list(budget, namespace) as readonly V1PodDisruptionBudget[]);
  if (!guard) return undefined;
  if (another)
    throw unnamedFailure('This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.');
  const guardName = guard.metadata!.name!;
  if (sparesBudget(pod as V1Pod, guard)) return guardName;
  const take = (found: V1PodDisruptionBudget) => takeFromBudget(found, name, clock.now());
  if (dryRun) take(guard);
  else {
    const change = (existing: DynamicObject) => ({ ...existing, status: take(existing as V1PodDisruptionBudget) });
    await writer.modify(budget, namespace, guardName, change, 'status').catch((error) => {
      throw isStatus(error, 'Conflict') ? tooManyConflicts(guardName) : error;
    });
  }
  return undefined;
}

function tooManyConflicts(budgetName: string): StatusError {
  const message = `Timeout: couldn't update PodDisruptionBudget ${JSON.stringify(budgetName)} due to conflicts`;
  const details = { retryAfterSeconds: 10 };
  return new StatusError({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    reason: 'Timeout',
    details,
    code: 504,
  });
}

/** Says in the pod why it goes, and deletes it. */
async function remove(
  { pod, writes, clock }: EvictionDeps,
  scope: WriteScope,
  name: string,
  choices: DeleteChoices,
): Promise<void> {
  let { preconditions } = choices;
  if (!scope.dryRun) {
    const part = pod.parts.find((each) => each.name === 'status');
    if (!part) throw internalError('pods have no status');
    const { object } = await writes.update({ ...scope, part }, name, (existing) => {
      checkPreconditions(pod, existing.object, preconditions);
      const latest = existing.decode() as V1Pod & DynamicObject;
      const why = {
        type: 'DisruptionTarget',
        status: 'True',
        observedGeneration: latest.metadata.generation ?? 1,
        reason: 'EvictionByEvictionAPI',
        message: 'Eviction API: evicting',
      };
      return { ...latest, status: withPodCondition(latest.status, why, clock.now()) } as DynamicObject;
    });
    // The new version is our doing.
    const { resourceVersion } = object.object.metadata;
    if (preconditions.resourceVersion !== undefined && resourceVersion) preconditions = { ...preconditions, resourceVersion };
  }
  await writes.delete(scope, name, { ...choices, preconditions });
}
