import { readFile } from 'node:fs/promises';
import { createClient } from '../client/create-client.ts';
import { transportFromContext } from '../client/kubeconfig-client.ts';
import { flag } from '../client/serving/component-flags.ts';
import { readKubeconfig, resolveContext } from '../pki/kubeconfig.ts';
import { CodedError } from '../std/coded-error.ts';
import type { CommandIo, ComponentCommand } from '../std/command.ts';
import { FlagError, type FlagValues, type ParsedFlags } from '../std/flags.ts';
import { collectCluster } from './collect/collect-cluster.ts';
import { lookAtHost } from './collect/look-at-host.ts';
import { readReport } from './compare.ts';
import { exitStatus, makeReport, reportText } from './report.ts';

/** `muster doctor`. Exit status 0: nothing worse than remarks; 3: warnings; 4: errors; 1: it could not look. */
export const doctorCommand: ComponentCommand = {
  name: 'doctor',
  summary: 'say what is wrong, or soon will be, with certificates, tokens, nodes and names of a cluster',
  flags: [
    flag('kubeconfig', 'string', 'the cluster to look at; default $KUBECONFIG, else ~/.kube/config'),
    flag('context', 'string', 'context of the kubeconfig; default the current one'),
    flag('output', 'string', 'text or json', { shorthand: 'o', default: 'text' }),
    flag('since', 'string', 'file with an earlier -o json: say what is new and what is gone'),
    flag('nodes', 'bool', 'ask :10250 of every node and read its configuration', { default: true }),
    flag('host', 'bool', 'look at this host, too: its certificates, keys and swap'),
    flag('timeout', 'duration', "for one node's answer", { default: '3s' }),
  ],
  run: runDoctor,
};

/** The kubeconfig that the flags and the environment name. */
export function kubeconfigPath(values: FlagValues, io: CommandIo): string {
  const path =
    values.string('kubeconfig') || io.env['KUBECONFIG']?.split(':')[0] || (io.env['HOME'] && `${io.env['HOME']}/.kube/config`);
  if (!path) throw new CodedError('--kubeconfig is required: there is no cluster to look at', { code: 'KUBECONFIG_REQUIRED' });
  return path;
}

async function runDoctor({ values, args }: ParsedFlags, io: CommandIo): Promise<number> {
  if (args.length > 0) throw new FlagError(args[0]!, `unexpected argument ${JSON.stringify(args[0])}`);
  const output = values.string('output');
  if (output !== 'text' && output !== 'json') throw new FlagError('--output', '--output: only text and json there are');
  const { clock, signal } = io;
  const since = values.string('since');
  const before = since ? readReport(await readSince(since), since) : undefined;
  const context = await resolveContext(await readKubeconfig(kubeconfigPath(values, io)), values.string('context') || undefined);
  const transport = transportFromContext(context, clock);
  try {
    const client = createClient({ transport, userAgent: 'muster-doctor' });
    const nodes = values.bool('nodes');
    const timeoutMs = values.durationMs('timeout');
    const cluster = await collectCluster({ client, context, clock, signal, timeoutMs, nodes });
    const seen = values.bool('host') ? { ...cluster, host: await lookAtHost() } : cluster;
    const report = makeReport(seen, before);
    io.stdout(output === 'json' ? `${JSON.stringify(report, null, 2)}\n` : reportText(report));
    return exitStatus(report);
  } finally {
    await transport.close({ final: true });
  }
}

async function readSince(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new CodedError(`--since: cannot read ${path}: ${(cause as Error).message}`, { code: 'FLAG_FILE_UNREADABLE', cause });
  }
}
