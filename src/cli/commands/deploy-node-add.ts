import { nodeKind } from '../../api/core/v1/node.ts';
import type { V1Node } from '../../api/gen/types.ts';
import { checkAddition } from '../../deploy/nodes/addition-plan.ts';
import { formatPlan, planJson } from '../../deploy/plan/plan.ts';
import { CodedError } from '../../std/coded-error.ts';
import type { ComponentCommand } from '../../std/command.ts';
import { carryOut } from '../deploy/carry-out.ts';
import { DEPLOY_FLAGS, DRY_RUN_FLAG, namedHosts, OUTPUT_FLAG, wantsJson } from '../deploy/deploy-flags.ts';
import { lookAt } from '../deploy/look.ts';
import { openSession } from '../deploy/session.ts';

/** `muster deploy node add HOST…`: touches these hosts alone, however many there are. */
export const deployNodeAddCommand: ComponentCommand = {
  name: 'deploy node add',
  arguments: 'HOST...',
  summary: 'Makes hosts of the inventory nodes of the cluster that runs; the others are not touched.',
  flags: [...DEPLOY_FLAGS, DRY_RUN_FLAG, OUTPUT_FLAG],
  async run(flags, io) {
    const dryRun = flags.values.bool('dry-run');
    const json = wantsJson(flags);
    const beganMs = io.clock.now();
    await using session = await openSession(flags, io, {
      readOnly: dryRun,
      takesArguments: true,
      ...(!dryRun && { locksAs: 'node add' }),
    });
    const { inventory } = session;
    const hosts = namedHosts(flags, inventory);
    const names = new Set(hosts.map(({ name }) => name));
    // A master's clock is what theirs are compared with.
    const master = inventory.hosts.find(({ name, roles }) => roles.includes('master') && !names.has(name));
    const { facts, plans: all } = await lookAt(session, io, {
      names: new Set([...names, ...(master ? [master.name] : [])]),
    });
    const plans = all.filter(({ host }) => names.has(host));
    const cluster = await session.openCluster();
    try {
      const { items } = await cluster.client.resource<V1Node>(nodeKind).list({ signal: io.signal });
      const nodes = new Map(items.map((node) => [node.metadata?.name ?? '', node]));
      const problems = checkAddition(inventory, hosts, plans, nodes);
      if (problems.length > 0) throw new CodedError(`nothing was done: ${problems.join('; ')}`, { code: 'PREFLIGHT_FAILED' });
    } finally {
      await cluster.close();
    }
    if (dryRun || json) io.stdout(json ? `${JSON.stringify(planJson(plans))}\n` : formatPlan(plans));
    if (dryRun) return 0;
    await carryOut(session, io, { facts, plans }, (line) =>
      io.stderr(`${line}
`),
    );
    const seconds = ((io.clock.now() - beganMs) / 1000).toFixed(1);
    io.stderr(`${inventory.name}: ${[...names].join(', ')} in ${seconds} s\n`);
    return 0;
  },
};
