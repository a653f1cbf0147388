import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { completeConfiguration } from '../../kubelet/configuration/defaults.ts';
import type { KubeletConfiguration } from '../../kubelet/configuration/kubelet-configuration.ts';
import { BRIDGE_PREFIX, type BridgeNetwork, bridgeName } from '../../network/cni/conflist.ts';
import type { RealNodeRecord } from '../data-directory.ts';
import { CLUSTER_DNS_SERVICE_ADDRESS, CLUSTER_DOMAIN, type NetworkPlugin } from '../options.ts';
import { choosePodRange, type PodRangeNeeds } from './pod-range.ts';
import type { RuntimeSurvey } from './survey-runtime.ts';

export interface RealNodeNeeds extends PodRangeNeeds {
  readonly clusterName: string;
  readonly network?: NetworkPlugin | undefined;
}

/** Names and addresses that no other cluster on this machine has, from the directory of this one. */
export function planRealNode(survey: RuntimeSurvey, needs: RealNodeNeeds): RealNodeRecord {
  const { clusterDirectory, clusterName } = needs;
  const digest = createHash('sha256').update(clusterDirectory).digest('hex').slice(0, 8);
  return {
    endpoint: survey.endpoint,
    cgroupDriver: survey.cgroupDriver,
    // Without a dash, which systemd takes for a step down.
    cgroupRoot: `/muster${digest}`,
    network: {
      name: `muster-${clusterName}-${digest}`,
      bridge: bridgeName(clusterDirectory),
      configurationDirectory: survey.cniConfigurationDirectory,
      podRange: choosePodRange(needs),
      ...(needs.network !== undefined && { plugin: needs.network }),
    },
  };
}

/** A machine may be called what no Node can be. */
export function nodeNameOf(hostname: string): string {
  const name = hostname.toLowerCase().replace(/[^a-z0-9.-]+/g, '-');
  const labels = name.split('.').map((label) => label.replace(/^-+|-+$/g, ''));
  return labels.filter(Boolean).join('.').slice(0, 253) || 'machine';
}

/** The name of the table of nftables that leads to the cluster's Services. */
export const servicesTable = (bridge: string) => `kube-proxy-${bridge.slice(BRIDGE_PREFIX.length)}`;

/** The table that enforces the cluster's NetworkPolicies. */
export const policiesTable = (bridge: string) => `muster-network-policy-${bridge.slice(BRIDGE_PREFIX.length)}`;

/** Below the node's own directory, all that upstream has below /var. */
export function realNodePaths(nodeDirectory: string) {
  return {
    root: join(nodeDirectory, 'kubelet'),
    podLogs: join(nodeDirectory, 'logs', 'pods'),
    addresses: join(nodeDirectory, 'addresses'),
    subnetFile: join(nodeDirectory, 'subnet.env'),
  };
}

export function bridgeNetwork(record: RealNodeRecord, nodeDirectory: string, podCidrs: readonly string[]): BridgeNetwork {
  const { name, bridge } = record.network;
  return { name, bridge, podCidrs, hairpinMode: 'hairpin-veth', addressDirectory: realNodePaths(nodeDirectory).addresses };
}

/**
 * The configuration of this machine's kubelet: as that of a hollow node, with what its pods need.
 *
 * @param clientCaFile whose client certificates are users
 */
export function realConfiguration(record: RealNodeRecord, nodeDirectory: string, clientCaFile: string): KubeletConfiguration {
  return completeConfiguration({
    authentication: { x509: { clientCAFile: clientCaFile }, webhook: { enabled: true }, anonymous: { enabled: false } },
    authorization: { mode: 'Webhook' },
    clusterDomain: CLUSTER_DOMAIN,
    clusterDNS: [CLUSTER_DNS_SERVICE_ADDRESS],
    rotateCertificates: true,
    serverTLSBootstrap: true,
    failSwapOn: false,
    healthzPort: 0,
    containerRuntimeEndpoint: record.endpoint,
    cgroupRoot: record.cgroupRoot,
    cgroupDriver: record.cgroupDriver,
    hairpinMode: 'hairpin-veth',
    podLogsDir: realNodePaths(nodeDirectory).podLogs,
  });
}
