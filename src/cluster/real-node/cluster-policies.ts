import { createClient } from '../../client/create-client.ts';
import { createNftTable, type NftTable } from '../../host/nft-table.ts';
import { ProgramError, type RunProgram } from '../../host/run-program.ts';
import { createPolicyAgent } from '../../network/policy/policy-agent.ts';
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
  readonly config: ClusterConfig;
  readonly controlPlane: Pick<ControlPlane, 'adminTransport'>;
  readonly logger: Logger;
  readonly run: RunProgram;
}

/** What enforces NetworkPolicies of pods on the cluster's own bridge, in this process. Its rules stay when it stops, as the pods do. */
export function createClusterPolicies(options: ClusterPoliciesOptions): RestartedPart {
  const { nodeName, bridge, config, controlPlane, logger } = options;
  const { clock, random } = config;
  const client = createClient({ transport: controlPlane.adminTransport, userAgent: 'network-policy' });
  return createRestartedPart({
    what: 'network policies',
    clock,
    logger,
    random,
    async run(life) {
      const table = tableOf(bridge, options);
      const tableName = policiesTable(bridge);
      const metrics = createPolicyMetrics();
      const sandboxes = createSandboxAddresses(CNI_RESULTS);
      const rules = { table, tableName, metrics, sandboxes, podBridges: [bridge] };
      const agent = createPolicyAgent({ client, nodeName, ...rules, clock, logger, random });
      if (await life.start(agent)) await life.work(agent);
    },
  });
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
