import { hostname } from 'node:os';
import { openSecureServer } from '../client/serving/open-secure-server.ts';
import { RestClientMetrics } from '../client/transport/rest-client-metrics.ts';
import type { CommandIo, ComponentCommand } from '../std/command.ts';
import { flagTexts } from '../std/flag-texts.ts';
import type { ParsedFlags } from '../std/flags.ts';
import { readLogFormat } from '../std/log-flags.ts';
import { createKlogLogger } from '../std/logger.ts';
import { runComponents } from '../std/run-components.ts';
import { KUBERNETES_VERSION } from '../std/version.ts';
import { createControllerManager } from './controller-manager.ts';
import { openConnections } from './credentials/connections.ts';
import { CONTROLLER_MANAGER_FLAGS } from './flags.ts';
import { readControllerGates, readControllerManagerOptions } from './read-options.ts';
import { formatMetrics } from './serving/metrics-text.ts';

/** kube-controller-manager as upstream's flags start it. */
export const controllerManagerCommand: ComponentCommand = {
  name: 'kube-controller-manager',
  summary: 'run the controllers',
  flags: CONTROLLER_MANAGER_FLAGS,
  run: runControllerManager,
};

async function runControllerManager(flags: ParsedFlags, io: CommandIo): Promise<number> {
  const { clock } = io;
  const startMs = clock.now();
  if (flags.values.bool('version')) {
    io.stdout(`Kubernetes ${KUBERNETES_VERSION}\n`);
    return 0;
  }
  const logger = createKlogLogger({
    component: 'kube-controller-manager',
    verbosity: flags.values.int('v'),
    format: readLogFormat(flags.values),
    now: () => clock.now(),
    write: io.stderr,
  });
  const { remark } = readControllerGates(flags.values);
  if (remark) logger.warn(remark);
  const restClient = new RestClientMetrics();
  const { clientFor, ensureAccount, close } = await openConnections(flags.values, {
    clock,
    logger,
    limitRate: flags.isSet('kube-api-qps'),
    restClient,
  });
  const identity = `${hostname()}_${crypto.randomUUID()}`;
  const options = await readControllerManagerOptions(flags, (error) => logger.error(error.message));
  const manager = createControllerManager({ ...options, clientFor, ensureAccount, clock, logger, random: io.random, identity });
  manager.metrics.own('rest_client', () => restClient);
  const server = await openSecureServer(flags.values, {
    component: 'kube-controller-manager',
    metrics: () => formatMetrics(manager.metrics, manager.isLeading, startMs),
    flags: flagTexts(CONTROLLER_MANAGER_FLAGS, flags.values),
    clock,
    logger,
    environment: io.env,
  });
  try {
    return await runComponents(server ? [server, manager] : [manager], io);
  } finally {
    await close();
  }
}
