import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { createClient } from '../client/create-client.ts';
import { createEventRecorder } from '../client/events.ts';
import { transportFromContext } from '../client/kubeconfig-client.ts';
import { createLeaderElector } from '../client/leader-election.ts';
import { readFlagFile, readLeaderElection } from '../client/serving/component-flags.ts';
import { openSecureServer } from '../client/serving/open-secure-server.ts';
import { readKubeconfig, resolveContext } from '../pki/kubeconfig.ts';
import { CodedError } from '../std/coded-error.ts';
import type { CommandIo, ComponentCommand } from '../std/command.ts';
import { FlagError, type FlagValues, type ParsedFlags } from '../std/flags.ts';
import type { Component } from '../std/lifecycle.ts';
import { createKlogLogger, silentLogger } from '../std/logger.ts';
import { runComponents } from '../std/run-components.ts';
import { formatTable } from '../std/table-text.ts';
import { createApprover } from './approver.ts';
import { ApproverMetrics } from './approver-metrics.ts';
import { findClusterNames } from './cluster-names.ts';
import { APPROVER_FLAGS } from './flags.ts';
import { rbacObjects } from './manifest.ts';
import { reportLines, reportOnRequests } from './report.ts';
import { readServedCertificate } from './served-certificate.ts';
import { openSources, readClusterNameSettings, readLimits, readRanges } from './settings.ts';

const COMPONENT = 'muster-approver';
/** The quick way is quick or not at all. */
const HANDSHAKE_TIMEOUT_MS = 3000;

/** `muster approver`: decides on kubelets' certificate requests, in any conformant cluster. */
export const approverCommand: ComponentCommand = {
  name: 'approver',
  summary: "approve kubelets' serving certificates, by rules that look at what no node can write",
  flags: APPROVER_FLAGS,
  run: runApprover,
};

async function runApprover(flags: ParsedFlags, io: CommandIo): Promise<number> {
  const { values } = flags;
  const { clock } = io;
  if (flags.args.length > 0) throw new FlagError(flags.args[0]!, `unexpected argument ${JSON.stringify(flags.args[0])}`);
  if (!['table', 'json'].includes(values.string('output')))
    throw new FlagError('--output', '--output: only table and json there are');
  if (values.bool('manifest')) return printManifest(values, io);
  const logger = createKlogLogger({
    component: 'approver',
    verbosity: values.int('v'),
    now: () => clock.now(),
    write: io.stderr,
  });
  const limits = readLimits(values);
  const allowedPrefixes = readRanges(values, 'allowed-prefixes');
  const path = values.string('kubeconfig') || io.env.KUBECONFIG;
  if (!path)
    throw new CodedError('--kubeconfig is required: there is no API server to work with', { code: 'KUBECONFIG_REQUIRED' });
  const fromFile = await resolveContext(await readKubeconfig(path));
  const context = { ...fromFile, server: values.string('master') || fromFile.server };
  const transport = transportFromContext(context, clock);
  const client = createClient({ transport, userAgent: COMPONENT });
  const caFile = values.string('serving-ca-file');
  const caPem = caFile ? await readFlagFile('serving-ca-file', caFile) : (context.caPem ?? '');
  const names = readClusterNameSettings(values, context.server);
  const parts = {
    sources: openSources(values, client, clock),
    allowedPrefixes,
    limits,
    servedCertificate: (node: Parameters<typeof readServedCertificate>[0]) =>
      readServedCertificate(node, { caPem, timeoutMs: HANDSHAKE_TIMEOUT_MS, nowMs: clock.now() }),
  };
  try {
    if (values.bool('report')) {
      const facts = { ...parts, cluster: await findClusterNames(client, names) };
      const reported = await reportOnRequests({ client, context: facts, clock, logger: silentLogger, signal: io.signal });
      io.stdout(values.string('output') === 'json' ? reportJson(reported) : formatTable(reportLines(reported)));
      return 0;
    }
    const metrics = new ApproverMetrics();
    const events = createEventRecorder({ client, component: COMPONENT, clock, logger, signal: io.signal });
    const create = () =>
      createApprover({
        ...parts,
        ...{ client, events, metrics, clock, logger },
        approveClient: values.bool('approve-client'),
        dryRun: values.bool('dry-run'),
        clusterNames: () => findClusterNames(client, names),
      });
    if (parts.sources.length === 0 && allowedPrefixes.length === 0 && !limits.acceptNodeStatus)
      logger.warn('No source says whose addresses are whose: only names of nodes themselves will be approved');
    const page = () => Promise.resolve({ contentType: 'text/plain; version=0.0.4; charset=utf-8', text: metrics.render() });
    const server = await openSecureServer(values, { component: COMPONENT, metrics: page, clock, logger });
    const election = readLeaderElection(values);
    const approver: Component = election
      ? createLeaderElector({
          ...election,
          ...{ client, clock, logger, identity: `${hostname()}_${randomUUID()}` },
          run: async (signal) => {
            const elected = create();
            await elected.start(signal);
            await elected.done;
          },
        })
      : create();
    return await runComponents(server ? [server, approver] : [approver], io);
  } finally {
    await transport.close({ final: true });
  }
}

function printManifest(values: FlagValues, io: CommandIo): number {
  const items = rbacObjects({ approveClient: values.bool('approve-client'), configMap: values.string('names-configmap') });
  io.stdout(`${JSON.stringify({ apiVersion: 'v1', kind: 'List', items }, null, 2)}\n`);
  return 0;
}

function reportJson(reported: Awaited<ReturnType<typeof reportOnRequests>>): string {
  const items = reported.map(({ csr, facts, decision, actual }) => ({
    name: csr.metadata?.name,
    node: facts.nodeName,
    purpose: facts.purpose,
    actual,
    outcome: decision.outcome,
    rule: decision.rule?.code ?? null,
    message: decision.message,
    rules: decision.judged.map(({ rule, finding }) => ({ code: rule.code, name: rule.name, ...finding })),
  }));
  return `${JSON.stringify({ items }, null, 2)}\n`;
}
