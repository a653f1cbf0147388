import { readFile } from 'node:fs/promises';
import { createClient } from '../client/create-client.ts';
import { transportFromContext } from '../client/kubeconfig-client.ts';
import { flag } from '../client/serving/component-flags.ts';
import { type ResolvedContext, resolveContext } from '../pki/kubeconfig.ts';
import { readUsersKubeconfig } from '../pki/users-kubeconfig.ts';
import { atMost } from '../std/at-most.ts';
import { CodedError } from '../std/coded-error.ts';
import type { CommandIo, ComponentCommand } from '../std/command.ts';
import { FlagError, type FlagValues, type ParsedFlags } from '../std/flags.ts';
import { diagnose } from './checks/all-checks.ts';
import { collectCluster } from './collect/collect-cluster.ts';
import { lookFromOutside } from './collect/look-from-outside.ts';
import { readReport } from './compare.ts';
import type { HostObservations, NotSeen } from './observations.ts';
import { exitStatus, makeReport, reportText } from './report.ts';
import { readReportFlags } from './report-flags.ts';

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
    flag('host', 'bool', 'look at this host, too: its certificates, keys, units and swap'),
    flag('ssh', 'strings', 'hosts to look at in the same way, by ssh: host or user@host, and sudo where that asks no password'),
    flag('ssh-config', 'string', "configuration file of ssh for --ssh; default the user's own"),
    flag('timeout', 'duration', "for one node's answer", { default: '3s' }),
  ],
  run: runDoctor,
};

const HOSTS_AT_ONCE = 30;

/** The context that the flags and the environment name, however it says who the user is. */
export async function findContext(values: FlagValues, io: CommandIo, contextName?: string): Promise<ResolvedContext> {
  const kubeconfig = await readUsersKubeconfig(values.string('kubeconfig'), io.env);
  if (!kubeconfig)
    throw new CodedError('--kubeconfig is required: there is no cluster to look at', { code: 'KUBECONFIG_REQUIRED' });
  return resolveContext(kubeconfig, contextName || undefined, { everyWay: true, environment: io.env });
}

async function runDoctor({ values, args }: ParsedFlags, io: CommandIo): Promise<number> {
  if (args.length > 0) throw new FlagError(args[0]!, `unexpected argument ${JSON.stringify(args[0])}`);
  const { output, timeoutMs } = readReportFlags(values);
  const { clock, signal } = io;
  const since = values.string('since');
  const before = since ? readReport(await readSince(since), since) : undefined;
  const context = await findContext(values, io, values.string('context'));
  const transport = transportFromContext(context, clock, io.env);
  try {
    const client = createClient({ transport, userAgent: 'muster-doctor' });
    const nodes = values.bool('nodes');
    const cluster = await collectCluster({ client, context, clock, signal, timeoutMs, nodes }).catch(async (why: Error) => {
      signal.throwIfAborted();
      // Who is kept out by a certificate is to hear of that, not only that he is.
      const outside = await lookFromOutside({ context, nowMs: clock.now(), timeoutMs, why });
      if (diagnose(outside).some(({ severity }) => severity === 'error')) return outside;
      throw why;
    });
    const hosts = await lookAtHosts(values, io);
    const report = makeReport({ ...cluster, hosts: hosts.seen, notSeen: [...cluster.notSeen, ...hosts.notSeen] }, before);
    io.stdout(output === 'json' ? `${JSON.stringify(report, null, 2)}\n` : reportText(report));
    return exitStatus(report);
  } finally {
    await transport.close({ final: true });
  }
}

/** Other hosts are looked at side by side; one that does not let us in is told of and stops nothing. */
async function lookAtHosts(
  values: FlagValues,
  { clock, signal }: CommandIo,
): Promise<{ seen: HostObservations[]; notSeen: NotSeen[] }> {
  const targets = values.strings('ssh');
  if (!values.bool('host') && targets.length === 0) return { seen: [], notSeen: [] };
  const { runProgram: run } = await import('../host/run-program.ts');
  const { lookAtHost, lookAtHostBySsh } = await import('./collect/look-at-host.ts');
  for (const target of targets) checkSshTarget(target);
  const own = values.bool('host') ? [await lookAtHost({ run, signal })] : [];
  const looks = await atMost(HOSTS_AT_ONCE, targets, (target) =>
    lookAtHostBySsh(target, { run, signal, clock, config: values.string('ssh-config') }),
  );
  signal.throwIfAborted();
  const notSeen = looks.flatMap((look, i) =>
    look.status === 'rejected' ? [{ what: `host ${targets[i]}`, why: (look.reason as Error).message }] : [],
  );
  return { seen: [...own, ...looks.flatMap((look) => (look.status === 'fulfilled' ? [look.value] : []))], notSeen };
}

/** What begins with a dash would be an option of ssh. */
export function checkSshTarget(target: string): void {
  if (!/^[A-Za-z0-9_][^\s]*$/.test(target)) throw new FlagError('--ssh', `--ssh: ${JSON.stringify(target)} is not a host`);
}

async function readSince(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new CodedError(`--since: cannot read ${path}: ${(cause as Error).message}`, { code: 'FLAG_FILE_UNREADABLE', cause });
  }
}
