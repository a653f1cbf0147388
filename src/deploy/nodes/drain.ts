import { nodeKind } from '../../api/core/v1/node.ts';
import { podKind } from '../../api/core/v1/pod.ts';
import type { V1Node, V1Pod } from '../../api/gen/types.ts';
import type { Client } from '../../client/client.ts';
import { hasReason, unlessReason } from '../../client/unless-reason.ts';
import { atMost } from '../../std/at-most.ts';
import type { Clock } from '../../std/clock.ts';
import { CodedError } from '../../std/coded-error.ts';
import type { DrainedPod, DrainPlan } from './drain-plan.ts';

/** On a node that a command has cordoned, so that the same command, begun again, gives it back, and leaves alone what others cordoned. */
const CORDONED_BY = 'deploy.muster.dev/cordoned-by';
const PODS_AT_ONCE = 20;
/** As kubectl drain asks again when a budget does not let a pod go. */
const BUDGET_MS = 5_000;
const POLL_MS = 500;

export interface DrainRun {
  readonly client: Client;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** After which it is given up. */
  readonly timeoutMs: number;
}

/** All pods of a node. */
export async function podsOf(client: Client, node: string, signal: AbortSignal): Promise<readonly V1Pod[]> {
  return (await client.resource<V1Pod>(podKind).list({ fieldSelector: `spec.nodeName=${node}`, signal })).items;
}

/** Lets no new pod onto a node; one that others cordoned is theirs. @param by whose doing it is */
export async function cordon(client: Client, node: V1Node, by: string, signal: AbortSignal): Promise<void> {
  if (node.spec?.unschedulable) return;
  const patch = { metadata: { annotations: { [CORDONED_BY]: by } }, spec: { unschedulable: true } };
  await client.resource<V1Node>(nodeKind).patch(node.metadata?.name ?? '', patch, { type: 'strategic', signal });
}

/** Lets pods onto a node again, if it was cordoned for `by`. */
export async function uncordon(client: Client, name: string, by: string, signal: AbortSignal): Promise<void> {
  const nodes = client.resource<V1Node>(nodeKind);
  const node = await nodes.get(name, { signal });
  if (node.metadata?.annotations?.[CORDONED_BY] !== by) return;
  const patch = { metadata: { annotations: { [CORDONED_BY]: null } }, spec: { unschedulable: null } };
  await nodes.patch(name, patch, { type: 'strategic', signal });
}

/**
 * Evicts pods, as their budgets allow, and resolves when they are gone.
 *
 * @throws CodedError DRAIN_TIMEOUT naming the pods that are still there; the API's refusals; the abort reason
 */
export async function drain({ evicted }: DrainPlan, run: DrainRun): Promise<void> {
  const { clock, signal, timeoutMs } = run;
  const endMs = clock.now() + timeoutMs;
  const results = await atMost(PODS_AT_ONCE, evicted, (pod) => evict(pod, endMs, run));
  signal.throwIfAborted();
  const failed = results.flatMap((result, i) => (result.status === 'rejected' ? [{ pod: evicted[i]!, why: result.reason }] : []));
  if (failed.length === 0) return;
  const lines = failed.map(({ pod, why }) => `${pod.namespace}/${pod.name}: ${(why as Error).message}`);
  throw new CodedError(`${failed.length} of ${evicted.length} pods do not go: ${lines.join('; ')}`, {
    code: 'DRAIN_FAILED',
    retryable: true,
    cause: failed[0]!.why,
  });
}

async function evict(pod: DrainedPod, endMs: number, { client, clock, signal }: DrainRun): Promise<void> {
  const { namespace, name, uid } = pod;
  const pods = client.resource<V1Pod>(podKind, namespace);
  const eviction = {
    apiVersion: 'policy/v1',
    kind: 'Eviction',
    metadata: { name, namespace },
    // Another pod of this name is not meant.
    deleteOptions: { preconditions: { uid } },
  };
  for (;;) {
    signal.throwIfAborted();
    try {
      await pods.create(eviction as never, { name, subresource: 'eviction', signal });
      break;
    } catch (error) {
      if (hasReason(error, 'NotFound', 'Conflict')) break;
      if (!hasReason(error, 'TooManyRequests') || clock.now() > endMs) throw error;
    }
    await clock.sleep(BUDGET_MS, signal);
  }
  for (;;) {
    const found = await unlessReason(pods.get(name, { signal }), 'NotFound');
    if (!found || found.metadata?.uid !== uid) return;
    if (clock.now() > endMs) throw new CodedError('it was told to end and is still there', { code: 'DRAIN_TIMEOUT' });
    await clock.sleep(POLL_MS, signal);
  }
}
