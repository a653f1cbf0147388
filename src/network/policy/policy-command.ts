import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { createClient } from '../../client/create-client.ts';
import { createEventRecorder } from '../../client/events.ts';
import { transportFromKubeconfig } from '../../client/kubeconfig-client.ts';
import { flag } from '../../client/serving/component-flags.ts';
import { createNftTable } from '../../host/nft-table.ts';
import { runProgram } from '../../host/run-program.ts';
import type { CommandIo, ComponentCommand } from '../../std/command.ts';
import { FlagError, type ParsedFlags } from '../../std/flags.ts';
import { createKlogLogger } from '../../std/logger.ts';
import { runComponents } from '../../std/run-components.ts';
import { createNetworkPages, parseListenAddress } from '../network-pages.ts';
import { requireNft } from '../require-nft.ts';
import { filterBridges } from './bridge-filter.ts';
import { createPolicyAgent } from './policy-agent.ts';
import { createPolicyMetrics } from './policy-metrics.ts';
import { POD_BRIDGES, POLICY_TABLE } from './render-policies.ts';
import { CNI_RESULTS, createSandboxAddresses } from './sandbox-addresses.ts';

const NAME = 'network-policy';

/** `muster network-policy`: enforces NetworkPolicies on a node whose pod network does not do so itself. */
export const networkPolicyCommand: ComponentCommand = {
  name: NAME,
  summary: 'enforce NetworkPolicies on a node, with nftables',
  flags: [
    flag(
      'kubeconfig',
      'string',
      'how to reach the API server; needs list and watch of networkpolicies, namespaces, pods and nodes, and to write events',
    ),
    flag('hostname-override', 'string', "name of the Node; default this machine's name"),
    flag('metrics-bind-address', 'string', 'address and port of /metrics and /healthz; empty: none', {
      default: '127.0.0.1:10262',
    }),
    flag('pod-bridge', 'strings', 'bridges that pods are on, `*` at the end for any that begin so', {
      default: [...POD_BRIDGES],
    }),
    flag('cleanup', 'bool', 'remove the rules, and end'),
    flag('v', 'int', 'verbosity of the log', { shorthand: 'v' }),
  ],
  run,
};

async function run({ values, args }: ParsedFlags, io: CommandIo): Promise<number> {
  if (args.length > 0) throw new FlagError(args[0]!, `unexpected argument ${JSON.stringify(args[0])}`);
  const { clock, random } = io;
  const logger = createKlogLogger({ component: NAME, verbosity: values.int('v'), now: () => clock.now(), write: io.stderr });
  const listen = parseListenAddress('--metrics-bind-address', values.string('metrics-bind-address'));
  const podBridges = values.strings('pod-bridge');
  for (const name of podBridges)
    if (!/^[a-zA-Z0-9._-]{1,15}\*?$/.test(name))
      throw new FlagError('--pod-bridge', `--pod-bridge: ${JSON.stringify(name)} is no name of an interface`);
  await requireNft(runProgram);
  const table = createNftTable({ family: 'inet', table: POLICY_TABLE, run: runProgram, logger });
  if (values.bool('cleanup')) {
    await table.remove();
    return 0;
  }
  if (!values.string('kubeconfig')) throw new FlagError('--kubeconfig', '--kubeconfig is required: how to reach the API server');
  const transport = await transportFromKubeconfig(resolve(io.cwd, values.string('kubeconfig')), { clock, environment: io.env });
  try {
    await filterBridges(runProgram, logger);
    const metrics = createPolicyMetrics();
    const client = createClient({ transport, userAgent: NAME });
    const nodeName = (values.string('hostname-override') || hostname()).trim().toLowerCase();
    const agent = createPolicyAgent({
      ...{ client, nodeName, table, metrics, clock, logger, random, podBridges },
      events: createEventRecorder({ client, component: NAME, host: nodeName, clock, logger, signal: io.signal }),
      sandboxes: createSandboxAddresses(CNI_RESULTS),
    });
    const pages = createNetworkPages({ listen, isHealthy: () => agent.isHealthy, render: metrics.render });
    return await runComponents([pages, agent], io);
  } finally {
    await transport.close({ final: true });
  }
}
