import { agentInput, agentScript } from '../../deploy/apply/agent-script.ts';
import { bootstrapFile, KUBELET_KUBECONFIG } from '../../deploy/desired/node.ts';
import type { Step } from '../../deploy/desired/step.ts';
import type { Outline } from '../../deploy/plan/outline.ts';
import { chooseTokens, deleteTokens, formatTokens, listNodeTokens, planTokens } from '../../deploy/tokens/node-tokens.ts';
import { CodedError } from '../../std/coded-error.ts';
import type { ComponentCommand } from '../../std/command.ts';
import { FlagError } from '../../std/flags.ts';
import { DEPLOY_FLAGS, DRY_RUN_FLAG, namedHosts, OUTPUT_FLAG, printOutline, wantsJson } from '../deploy/deploy-flags.ts';
import { openSession, type Session } from '../deploy/session.ts';

const workersOf = ({ inventory }: Session) =>
  inventory.hosts.filter(({ roles }) => roles.includes('worker')).map(({ name }) => name);

/** `muster deploy token list`. */
export const deployTokenListCommand: ComponentCommand = {
  name: 'deploy token list',
  summary: "Lists the bootstrap tokens of the inventory's nodes, without their secret halves.",
  flags: [...DEPLOY_FLAGS, OUTPUT_FLAG],
  async run(flags, io) {
    const json = wantsJson(flags);
    await using session = await openSession(flags, io, { readOnly: true });
    const cluster = await session.openCluster();
    try {
      const tokens = await listNodeTokens(cluster.client, workersOf(session), io.signal);
      const joined = new Set((await cluster.nodes(io.signal)).keys());
      io.stdout(json ? `${JSON.stringify({ tokens })}\n` : formatTokens(tokens, joined, io.clock.now()));
      return 0;
    } finally {
      await cluster.close();
    }
  },
};

/** `muster deploy token create HOST`: prints the token alone. */
export const deployTokenCreateCommand: ComponentCommand = {
  name: 'deploy token create',
  arguments: 'HOST',
  summary: 'Makes a bootstrap token for one host of the inventory, valid for a day, and prints it.',
  flags: [...DEPLOY_FLAGS],
  async run(flags, io) {
    await using session = await openSession(flags, io, { readOnly: true, takesArguments: true });
    const [host, ...others] = namedHosts(flags, session.inventory);
    if (others.length > 0) throw new FlagError('HOST', 'a token is for one host');
    if (!host!.roles.includes('worker')) throw new FlagError('HOST', `${host!.name} is no worker: it joins nothing`);
    const cluster = await session.openCluster();
    try {
      io.stdout(`${await cluster.createToken(host!.name, io.signal)}\n`);
      return 0;
    } finally {
      await cluster.close();
    }
  },
};

/** `muster deploy token delete`. */
export const deployTokenDeleteCommand: ComponentCommand = {
  name: 'deploy token delete',
  arguments: 'ID|HOST...',
  summary: 'Deletes tokens: nobody joins by these tokens, or by any of these hosts, any more. Nodes that have joined stay.',
  flags: [...DEPLOY_FLAGS, DRY_RUN_FLAG, OUTPUT_FLAG],
  async run(flags, io) {
    const dryRun = flags.values.bool('dry-run');
    wantsJson(flags);
    if (flags.args.length === 0) throw new FlagError('ID', 'no token and no host is named');
    await using session = await openSession(flags, io, {
      ...{ readOnly: true, takesArguments: true },
      ...(!dryRun && { locksAs: 'token delete' }),
    });
    const workers = workersOf(session);
    const cluster = await session.openCluster();
    try {
      const tokens = await listNodeTokens(cluster.client, workers, io.signal);
      const deleted = chooseTokens(flags.args, tokens, new Set(workers));
      if (dryRun || wantsJson(flags)) printOutline(flags, io, outlinesOf({ renewed: [], deleted }, '- may join'));
      if (dryRun) return 0;
      await deleteTokens(cluster.client, deleted, io.signal);
      io.stderr(`${deleted.length} ${deleted.length === 1 ? 'token' : 'tokens'} deleted\n`);
      return 0;
    } finally {
      await cluster.close();
    }
  },
};

/** `muster deploy token renew`. */
export const deployTokenRenewCommand: ComponentCommand = {
  name: 'deploy token renew',
  summary: 'Gives hosts that have not joined, and whose token has expired or soon will, another one; deletes expired ones.',
  flags: [...DEPLOY_FLAGS, DRY_RUN_FLAG, OUTPUT_FLAG],
  async run(flags, io) {
    const dryRun = flags.values.bool('dry-run');
    wantsJson(flags);
    await using session = await openSession(flags, io, { readOnly: true, ...(!dryRun && { locksAs: 'token renew' }) });
    const { inventory, transports } = session;
    const workers = workersOf(session);
    const survey = await session.survey(new Set(workers));
    io.signal.throwIfAborted();
    // Of a host without its files there is nothing to renew: "apply" or "node add" comes first.
    const unjoined = workers.filter((name) => {
      const fact = survey.facts.get(name);
      const isInstalled = (fact?.units.get('kubelet.service')?.fingerprint ?? '') !== '';
      return fact && isInstalled && !fact.files.has(KUBELET_KUBECONFIG);
    });
    const cluster = await session.openCluster();
    try {
      const plan = planTokens(unjoined, await listNodeTokens(cluster.client, workers, io.signal), io.clock.now());
      if (dryRun || wantsJson(flags)) printOutline(flags, io, outlinesOf(plan, '- expired'));
      if (dryRun) return 0;
      for (const name of plan.renewed) {
        const file = bootstrapFile(inventory, await cluster.createToken(name, io.signal));
        const steps: Step[] = [
          { ...file, phase: 'node' },
          { type: 'restarted', name: 'kubelet.service', phase: 'node' },
        ];
        await transports.get(name)!.run(agentScript(), { input: agentInput(steps), signal: io.signal });
        io.stderr(`${name}: has another token\n`);
      }
      await deleteTokens(cluster.client, plan.deleted, io.signal);
      const { renewed, deleted } = plan;
      io.stderr(
        `${renewed.length} ${renewed.length === 1 ? 'token' : 'tokens'} renewed, ${deleted.length} expired ${deleted.length === 1 ? 'one' : 'ones'} deleted\n`,
      );
    } finally {
      await cluster.close();
    }
    if (survey.failures.size > 0)
      throw new CodedError(
        `not looked at: ${[...survey.failures].map(([host, error]) => `${host}: ${(error as Error).message}`).join('; ')}`,
        {
          code: 'HOSTS_UNREACHABLE',
          retryable: true,
        },
      );
    return 0;
  },
};

const outlinesOf = ({ renewed, deleted }: ReturnType<typeof planTokens>, why: string): Outline[] => [
  ...renewed.map(
    (target): Outline => ({
      target,
      changes: [{ action: 'change', title: 'bootstrap token', lines: ['- none that is valid', '+ another one, for a day'] }],
    }),
  ),
  ...deleted.map(
    ({ node, id }): Outline => ({
      target: node,
      changes: [{ action: 'remove', title: `secret kube-system/bootstrap-token-${id}`, lines: [why] }],
    }),
  ),
];
