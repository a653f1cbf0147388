import { KUBERNETES_VERSION } from '../std/version.ts';
import { connectByHttps } from './api-connection.ts';
import { type ClientIdentity, obtainClientIdentity } from './bootstrap/bootstrap.ts';
import type { KubeletOptions } from './kubelet-options.ts';
import { type Machine, readMachine } from './node/machine.ts';
import { announce, checkSwap, readClientCa } from './preflight.ts';

export const USER_AGENT = `kubelet/${KUBERNETES_VERSION} (linux) kubernetes/muster`;

/** What a kubelet finds out before it needs its runtime. */
export interface IdentifiedKubelet {
  readonly machine: Machine;
  /** The contents of `clientCAFile`. */
  readonly clientCaPem: string | undefined;
  readonly identity: ClientIdentity;
}

/**
 * Looks at the machine and obtains the node's certificate where there is none, however long that takes: a node whose container runtime is still
 * starting has it signed meanwhile, as upstream's.
 *
 * @throws CodedError as `obtainClientIdentity`, or naming what of the machine or the configuration stands against a start
 */
export async function identifyKubelet(
  options: Omit<KubeletOptions, 'runtime' | 'identified'>,
  signal: AbortSignal,
): Promise<IdentifiedKubelet> {
  const { nodeName, configuration, clock, logger, random } = options;
  const machine = options.machine ?? (await readMachine());
  announce(configuration, machine, logger);
  checkSwap(configuration, machine);
  const clientCaPem = await readClientCa(configuration);
  const identity = await obtainClientIdentity(
    {
      nodeName,
      ...options.paths,
      connect: options.connect ?? connectByHttps,
      userAgent: USER_AGENT,
      clock,
      logger,
      random,
      requestTimeoutMs: options.certificateRequestTimeoutMs,
    },
    signal,
  );
  return { machine, clientCaPem, identity };
}
