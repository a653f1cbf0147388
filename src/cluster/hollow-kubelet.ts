import { join } from 'node:path';
import { connectByHttps } from '../kubelet/api-connection.ts';
import { completeConfiguration } from '../kubelet/configuration/defaults.ts';
import type { KubeletConfiguration } from '../kubelet/configuration/kubelet-configuration.ts';
import { createKubelet, type Kubelet } from '../kubelet/kubelet.ts';
import { type Machine, machineOfNode } from '../kubelet/node/machine.ts';
import { createHollowRuntime } from '../kubelet/runtime/hollow/hollow-runtime.ts';
import type { NodeKubeletOptions } from './cluster-node.ts';
import { CLUSTER_DOMAIN } from './options.ts';

/** What all kubelets of a cluster have in common, made once. */
export interface FleetSettings {
  readonly configuration: KubeletConfiguration;
  readonly machine: Machine;
}

/**
 * The configuration of a hollow node: upstream's recommended way to authenticate and authorize on :10250, and certificates by request.
 *
 * @param clientCaFile whose client certificates are users
 */
export function hollowConfiguration(clientCaFile: string): KubeletConfiguration {
  return completeConfiguration({
    authentication: { x509: { clientCAFile: clientCaFile }, webhook: { enabled: true }, anonymous: { enabled: false } },
    authorization: { mode: 'Webhook' },
    clusterDomain: CLUSTER_DOMAIN,
    rotateCertificates: true,
    serverTLSBootstrap: true,
    failSwapOn: false,
    // Many kubelets share the loopback address that this one would take; /healthz is on :10250 too.
    healthzPort: 0,
  });
}

/**
 * What hollow nodes say never leaves this machine, so that nobody can record it for the day on which a quantum computer reads it: against that costs a
 * quarter of a handshake and 10 KB of each connection.
 */
const KEY_EXCHANGE = 'P-256';

/** A kubelet with the handle to end it. */
export interface RunningKubelet {
  start(): Promise<void>;
  /** Rejects when it ends by itself. */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

export function createHollowKubelet(options: NodeKubeletOptions, settings: FleetSettings): RunningKubelet {
  const { name, address, port, directory, config, reader, logger } = options;
  const { clock, random } = config;
  const kubelet = createKubelet({
    nodeName: name,
    paths: {
      kubeconfig: join(directory, 'kubeconfig'),
      bootstrapKubeconfig: join(directory, 'bootstrap-kubeconfig'),
      certificateDirectory: join(directory, 'pki'),
    },
    configuration: settings.configuration,
    runtime: createHollowRuntime({ clock, random }),
    clock,
    logger,
    random,
    nodeIps: [address],
    expectsPodCidr: true,
    machine: machineOfNode(settings.machine, name),
    // Of a thousand nodes hardly one is ever asked for its logs.
    listen: { address, port, whenAsked: true },
    connect: (target, credentials, more) => connectByHttps(target, credentials, { ...more, reader, keyExchange: KEY_EXCHANGE }),
  });
  return runningKubelet(kubelet, `node ${name}`);
}

/** The handle of a kubelet that is started once. */
export function runningKubelet(kubelet: Kubelet, what: string): RunningKubelet {
  const stop = new AbortController();
  let started: Promise<void> | undefined;
  return {
    ended: kubelet.done,
    async start() {
      started = kubelet.start(stop.signal);
      await started;
    },
    async stop() {
      stop.abort(new DOMException(`${what} is stopped`, 'AbortError'));
      // A start that is given up has failed on purpose; a kubelet that had failed before has told so already.
      await Promise.allSettled([started, started?.then(() => kubelet.done)]);
    },
  };
}
