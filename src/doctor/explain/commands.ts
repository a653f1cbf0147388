import { createClient } from '../../client/create-client.ts';
import { transportFromContext } from '../../client/kubeconfig-client.ts';
import { flag } from '../../client/serving/component-flags.ts';
import type { CommandIo, ComponentCommand } from '../../std/command.ts';
import { FlagError, type ParsedFlags } from '../../std/flags.ts';
import { collectCluster } from '../collect/collect-cluster.ts';
import { findContext } from '../command.ts';
import type { Observations } from '../observations.ts';
import { readReportFlags } from '../report-flags.ts';
import { nodeSteps } from './node-steps.ts';
import { longestStretch, type Step, stepLines } from './step.ts';
import { tokenSteps } from './token-steps.ts';

const FLAGS = [
  flag('kubeconfig', 'string', 'the cluster to look at; default $KUBECONFIG, else ~/.kube/config'),
  flag('context', 'string', 'context of the kubeconfig; default the current one'),
  flag('output', 'string', 'text or json', { shorthand: 'o', default: 'text' }),
  flag('timeout', 'duration', "for the node's answer", { default: '3s' }),
];

/** `muster explain node NAME`: how far it came, and where the time went. Exit status 1 when a step is missing. */
export const explainNodeCommand: ComponentCommand = {
  name: 'node',
  arguments: 'NAME',
  summary: 'say how far a node came on its way from a token to Ready, and what holds it up',
  flags: FLAGS,
  run: (flags, io) => explain('node', flags, io, nodeSteps),
};

/** `muster explain token ID`: whether a node can join with it. */
export const explainTokenCommand: ComponentCommand = {
  name: 'token',
  arguments: 'ID',
  summary: 'say whether a node can join with a bootstrap token, and what keeps it from that',
  flags: FLAGS,
  run: (flags, io) => explain('token', flags, io, tokenSteps),
};

async function explain(
  what: 'node' | 'token',
  { values, args }: ParsedFlags,
  io: CommandIo,
  steps: (seen: Observations, name: string) => Step[],
): Promise<number> {
  const [given, ...rest] = args;
  if (!given || rest.length > 0)
    throw new FlagError('NAME', `exactly one ${what === 'node' ? 'name of a node' : 'id of a token'} is needed`);
  // A whole token is taken too; its secret half is not looked at and not shown.
  const name = what === 'token' ? given.split('.')[0]! : given;
  const { output, timeoutMs } = readReportFlags(values);
  const { clock, signal } = io;
  const context = await findContext(values, io, values.string('context'));
  const transport = transportFromContext(context, clock, io.env);
  try {
    const client = createClient({ transport, userAgent: 'muster-explain' });
    const seen = await collectCluster({ client, context, clock, signal, timeoutMs, nodes: what === 'node' ? [name] : false });
    const found = steps(seen, name);
    const slowest = longestStretch(found);
    if (output === 'json') io.stdout(`${JSON.stringify({ [what]: name, steps: found, slowest: slowest ?? null }, null, 2)}\n`);
    else {
      const lines = [`${what} ${name}`, '', ...stepLines(found)];
      if (slowest) lines.push('', `The longest wait was ${slowest.seconds} s, for: ${slowest.before}`);
      io.stdout(`${lines.join('\n')}\n`);
    }
    return found.some(({ state }) => state === 'missing') ? 1 : 0;
  } finally {
    await transport.close({ final: true });
  }
}
