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
import { createKlogLogger, type Logger } from '../../std/logger.ts';
import { Gauge } from '../../std/metric.ts';
import { runComponents } from '../../std/run-components.ts';
import { requireCniPlugins } from '../cni/plugins.ts';
import { createNetworkPages, parseListenAddress } from '../network-pages.ts';
import { createPolicyAgent, type PolicyAgent } from '../policy/policy-agent.ts';
import { createPolicyMetrics } from '../policy/policy-metrics.ts';
import { POLICY_TABLE } from '../policy/render-policies.ts';
import { CNI_RESULTS, createSandboxAddresses } from '../policy/sandbox-addresses.ts';
import { requireNft } from '../require-nft.ts';
import { createBirdDaemon } from './bird-daemon.ts';
import { type CalicoNode, createCalicoNode } from './calico-node.ts';
import { cleanUpCalico } from './clean-up.ts';
import { POOL_TABLE } from './pool-rules.ts';
import { type LogSeverity, readCalicoSettings } from './settings.ts';

const NAME = 'calico-node';
const PLUGINS = ['ptp', 'host-local', 'loopback', 'portmap'];

/** `muster calico-node`: Calico's network on a node, told by calico-node's environment, with routes by the real BIRD. */
export const calicoNodeCommand: ComponentCommand = {
  name: NAME,
  summary: "run Calico's pod network on a node, with BIRD; settings are calico-node's environment variables",
  flags: [
    flag('kubeconfig', 'string', 'how to reach the API server'),
    flag('node-name', 'string', "name of the Node; default $NODENAME, then this machine's name"),
    flag('state-dir', 'string', "where BIRD's configuration, control socket, log and process id are", {
      default: '/var/run/calico',
    }),
    flag('cni-conf-dir', 'string', 'where the runtime looks for networks', { default: '/etc/cni/net.d' }),
    flag('cni-bin-dir', 'strings', 'where the runtime looks for plugins; default the usual places'),
    flag('cni-data-dir', 'string', 'where host-local keeps which addresses are taken', { default: '/var/lib/cni/networks' }),
    flag('network-policy', 'bool', 'enforce NetworkPolicies', { default: true }),
    flag('metrics-bind-address', 'string', 'address and port of /metrics and /healthz; empty: none', {
      default: '127.0.0.1:9091',
    }),
    flag(
      'cleanup',
      'bool',
      "remove all that was set up on this machine, give the node's blocks back when --kubeconfig is given, and end",
    ),
    flag('v', 'int', 'verbosity of the log', { shorthand: 'v' }),
  ],
  run,
};

async function run({ values, args }: ParsedFlags, io: CommandIo): Promise<number> {
  if (args.length > 0) throw new FlagError(args[0]!, `unexpected argument ${JSON.stringify(args[0])}`);
  const { clock, random, cwd } = io;
  const settings = readCalicoSettings(io.env);
  const verbosity = Math.max(values.int('v'), settings.logSeverity === 'debug' ? 4 : 0);
  const logger = withSeverity(
    createKlogLogger({ component: NAME, verbosity, now: () => clock.now(), write: io.stderr }),
    settings.logSeverity,
  );
  for (const remark of settings.remarks) logger.warn(remark);
  const listen = parseListenAddress('--metrics-bind-address', values.string('metrics-bind-address'));
  const nodeName = (values.string('node-name') || settings.nodeName || hostname()).trim().toLowerCase();
  await requireNft(runProgram);
  const table = (family: 'ip' | 'ip6' | 'inet', name: string) => createNftTable({ family, table: name, run: runProgram, logger });
  const parts = {
    bird: createBirdDaemon({ directory: resolve(cwd, values.string('state-dir')), run: runProgram, clock, logger }),
    cni: {
      configurationDirectory: resolve(cwd, values.string('cni-conf-dir')),
      addressDirectory: resolve(cwd, values.string('cni-data-dir')),
    },
    run: runProgram,
  };
  const rules = { 4: table('ip', POOL_TABLE), 6: table('ip6', POOL_TABLE) };
  const policies = table('inet', POLICY_TABLE);
  const kubeconfig = values.string('kubeconfig');
  if (!kubeconfig && !values.bool('cleanup'))
    throw new FlagError('--kubeconfig', '--kubeconfig is required: how to reach the API server');
  const transport = kubeconfig
    ? await transportFromKubeconfig(resolve(cwd, kubeconfig), { clock, environment: io.env })
    : undefined;
  try {
    const client = transport && createClient({ transport, userAgent: NAME });
    if (values.bool('cleanup') || !client) {
      await cleanUpCalico({
        ...parts,
        tables: [...Object.values(rules), policies],
        ...(client && { api: { client, nodeName } }),
      });
      return 0;
    }
    await requireCniPlugins(values.strings('cni-bin-dir'), undefined, PLUGINS);
    const metrics = createPolicyMetrics();
    const sandboxes = createSandboxAddresses(CNI_RESULTS);
    const common = { client, nodeName, clock, logger, random };
    let agent: PolicyAgent | undefined;
    const node = createCalicoNode({ ...common, ...parts, settings, rules, onBlocks: () => agent?.refresh() });
    // Every pod is behind a link of its own: there are no bridges that packets could take.
    agent = createPolicyAgent({
      ...{ ...common, table: policies, metrics, podBridges: [], sandboxes },
      events: createEventRecorder({ client, component: NAME, host: nodeName, clock, logger, signal: io.signal }),
      morePodCidrs: () => node.blocks,
    });
    const enforces = values.bool('network-policy');
    const pages = createNetworkPages({
      listen,
      isHealthy: () => node.isHealthy && (!enforces || agent.isHealthy),
      render: () => `${renderState(node)}${enforces ? metrics.render() : ''}`,
    });
    // Policies first: no pod is to have an address before its rules.
    return await runComponents([pages, ...(enforces ? [agent] : []), node], io);
  } finally {
    await transport?.close({ final: true });
  }
}

function renderState({ metrics }: CalicoNode): string {
  const gauge = (name: string, help: string, value: number) =>
    new Gauge(`muster_calico_${name}`, help, [], () => [[[], value]]).render();
  return [
    gauge('blocks', 'Blocks of addresses that this node has', metrics.blocks),
    gauge('addresses_in_use', 'Addresses of this node that pods have', metrics.addressesInUse),
    gauge('bgp_peers', 'BGP sessions that this node is to have', metrics.peers),
  ].join('');
}

/** FELIX_LOGSEVERITYSCREEN: nothing below. */
function withSeverity(logger: Logger, severity: LogSeverity): Logger {
  const rank = ['debug', 'info', 'warning', 'error', 'fatal', 'none'].indexOf(severity);
  const silent = () => undefined;
  return {
    ...logger,
    ...(rank > 1 && { info: silent, debug: silent }),
    ...(rank > 2 && { warn: silent }),
    ...(rank > 3 && { error: silent }),
    child: (fields) => withSeverity(logger.child(fields), severity),
  };
}
