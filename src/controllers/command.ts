import { hostname } from 'node:os';
import type { CommandIo, ComponentCommand } from '../std/command.ts';
import type { ParsedFlags } from '../std/flags.ts';
import type { Component } from '../std/lifecycle.ts';
import { ComponentGroup } from '../std/lifecycle.ts';
import { createKlogLogger } from '../std/logger.ts';
import { createControllerManager } from './controller-manager.ts';
import { openConnections } from './credentials/connections.ts';
import { CONTROLLER_MANAGER_FLAGS } from './flags.ts';
import { readControllerManagerOptions } from './read-options.ts';
import { openSecureServer } from './serving/open-secure-server.ts';

/** kube-controller-manager as upstream's flags start it. */
export const controllerManagerCommand: ComponentCommand = {
  name: 'kube-controller-manager',
  summary: 'run the controllers',
  flags: CONTROLLER_MANAGER_FLAGS,
  run: runControllerManager,
};

async function runControllerManager(flags: ParsedFlags, io: CommandIo): Promise<number> {
  const { clock } = io;
  const verbosity = flags.values.int('v');
  const logger = createKlogLogger({ component: 'kube-controller-manager', verbosity, now: () => clock.now(), write: io.stderr });
  const { clientFor, ensureAccount, close } = await openConnections(flags.values, {
    clock,
    logger,
    limitRate: flags.isSet('kube-api-qps'),
  });
  const identity = `${hostname()}_${crypto.randomUUID()}`;
  const options = await readControllerManagerOptions(flags, (error) => logger.error(error.message));
  const manager = createControllerManager({ ...options, clientFor, ensureAccount, clock, logger, random: io.random, identity });
  const server = await openSecureServer(flags.values, { manager, clock, logger });
  const parts: Component[] = server ? [server, manager] : [manager];

  const group = new ComponentGroup();
  const aborted = new Promise<void>((resolve) => {
    if (io.signal.aborted) resolve();
    else io.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  try {
    for (const part of parts) {
      // The API server may be away for as long as it likes; being told to stop ends the wait.
      await Promise.race([group.start(part), aborted]);
      if (io.signal.aborted) return 0;
    }
    io.ready();
    await Promise.race([...parts.map((part) => part.done), aborted]);
    return 0;
  } finally {
    await group.stop();
    await close();
  }
}
