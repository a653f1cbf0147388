import { nodeKind } from '../../api/core/v1/node.ts';
import type { V1Node } from '../../api/gen/types.ts';
import { unlessReason } from '../../client/unless-reason.ts';
import type { Cluster } from '../../deploy/apply/cluster.ts';
import { cordon, drain, podsOf, uncordon } from '../../deploy/nodes/drain.ts';
import { type DrainPlan, planDrain } from '../../deploy/nodes/drain-plan.ts';
import { upgradeHosts } from '../../deploy/upgrade/upgrade.ts';
import { type HostUpgrade, planUpgrade, type UpgradePlan, upgradeOutlines } from '../../deploy/upgrade/upgrade-plan.ts';
import { unitsOf } from '../../deploy/verify/checks.ts';
import { CodedError } from '../../std/coded-error.ts';
import type { CommandIo, ComponentCommand } from '../../std/command.ts';
import { carryOut } from '../deploy/carry-out.ts';
import {
  DEPLOY_FLAGS,
  DRAIN_FLAGS,
  DRY_RUN_FLAG,
  drainChoicesOf,
  OUTPUT_FLAG,
  printOutline,
  wantsJson,
} from '../deploy/deploy-flags.ts';
import { requireWell } from '../deploy/distribute.ts';
import { type Look, lookAt } from '../deploy/look.ts';
import { openSession, type Session } from '../deploy/session.ts';

const BY = 'upgrade';
const SERVING_MS = 180_000;
const POLL_MS = 1_000;

/** `muster deploy upgrade`. */
export const deployUpgradeCommand: ComponentCommand = {
  name: 'deploy upgrade',
  summary:
    'Replaces the program on all hosts, one at a time, masters first, drained; a host that does not serve with it is put back.',
  flags: [
    ...DEPLOY_FLAGS,
    { name: 'executable', type: 'string', description: "instead of the inventory's distribution.executable" },
    { name: 'drain', type: 'bool', default: true, description: "evict a node's pods before its services restart" },
    ...DRAIN_FLAGS,
    DRY_RUN_FLAG,
    OUTPUT_FLAG,
  ],
  async run(flags, io) {
    const { values } = flags;
    const dryRun = values.bool('dry-run');
    wantsJson(flags);
    await using session = await openSession(flags, io, {
      readOnly: dryRun,
      executable: values.string('executable'),
      ...(!dryRun && { locksAs: 'upgrade' }),
    });
    const look = await lookAt(session, io);
    const cluster = await session.openCluster();
    try {
      const choices = drainChoicesOf(flags);
      const drains = new Map<string, DrainPlan>();
      if (values.bool('drain'))
        for (const { name, roles } of session.inventory.hosts)
          if (roles.includes('worker')) drains.set(name, planDrain(await podsOf(cluster.client, name, io.signal), choices));
      const plan = planUpgrade(session.inventory, look.plans, look.facts, drains);
      if (plan.problems.length > 0)
        throw new CodedError(`nothing was done: ${plan.problems.join('; ')}`, { code: 'PREFLIGHT_FAILED' });
      if (plan.hosts.length > 0 && !plan.isResumed) await requireWell(session, io);
      if (dryRun || wantsJson(flags)) printOutline(flags, io, upgradeOutlines(plan));
      if (dryRun) return 0;
      await upgrade(plan, {
        session,
        io,
        look,
        cluster,
        drainChoices: choices,
        drainTimeoutMs: values.durationMs('drain-timeout'),
      });
      const count = `${plan.hosts.length} ${plan.hosts.length === 1 ? 'host' : 'hosts'}`;
      io.stderr(`${session.inventory.name}: ${plan.hosts.length === 0 ? 'nothing to do' : `${count} upgraded`}\n`);
      return 0;
    } finally {
      await cluster.close();
    }
  },
};

interface Means {
  readonly session: Session;
  readonly io: CommandIo;
  readonly look: Look;
  readonly cluster: Cluster;
  readonly drainChoices: ReturnType<typeof drainChoicesOf>;
  readonly drainTimeoutMs: number;
}

async function upgrade(plan: UpgradePlan, { session, io, look, cluster, drainChoices, drainTimeoutMs }: Means): Promise<void> {
  const { inventory, transports } = session;
  const { clock, signal } = io;
  const { client } = cluster;
  const progress = (line: string) => io.stderr(`${line}\n`);
  const nodes = client.resource<V1Node>(nodeKind);
  /** When each node last told its state before its kubelet was replaced. */
  const heartbeats = new Map<string, string>();
  const inventoryHost = ({ plan: { host } }: HostUpgrade) => inventory.hosts.find(({ name }) => name === host)!;
  await upgradeHosts(plan, {
    transports,
    clock,
    signal,
    progress,
    unitsOf: (host) => unitsOf(inventory, inventoryHost(host)).map((name) => `${name}.service`),
    async drain(host) {
      const name = host.plan.host;
      if (!host.drain) return;
      const node = await unlessReason(nodes.get(name, { signal }), 'NotFound');
      if (!node) return;
      await cordon(client, node, BY, signal);
      // What came since the plan goes as well, by the same choices.
      const now = planDrain(await podsOf(client, name, signal), drainChoices);
      if (now.problems.length > 0) throw new CodedError(`${name}: ${now.problems.join('; ')}`, { code: 'PREFLIGHT_FAILED' });
      await drain(now, { client, clock, signal, timeoutMs: drainTimeoutMs });
      progress(`${name}: drained, ${now.evicted.length} pods are gone`);
    },
    async release(host) {
      if (host.roles.includes('worker')) await uncordon(client, host.plan.host, BY, signal);
    },
    async apply(host) {
      heartbeats.set(host.plan.host, heartbeatOf(await unlessReason(nodes.get(host.plan.host, { signal }), 'NotFound')));
      await carryOut(session, io, { facts: look.facts, plans: [host.plan] }, progress);
    },
    awaitServing: (host) => awaitServing(host, { session, io, cluster, heartbeat: heartbeats.get(host.plan.host) ?? '' }),
  });
}

const readyOf = (node: V1Node | undefined) => node?.status?.conditions?.find(({ type }) => type === 'Ready');
const heartbeatOf = (node: V1Node | undefined) => readyOf(node)?.lastHeartbeatTime?.toString() ?? '';

interface Serving extends Pick<Means, 'session' | 'io' | 'cluster'> {
  readonly heartbeat: string;
}

/** Until the host's own API server is ready, and its kubelet has told the node's state since it was replaced. */
async function awaitServing({ plan, roles, units }: HostUpgrade, { session, io, cluster, heartbeat }: Serving): Promise<void> {
  const { clock, signal } = io;
  if (roles.includes('master')) {
    const others = new Set(session.inventory.hosts.map(({ name }) => name).filter((name) => name !== plan.host));
    const own = await session.openCluster(others);
    try {
      await own.waitReady(signal);
    } finally {
      await own.close();
    }
  }
  if (!roles.includes('worker')) return;
  const endMs = clock.now() + SERVING_MS;
  for (;;) {
    const node = await cluster.client.resource<V1Node>(nodeKind).get(plan.host, { signal });
    const ready = readyOf(node);
    const isFresh = !units.includes('kubelet.service') || heartbeatOf(node) !== heartbeat;
    if (ready?.status === 'True' && isFresh) return;
    if (clock.now() > endMs)
      throw new CodedError(
        `node ${plan.host}: ${ready?.status === 'True' ? 'its kubelet tells nothing' : (ready?.message ?? 'it has no state')}`,
        {
          code: 'NODES_NOT_READY',
          retryable: true,
        },
      );
    await clock.sleep(POLL_MS, signal);
  }
}
