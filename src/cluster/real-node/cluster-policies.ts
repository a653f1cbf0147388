import { createClient } from '../../client/create-client.ts';
import { createEventRecorder } from '../../client/events.ts';
import { createNftTable, type NftTable } from '../../host/nft-table.ts';
import { ProgramError, type RunProgram } from '../../host/run-program.ts';
import { createPolicyAgent, type PolicyAgent } from '../../network/policy/policy-agent.ts';
import { createPolicyMetrics } from '../../network/policy/policy-metrics.ts';
import { CNI_RESULTS, createSandboxAddresses } from '../../network/policy/sandbox-addresses.ts';
import { type Logger, silentLogger } from '../../std/logger.ts';
import type { ControlPlane } from '../control-plane.ts';
import type { ClusterConfig } from '../options.ts';
import { policiesTable } from './real-node-plan.ts';
import { createRestartedPart, type RestartedPart } from './restarted-part.ts';

export interface ClusterPoliciesOptions {
  readonly nodeName: string;
  /** Of the cluster's pods, which no other cluster on this machine has. */
  readonly bridge: string;
  /** Whether pods are on that bridge; else each has a link of its own. */
  readonly hasBridge: boolean;
  /** Where pods of this node have addresses besides its `podCIDRs`. */
  readonly morePodCidrs?: () => readonly string[];
  readonly config: ClusterConfig;
  readonly controlPlane: Pick<ControlPlane, 'adminTransport'>;
  readonly logger: Logger;
  readonly run: RunProgram;
}

export interface ClusterPolicies extends RestartedPart {
  /** Tells that `morePodCidrs` has others. */
  refresh(): void;
}

/** What enforces NetworkPolicies of the cluster's pods in this process. Its rules stay when it stops, as the pods do. */
export function createClusterPolicies(options: ClusterPoliciesOptions): ClusterPolicies {
  const { nodeName, bridge, hasBridge, morePodCidrs, config, controlPlane, logger } = options;
  const { clock, random } = config;
  const client = createClient({ transport: controlPlane.adminTransport, userAgent: 'network-policy' });
  const events = createEventRecorder({ client, component: 'network-policy', host: nodeName, clock, logger });
  let current: PolicyAgent | undefined;
  const part = createRestartedPart({
    what: 'network policies',
    clock,
    logger,
    random,
    async run(life) {
      const table = tableOf(bridge, options);
      const tableName = policiesTable(bridge);
      const metrics = createPolicyMetrics();
      const sandboxes = createSandboxAddresses(CNI_RESULTS);
      const rules = { table, tableName, metrics, sandboxes, podBridges: hasBridge ? [bridge] : [] };
      const more = morePodCidrs && { morePodCidrs };
      const agent = createPolicyAgent({ client, nodeName, ...rules, ...more, events, clock, logger, random });
      current = agent;
      if (await life.start(agent)) await life.work(agent);
    },
  });
  return { ...part, refresh: () => current?.refresh() };
}

/** Takes the rules away, whoever wrote them for this cluster; there being none is no failure. */
export async function removeClusterPolicies(bridge: string, run: RunProgram): Promise<void> {
  try {
    await tableOf(bridge, { run, logger: silentLogger }).remove();
  } catch (error) {
    // A cluster whose node came never so far needed no nft.
    if (!(error instanceof ProgramError && error.code === 'PROGRAM_MISSING')) throw error;
  }
}

const tableOf = (bridge: string, { run, logger }: Pick<ClusterPoliciesOptions, 'run' | 'logger'>): NftTable =>
  createNftTable({ family: 'inet', table: policiesTable(bridge), run, logger });
