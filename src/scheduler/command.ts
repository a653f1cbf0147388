import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Client } from '../client/client.ts';
import { createClient } from '../client/create-client.ts';
import { createEventRecorder } from '../client/events.ts';
import { transportFromContext } from '../client/kubeconfig-client.ts';
import { createLeaderElector } from '../client/leader-election.ts';
import { leaderStatusText } from '../client/leader-status-text.ts';
import { type LeaderElectionSettings, readLeaderElection } from '../client/serving/component-flags.ts';
import { openSecureServer } from '../client/serving/open-secure-server.ts';
import { withRateLimit } from '../client/transport/rate-limit.ts';
import { RestClientMetrics } from '../client/transport/rest-client-metrics.ts';
import type { Transport } from '../client/transport/transport.ts';
import { readKubeconfig, resolveContext } from '../pki/kubeconfig.ts';
import { CodedError } from '../std/coded-error.ts';
import type { CommandIo, ComponentCommand } from '../std/command.ts';
import { flagTexts } from '../std/flag-texts.ts';
import { FlagError, type ParsedFlags } from '../std/flags.ts';
import { formatGoDuration, parseGoDuration } from '../std/go-duration.ts';
import type { Component } from '../std/lifecycle.ts';
import { readLogFormat } from '../std/log-flags.ts';
import { createKlogLogger } from '../std/logger.ts';
import { METRICS_TYPE } from '../std/metric.ts';
import { processMetrics } from '../std/process-metrics.ts';
import { runComponents } from '../std/run-components.ts';
import { KUBERNETES_VERSION } from '../std/version.ts';
import type { SchedulerConfiguration } from './configuration/scheduler-configuration.ts';
import { SCHEDULER_FLAGS } from './flags.ts';
import { podResourceMetrics } from './pod-resource-metrics.ts';
import { createScheduler, type Scheduler } from './scheduler.ts';

/** kube-scheduler as upstream's flags start it. */
export const schedulerCommand: ComponentCommand = {
  name: 'kube-scheduler',
  summary: 'run the scheduler',
  flags: SCHEDULER_FLAGS,
  run: runScheduler,
};

async function runScheduler(flags: ParsedFlags, io: CommandIo): Promise<number> {
  const { clock } = io;
  const startMs = clock.now();
  const { values } = flags;
  if (values.bool('version')) {
    io.stdout(`Kubernetes ${KUBERNETES_VERSION}\n`);
    return 0;
  }
  const configuration = await readConfigurationOf(flags);
  const logger = createKlogLogger({
    component: 'kube-scheduler',
    verbosity: values.int('v'),
    format: readLogFormat(values),
    now: () => clock.now(),
    write: io.stderr,
  });
  if (configuration?.withoutEffect.length)
    logger.warn(`fields of the configuration that have no effect in this scheduler: ${configuration.withoutEffect.join(', ')}`);
  const restClient = new RestClientMetrics();
  const transport = await openTransport(flags, configuration, io, restClient);
  const client = createClient({ transport, userAgent: 'kube-scheduler' });
  const schedulerName = values.string('scheduler-name');
  const events = createEventRecorder({ client, component: schedulerName, clock, logger });
  const create = () => {
    const common = { client, events, clock, logger, random: io.random };
    const queue = { ...configuration?.queue, maxUnschedulableMs: values.durationMs('pod-max-in-unschedulable-pods-duration') };
    current = createScheduler(configuration ? { ...common, ...configuration, queue } : { ...common, schedulerName, queue });
    return current;
  };
  let current: Scheduler | undefined;
  const election = electionOf(flags, configuration);
  let isLeading = false;
  const metrics = () =>
    metricsPage(
      startMs,
      (election ? leaderStatusText('kube-scheduler', isLeading) : '') + (current?.metricsText() ?? '') + restClient.render(),
    );
  const resources = async () => ({ contentType: METRICS_TYPE, text: podResourceMetrics(current?.pods() ?? []) });
  const configz = () => configurationPage(flags, configuration);
  const more = { '/metrics/resources': resources };
  const pages = { component: 'kube-scheduler', metrics, configz, more, flags: flagTexts(SCHEDULER_FLAGS, values) };
  const server = await openSecureServer(values, { ...pages, clock, logger, environment: io.env });
  const onLeading = (now: boolean) => {
    isLeading = now;
  };
  const scheduler = withElection({ election, client, create, onLeading, io, logger });
  try {
    return await runComponents(server ? [server, scheduler] : [scheduler], io);
  } finally {
    await transport.close({ final: true });
  }
}

/** Undefined without --config. Its parts are loaded only then. */
async function readConfigurationOf({ values, isSet }: ParsedFlags): Promise<SchedulerConfiguration | undefined> {
  const path = values.string('config');
  if (!path) return undefined;
  if (isSet('scheduler-name'))
    throw new FlagError('--scheduler-name', '--scheduler-name: with --config the profiles say for whom it works');
  const { readSchedulerConfiguration } = await import('./configuration/scheduler-configuration.ts');
  return readSchedulerConfiguration(path);
}

async function openTransport(
  flags: ParsedFlags,
  configuration: SchedulerConfiguration | undefined,
  io: CommandIo,
  restClient: RestClientMetrics,
): Promise<Transport> {
  const { values } = flags;
  const path = configuration?.kubeconfig || values.string('kubeconfig');
  if (!path)
    throw new CodedError('--kubeconfig is required: there is no API server to work with', { code: 'KUBECONFIG_REQUIRED' });
  const fromFile = await resolveContext(await readKubeconfig(path));
  const server = values.string('master') || fromFile.server;
  const transport = restClient.counting(transportFromContext({ ...fromFile, server }, io.clock), server);
  const limit = limitOf(flags, configuration);
  return limit ? withRateLimit(transport, { ...limit, clock: io.clock }) : transport;
}

/** The configuration goes before flags; undefined: no limit. */
function limitOf({ values, isSet }: ParsedFlags, configuration: SchedulerConfiguration | undefined) {
  if (configuration?.limit) return configuration.limit;
  return isSet('kube-api-qps') ? { qps: values.float('kube-api-qps'), burst: values.int('kube-api-burst') } : undefined;
}

/** What holds, by the configuration and flags. */
async function configurationPage(
  flags: ParsedFlags,
  configuration: SchedulerConfiguration | undefined,
): Promise<{ contentType: string; text: string }> {
  const { values } = flags;
  const { emptyConfiguration } = await import('./configuration/scheduler-configuration.ts');
  const { shown } = configuration ?? (await emptyConfiguration(values.string('scheduler-name')));
  const duration = (flag: string) => formatGoDuration(values.durationMs(flag));
  const componentconfig = shown({
    kubeconfig: values.string('kubeconfig'),
    limit: limitOf(flags, configuration),
    leaderElection: {
      leaderElect: values.bool('leader-elect'),
      leaseDuration: duration('leader-elect-lease-duration'),
      renewDeadline: duration('leader-elect-renew-deadline'),
      retryPeriod: duration('leader-elect-retry-period'),
      resourceLock: 'leases',
      resourceName: values.string('leader-elect-resource-name'),
      resourceNamespace: values.string('leader-elect-resource-namespace'),
    },
  });
  return { contentType: 'application/json', text: JSON.stringify({ componentconfig }) };
}

/** What the configuration says of elections goes before what flags say. */
function electionOf({ values }: ParsedFlags, configuration: SchedulerConfiguration | undefined): LeaderElectionSettings | false {
  const written = configuration?.leaderElection ?? {};
  const { leaderElect, leaseDuration, renewDeadline, retryPeriod, resourceLock, resourceName, resourceNamespace } = written;
  if (leaderElect === false) return false;
  if (resourceLock && resourceLock !== 'leases')
    throw new CodedError(`leaderElection.resourceLock: "${resourceLock}" is not supported, use "leases"`, {
      code: 'CONFIGURATION_INVALID',
    });
  const election = readLeaderElection(values);
  if (!election) return false;
  return {
    // Zero is as good as nothing said.
    leaseDurationMs: (leaseDuration && parseGoDuration(leaseDuration)) || election.leaseDurationMs,
    renewDeadlineMs: (renewDeadline && parseGoDuration(renewDeadline)) || election.renewDeadlineMs,
    retryPeriodMs: (retryPeriod && parseGoDuration(retryPeriod)) || election.retryPeriodMs,
    name: resourceName || election.name,
    namespace: resourceNamespace || election.namespace,
  };
}

interface ElectionContext {
  election: LeaderElectionSettings | false;
  client: Client;
  /** A new scheduler for each time that this process is elected. */
  create: () => Component;
  onLeading: (now: boolean) => void;
  io: CommandIo;
  logger: ReturnType<typeof createKlogLogger>;
}

/** The scheduler, at work only while this process holds the lease. Losing the lease ends the process, as upstream's does. */
function withElection({ election, client, create, onLeading, io, logger }: ElectionContext): Component {
  if (!election) return create();
  return createLeaderElector({
    ...election,
    client,
    identity: `${hostname()}_${randomUUID()}`,
    clock: io.clock,
    logger,
    run: async (signal) => {
      onLeading(true);
      try {
        const scheduler = create();
        await scheduler.start(signal);
        await scheduler.done;
      } finally {
        onLeading(false);
      }
    },
  });
}

/** What the process itself can tell, and what the scheduler counts once it is at work. */
async function metricsPage(startMs: number, own: string): Promise<{ contentType: string; text: string }> {
  const ofProcess = processMetrics(startMs).map((metric) => metric.render());
  return { contentType: METRICS_TYPE, text: ofProcess.join('') + own };
}
