import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { createEventRecorder } from '../client/events.ts';
import { createLeaderElector } from '../client/leader-election.ts';
import { readLeaderElection } from '../client/serving/component-flags.ts';
import { openSecureServer } from '../client/serving/open-secure-server.ts';
import type { CommandIo, ComponentCommand } from '../std/command.ts';
import { flagTexts } from '../std/flag-texts.ts';
import { FlagError, type FlagValues, type ParsedFlags } from '../std/flags.ts';
import type { Component } from '../std/lifecycle.ts';
import { createKlogLogger, type Logger, silentLogger } from '../std/logger.ts';
import { METRICS_TYPE } from '../std/metric.ts';
import { runComponents } from '../std/run-components.ts';
import { formatTable } from '../std/table-text.ts';
import { createApprover } from './approver.ts';
import { ApproverMetrics } from './approver-metrics.ts';
import { APPROVER_FLAGS } from './flags.ts';
import { rbacObjects } from './manifest.ts';
import { type OpenedParts, openParts } from './open-parts.ts';
import { readPastRequests } from './past-requests.ts';
import { reportLines, reportOnRequests } from './report.ts';

const COMPONENT = 'muster-approver';

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
  if (values.strings('audit-log').length > 0 && !values.bool('report'))
    throw new FlagError('--audit-log', '--audit-log: is for --report');
  const opened = await openParts(values, io);
  try {
    if (values.bool('report')) return await printReport(opened, values, io);
    const logger = createKlogLogger({
      component: 'approver',
      verbosity: values.int('v'),
      now: () => clock.now(),
      write: io.stderr,
    });
    const { sources, allowedPrefixes, limits } = opened.parts;
    if (sources.length === 0 && allowedPrefixes.length === 0 && !limits.acceptNodeStatus)
      logger.warn('No source says whose addresses are whose: only names of nodes themselves will be approved');
    const metrics = new ApproverMetrics();
    const page = () => Promise.resolve({ contentType: METRICS_TYPE, text: metrics.render() });
    const pages = { component: COMPONENT, metrics: page, flags: flagTexts(APPROVER_FLAGS, values) };
    const server = await openSecureServer(values, { ...pages, clock, logger, environment: io.env });
    const approver = withElection(flags, { opened, metrics, logger, io });
    return await runComponents(server ? [server, approver] : [approver], io);
  } finally {
    await opened.close();
  }
}

interface ElectionContext {
  readonly opened: OpenedParts;
  readonly metrics: ApproverMetrics;
  readonly logger: Logger;
  readonly io: CommandIo;
}

/** The approver, at work only while this process holds the lease. */
function withElection({ values }: ParsedFlags, { opened, metrics, logger, io }: ElectionContext): Component {
  const { client, parts, clusterNames } = opened;
  const { clock } = io;
  const events = createEventRecorder({ client, component: COMPONENT, clock, logger, signal: io.signal });
  const create = () =>
    createApprover({
      ...{ ...parts, client, clusterNames, events, metrics, clock, logger },
      approveClient: values.bool('approve-client'),
      dryRun: values.bool('dry-run'),
    });
  const election = readLeaderElection(values);
  // Who writes nothing must not keep the lease from one who does.
  if (!election || values.bool('dry-run')) return create();
  return createLeaderElector({
    ...election,
    ...{ client, clock, logger, identity: `${hostname()}_${randomUUID()}` },
    run: async (signal) => {
      const elected = create();
      await elected.start(signal);
      await elected.done;
    },
  });
}

async function printReport({ client, parts, clusterNames }: OpenedParts, values: FlagValues, io: CommandIo): Promise<number> {
  const context = { ...parts, cluster: await clusterNames() };
  const logs = values.strings('audit-log');
  const past = logs.length > 0 ? await readPastRequests(logs, io.signal) : undefined;
  const reported = await reportOnRequests({
    ...{ client, context, clock: io.clock, logger: silentLogger, signal: io.signal },
    past: (present) => past?.list(present) ?? [],
  });
  for (const gap of past?.gaps() ?? []) io.stderr(`--audit-log: ${gap}\n`);
  io.stdout(values.string('output') === 'json' ? reportJson(reported) : formatTable(reportLines(reported)));
  return 0;
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
