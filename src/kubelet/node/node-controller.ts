import { nodeKind } from '../../api/core/v1/node.ts';
import type { V1Node, V1NodeCondition } from '../../api/gen/types.ts';
import { isStatus } from '../../api/machinery/status-error.ts';
import type { Client } from '../../client/client.ts';
import { Backoff } from '../../std/backoff.ts';
import { type Clock, steadyMs } from '../../std/clock.ts';
import { parseGoDuration } from '../../std/go-duration.ts';
import { type Component, deferred, isAbort } from '../../std/lifecycle.ts';
import type { Logger } from '../../std/logger.ts';
import { within } from '../../std/within.ts';
import { judgeFailure } from '../api-failure.ts';
import { conditionChanges, type NodeHealth } from './node-conditions.ts';
import type { NodeDetails } from './node-details.ts';
import { type NodeFacts, newNode, nodeStatus, planReconcile, planStatusPatch } from './node-plan.ts';

export interface NodeControllerOptions {
  readonly client: Client;
  readonly facts: NodeFacts;
  readonly health: () => Promise<NodeHealth>;
  /** Of a node with real pods: what else its status says. */
  readonly details?: (health: NodeHealth) => Promise<NodeDetails>;
  /** Called with the reason of an event for each condition of the node that has changed: `NodeHasDiskPressure`. */
  readonly tell?: (reason: string) => void;
  /** False (`registerNode: false`): the Node is made by somebody else; wait for it. */
  readonly register: boolean;
  /** Somebody gives nodes ranges of pod addresses: what asks for one soon after the start waits a little. */
  readonly expectsPodCidr?: boolean;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
}

export interface NodeController extends Component {
  /** The Node as the server last answered it; undefined before it is registered. */
  readonly node: V1Node | undefined;
  /** The range of pod addresses that the cluster gave this node, asked for when it is not known yet. */
  podCidr(): Promise<string | undefined>;
  /** Reports the status soon. `distrust`: the server's copy may have been changed by others, so read it first. */
  poke(options?: { distrust?: boolean }): void;
}

/** A node whose range is not known is asked about at most so often. */
const POD_CIDR_RETRY_MS = 1000;
/** The first pods of a node that is to get a range wait for it so long, asking so often. */
const POD_CIDR_WAIT_MS = 3000;
const POD_CIDR_POLL_MS = 50;
/** So often it is read what others made of the Node: resources that somebody else gave it are its pods' to have. */
const REREAD_MS = 30_000;
/** For so long a node that is not Ready counts as coming up, and is looked at so often. */
const COMING_UP_MS = 120_000;
const COMING_UP_POLL_MS = 500;
/** A store of images that does not answer must not keep the node from telling the rest. */
const LONGEST_DETAILS_MS = 30_000;

/**
 * Registers the Node, with its status, and keeps the status true: computed every `nodeStatusUpdateFrequency`, sent when it
 * changed and every `nodeStatusReportFrequency`. The steady state costs few requests: the server's copy is read again now and then,
 * and at once when there is a reason to distrust ours. `start` resolves when the Node is registered, however long the server is away.
 */
export function createNodeController(options: NodeControllerOptions): NodeController {
  const { client, facts, clock, logger, random } = options;
  const { name, configuration } = facts;
  const nodes = client.resource<V1Node>(nodeKind);
  const updateMs = parseGoDuration(configuration.nodeStatusUpdateFrequency);
  const reportMs = parseGoDuration(configuration.nodeStatusReportFrequency);
  const done = deferred();
  let node: V1Node | undefined;
  let nextReportMs = 0;
  let readMs = steadyMs(clock);
  let distrusted = false;
  let wake: (() => void) | undefined;
  let lookedForCidrMs = Number.NEGATIVE_INFINITY;
  let firstAskedMs: number | undefined;

  const spread = (ms: number) => ms * (0.5 + random());

  async function state(): Promise<{ health: NodeHealth; details: NodeDetails }> {
    const health = await options.health();
    try {
      const details = options.details && within(clock, LONGEST_DETAILS_MS, options.details(health), 'it takes too long');
      return { health, details: (await details) ?? {} };
    } catch (error) {
      // What the node has matters more than that it cannot tell of its images.
      logger.warn('Part of the node status cannot be told', { node: name, err: error });
      return { health, details: {} };
    }
  }

  function tellChanges(before: readonly V1NodeCondition[] | undefined): void {
    for (const reason of conditionChanges(before, node?.status?.conditions)) options.tell?.(reason);
  }

  async function reportStatus(signal: AbortSignal): Promise<void> {
    if (distrusted || steadyMs(clock) - readMs >= REREAD_MS) {
      node = await nodes.get(name, { signal });
      readMs = steadyMs(clock);
      distrusted = false;
    }
    const nowMs = clock.now();
    const { health, details } = await state();
    const wanted = nodeStatus(facts, health, node?.status, nowMs, details);
    const patch = planStatusPatch(node?.status, wanted, { reportDue: steadyMs(clock) >= nextReportMs });
    if (!patch) return;
    const before = node?.status?.conditions;
    node = await nodes.patch(name, patch, { type: 'strategic', subresource: 'status', signal });
    readMs = steadyMs(clock);
    tellChanges(before);
    nextReportMs = steadyMs(clock) + spread(reportMs);
  }

  async function register(signal: AbortSignal): Promise<void> {
    if (options.register) logger.info('Attempting to register node', { node: name });
    distrusted = false;
    if (!options.register) {
      node = await nodes.get(name, { signal });
      return reportStatus(signal);
    }
    try {
      const { health, details } = await state();
      node = await nodes.create(newNode(facts, health, clock.now(), details), { signal });
      tellChanges(undefined);
      nextReportMs = steadyMs(clock) + spread(reportMs);
    } catch (error) {
      if (!isStatus(error, 'AlreadyExists')) throw error;
      node = await nodes.get(name, { signal });
      logger.info('Node was previously registered', { node: name });
      const patch = planReconcile(node, facts);
      if (patch) node = await nodes.patch(name, patch, { type: 'strategic', signal });
    }
    // Nothing to do when the server took the status with the Node.
    await reportStatus(signal);
    logger.info('Successfully registered node', { node: name });
  }

  async function registerUntilDone(signal: AbortSignal): Promise<void> {
    const backoff = new Backoff({ initialMs: 100, maxMs: 7000, random });
    for (;;) {
      try {
        return await register(signal);
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        const what = options.register ? 'Unable to register node with API server' : 'Waiting for the node to be registered';
        logger.error(what, { node: name, err: judgeFailure(error, clock.now()).message });
      }
      await clock.sleep(backoff.next(), signal);
    }
  }

  /** Resolves after `delayMs`, or when poked. */
  async function idle(delayMs: number, signal: AbortSignal): Promise<void> {
    const poked = new AbortController();
    wake = () => poked.abort();
    try {
      await clock.sleep(delayMs, AbortSignal.any([signal, poked.signal]));
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (!poked.signal.aborted) throw error;
    } finally {
      wake = undefined;
    }
  }

  async function run(signal: AbortSignal): Promise<void> {
    const backoff = new Backoff({ initialMs: 500, maxMs: updateMs, random });
    const startedMs = steadyMs(clock);
    /** A node that comes up is Ready as soon as it can be, not with the next regular look (upstream: fastStatusUpdateOnce). */
    const soon = (delayMs: number) =>
      !isReady(node) && steadyMs(clock) - startedMs < COMING_UP_MS ? Math.min(delayMs, COMING_UP_POLL_MS) : delayMs;
    for (let delayMs = updateMs * random(); ; ) {
      await idle(soon(delayMs), signal);
      try {
        await reportStatus(signal);
        backoff.reset();
        delayMs = updateMs;
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        logger.error('Error updating node status, will retry', { node: name, err: judgeFailure(error, clock.now()).message });
        distrusted = true;
        delayMs = backoff.next();
        // Deleted by somebody: upstream would stay without a Node until its restart.
        if (isStatus(error, 'NotFound')) await registerUntilDone(signal);
      }
    }
  }

  return {
    name: `node ${name}`,
    get node() {
      return node;
    },
    async start(signal) {
      const registered = registerUntilDone(signal);
      registered
        .then(() => run(signal))
        .catch((error: unknown) => (isAbort(error, signal) ? done.resolve() : done.reject(error)));
      await registered;
    },
    done: done.promise,
    async podCidr() {
      const lookForCidr = async () => {
        lookedForCidrMs = steadyMs(clock);
        const fresh = await nodes.get(name).catch((error: unknown) => {
          logger.warn('Reading the node for its pod range failed', { node: name, err: error });
          return undefined;
        });
        if (fresh) node = fresh;
      };
      if (node && !node.spec?.podCIDR && steadyMs(clock) - lookedForCidrMs >= POD_CIDR_RETRY_MS) await lookForCidr();
      firstAskedMs ??= steadyMs(clock);
      while (options.expectsPodCidr && !node?.spec?.podCIDR && steadyMs(clock) - firstAskedMs < POD_CIDR_WAIT_MS) {
        await clock.sleep(POD_CIDR_POLL_MS);
        await lookForCidr();
      }
      return node?.spec?.podCIDR ?? configuration.podCIDR;
    },
    poke(how) {
      distrusted ||= how?.distrust ?? false;
      wake?.();
    },
  };
}

function isReady(node: V1Node | undefined): boolean {
  return node?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
}
