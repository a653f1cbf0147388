import { INSTALLED } from '../../deploy/journal.ts';
import { readMembership } from '../../deploy/nodes/membership.ts';
import { planRemoval, type RemovalPlan, removalOutline } from '../../deploy/nodes/removal-plan.ts';
import { removeNode } from '../../deploy/nodes/remove-node.ts';
import { CodedError } from '../../std/coded-error.ts';
import type { ComponentCommand } from '../../std/command.ts';
import {
  DEPLOY_FLAGS,
  DRAIN_FLAGS,
  DRY_RUN_FLAG,
  drainChoicesOf,
  namedHosts,
  OUTPUT_FLAG,
  printOutline,
  wantsJson,
} from '../deploy/deploy-flags.ts';
import { openSession } from '../deploy/session.ts';

/** `muster deploy node remove HOST…`. */
export const deployNodeRemoveCommand: ComponentCommand = {
  name: 'deploy node remove',
  arguments: 'HOST...',
  summary: 'Takes hosts out of a cluster: drains them, takes away what apply put there, deletes their nodes.',
  flags: [
    ...DEPLOY_FLAGS,
    ...DRAIN_FLAGS,
    { name: 'gone', type: 'bool', description: 'the hosts are no more: only what the cluster has of them goes' },
    DRY_RUN_FLAG,
    OUTPUT_FLAG,
  ],
  async run(flags, io) {
    const dryRun = flags.values.bool('dry-run');
    wantsJson(flags);
    const choices = { ...drainChoicesOf(flags), isGone: flags.values.bool('gone') };
    await using session = await openSession(flags, io, {
      readOnly: true,
      takesArguments: true,
      ...(!dryRun && { locksAs: 'node remove' }),
    });
    const { inventory, transports } = session;
    const hosts = namedHosts(flags, inventory);
    const names = new Set(hosts.map(({ name }) => name));
    const survey = await session.survey(choices.isGone ? new Set() : names);
    const [failure] = [...survey.failures];
    if (failure)
      throw new CodedError(
        `${failure[0]} cannot be looked at: ${(failure[1] as Error).message}; if it is no more, say so by --gone`,
        {
          code: 'HOSTS_UNREACHABLE',
          retryable: true,
          cause: failure[1],
        },
      );
    const cluster = await session.openCluster(names);
    try {
      const plans: RemovalPlan[] = [];
      for (const host of hosts) {
        const isInstalled = survey.facts.get(host.name)?.files.has(INSTALLED) ?? false;
        const membership = await readMembership(cluster.client, host.name, io.signal);
        plans.push(planRemoval(inventory, host, membership, isInstalled, choices));
      }
      const problems = plans.flatMap((plan) => plan.problems);
      if (problems.length > 0) throw new CodedError(`nothing was done: ${problems.join('; ')}`, { code: 'PREFLIGHT_FAILED' });
      if (dryRun || wantsJson(flags))
        printOutline(
          flags,
          io,
          plans.map((plan) => removalOutline(plan, choices)),
        );
      if (dryRun) return 0;
      for (const plan of plans)
        await removeNode(plan, {
          inventory,
          client: cluster.client,
          transport: transports.get(plan.host)!,
          choices,
          drainTimeoutMs: flags.values.durationMs('drain-timeout'),
          clock: io.clock,
          signal: io.signal,
          progress: (line) => io.stderr(`${line}\n`),
        });
    } finally {
      await cluster.close();
    }
    io.stderr(`take ${[...names].join(', ')} out of the inventory: "apply" would make what is in it a node again\n`);
    return 0;
  },
};
