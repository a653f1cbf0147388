import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Client } from '../client/client.ts';
import { createClient } from '../client/create-client.ts';
import { createEventRecorder } from '../client/events.ts';
import { transportFromContext } from '../client/kubeconfig-client.ts';
import { createLeaderElector } from '../client/leader-election.ts';
import { readLeaderElection } from '../client/serving/component-flags.ts';
import { openSecureServer } from '../client/serving/open-secure-server.ts';
import { withRateLimit } from '../client/transport/rate-limit.ts';
import type { Transport } from '../client/transport/transport.ts';
import { readKubeconfig, resolveContext } from '../pki/kubeconfig.ts';
import { CodedError } from '../std/coded-error.ts';
import type { CommandIo, ComponentCommand } from '../std/command.ts';
import { FlagError, type ParsedFlags } from '../std/flags.ts';
import type { Component } from '../std/lifecycle.ts';
import { createKlogLogger } from '../std/logger.ts';
import { runComponents } from '../std/run-components.ts';
import { SCHEDULER_FLAGS } from './flags.ts';
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
  const { values } = flags;
  if (values.string('config'))
    throw new FlagError('--config', '--config: a KubeSchedulerConfiguration is not supported yet; use flags');
  const logger = createKlogLogger({
    component: 'kube-scheduler',
    verbosity: values.int('v'),
    now: () => clock.now(),
    write: io.stderr,
  });
  const transport = await openTransport(flags, io);
  const client = createClient({ transport, userAgent: 'kube-scheduler' });
  const schedulerName = values.string('scheduler-name');
  const events = createEventRecorder({ client, component: schedulerName, clock, logger });
  const create = () => {
    current = createScheduler({ client, events, clock, logger, random: io.random, schedulerName });
    return current;
  };
  let current: Scheduler | undefined;
  const metrics = () => metricsPage(current?.metricsText() ?? '');
  const server = await openSecureServer(values, { component: 'kube-scheduler', metrics, clock, logger });
  const scheduler = withElection(flags, { client, create, io, logger });
  try {
    return await runComponents(server ? [server, scheduler] : [scheduler], io);
  } finally {
    await transport.close({ final: true });
  }
}

async function openTransport(flags: ParsedFlags, io: CommandIo): Promise<Transport> {
  const { values } = flags;
  const path = values.string('kubeconfig');
  if (!path)
    throw new CodedError('--kubeconfig is required: there is no API server to work with', { code: 'KUBECONFIG_REQUIRED' });
  const fromFile = await resolveContext(await readKubeconfig(path));
  const transport = transportFromContext({ ...fromFile, server: values.string('master') || fromFile.server }, io.clock);
  if (!flags.isSet('kube-api-qps')) return transport;
  return withRateLimit(transport, { qps: values.float('kube-api-qps'), burst: values.int('kube-api-burst'), clock: io.clock });
}

interface ElectionContext {
  client: Client;
  /** A new scheduler for each time that this process is elected. */
  create: () => Component;
  io: CommandIo;
  logger: ReturnType<typeof createKlogLogger>;
}

/** The scheduler, at work only while this process holds the lease. Losing the lease ends the process, as upstream's does. */
function withElection(flags: ParsedFlags, { client, create, io, logger }: ElectionContext): Component {
  const election = readLeaderElection(flags.values);
  if (!election) return create();
  return createLeaderElector({
    ...election,
    client,
    identity: `${hostname()}_${randomUUID()}`,
    clock: io.clock,
    logger,
    run: async (signal) => {
      const scheduler = create();
      await scheduler.start(signal);
      await scheduler.done;
    },
  });
}

/** What the process itself can tell, and what the scheduler counts once it is at work. */
async function metricsPage(own: string): Promise<{ contentType: string; text: string }> {
  const { rss } = process.memoryUsage();
  const text = [
    '# HELP process_resident_memory_bytes Resident memory size in bytes.',
    '# TYPE process_resident_memory_bytes gauge',
    `process_resident_memory_bytes ${rss}`,
    own,
  ].join('\n');
  return { contentType: 'text/plain; version=0.0.4; charset=utf-8', text };
}
