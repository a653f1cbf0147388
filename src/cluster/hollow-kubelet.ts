import { join } from 'node:path';
import { completeConfiguration } from '../kubelet/configuration/defaults.ts';
import type { KubeletConfiguration } from '../kubelet/configuration/kubelet-configuration.ts';
import { createKubelet } from '../kubelet/kubelet.ts';
import { type Machine, machineOfNode } from '../kubelet/node/machine.ts';
import { createHollowRuntime } from '../kubelet/runtime/hollow/hollow-runtime.ts';
import type { Logger } from '../std/logger.ts';
import { CLUSTER_DOMAIN, type ClusterConfig } from './options.ts';

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

export interface HollowKubeletOptions {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  /** The node's own. */
  readonly directory: string;
  readonly settings: FleetSettings;
  readonly config: ClusterConfig;
  readonly logger: Logger;
}

/** A kubelet with the handle to end it. */
export interface RunningKubelet {
  start(): Promise<void>;
  /** Rejects when it ends by itself. */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

export function createHollowKubelet(options: HollowKubeletOptions): RunningKubelet {
  const { name, address, port, directory, settings, config, logger } = options;
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
    machine: machineOfNode(settings.machine, name),
    listen: { address, port },
  });
  const stop = new AbortController();
  let started: Promise<void> | undefined;
  return {
    ended: kubelet.done,
    async start() {
      started = kubelet.start(stop.signal);
      await started;
    },
    async stop() {
      stop.abort(new DOMException(`node ${name} is stopped`, 'AbortError'));
      // A start that is given up has failed on purpose; a kubelet that had failed before has told so already.
      await Promise.allSettled([started, started?.then(() => kubelet.done)]);
    },
  };
}
