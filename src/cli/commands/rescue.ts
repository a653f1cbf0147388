import { parseIp } from '../../api/machinery/ip.ts';
import { createClient } from '../../client/create-client.ts';
import { transportFromContext } from '../../client/kubeconfig-client.ts';
import { flag } from '../../client/serving/component-flags.ts';
import { approvesNewNodes, joiningGroups, mayBootstrap } from '../../doctor/checks/rbac-checks.ts';
import { collectCluster } from '../../doctor/collect/collect-cluster.ts';
import { lookAtHostBySsh } from '../../doctor/collect/look-at-host.ts';
import { checkSshTarget, findContext } from '../../doctor/command.ts';
import { readReportFlags } from '../../doctor/report-flags.ts';
import { planRescue, type RescuePaths, type RescuePlan, rescueText } from '../../doctor/rescue-plan.ts';
import { runProgram } from '../../host/run-program.ts';
import type { ResolvedContext } from '../../pki/kubeconfig.ts';
import { CodedError } from '../../std/coded-error.ts';
import type { CommandIo, ComponentCommand } from '../../std/command.ts';
import { FlagError, type FlagValues, type ParsedFlags } from '../../std/flags.ts';
import { carryOut } from './rescue-nodes.ts';

/**
 * `muster rescue [NODE…]`: a plan; with --yes what it needs, and with --ssh all of it. Exit status 1 when a Node is not there, is not to be
 * rescued, or does not come back.
 */
export const rescueCommand: ComponentCommand = {
  name: 'rescue',
  arguments: '[NODE...]',
  summary: 'bring back nodes whose certificates ran out while they were off: a plan first',
  flags: [
    flag('kubeconfig', 'string', 'the cluster; default $KUBECONFIG, else ~/.kube/config'),
    flag('context', 'string', 'context of the kubeconfig; default the current one'),
    flag('yes', 'bool', 'make a bootstrap token of one hour and its kubeconfig; with --ssh, bring the nodes back'),
    flag('ssh', 'strings', 'hosts of the nodes, to be looked at by ssh, and with --yes changed: host or user@host'),
    flag('ssh-config', 'string', "configuration file of ssh for --ssh; default the user's own"),
    flag('server', 'string', "the API server's URL as nodes reach it; default the kubeconfig's"),
    flag('out', 'string', 'where the bootstrap kubeconfig is written on this host', { default: 'bootstrap-kubelet.conf' }),
    flag('bootstrap-kubeconfig', 'string', "the kubelet's --bootstrap-kubeconfig on the nodes", {
      default: '/etc/kubernetes/bootstrap-kubelet.conf',
    }),
    flag('kubelet-kubeconfig', 'string', "the kubelet's --kubeconfig on the nodes", { default: '/etc/kubernetes/kubelet.conf' }),
    flag('cert-dir', 'string', "the kubelet's --cert-dir on the nodes", { default: '/var/lib/kubelet/pki' }),
    flag('timeout', 'duration', 'how long a node may take to be back, with --ssh and --yes', { default: '2m0s' }),
    flag('output', 'string', 'text or json', { shorthand: 'o', default: 'text' }),
  ],
  run: rescue,
};

async function rescue({ values, args }: ParsedFlags, io: CommandIo): Promise<number> {
  const { clock, signal } = io;
  const { output, timeoutMs } = readReportFlags(values);
  const targets = values.strings('ssh');
  for (const target of targets) checkSshTarget(target);
  const context = await findContext(values, io, values.string('context'));
  const transport = transportFromContext(context, clock, io.env);
  const ssh = { run: runProgram, signal, config: values.string('ssh-config') };
  try {
    const client = createClient({ transport, userAgent: 'muster-rescue' });
    const [seen, hosts] = await Promise.all([
      collectCluster({ client, context, clock, signal, timeoutMs: 3000, nodes: false }),
      Promise.all(targets.map(async (target) => ({ target, seen: await lookAtHostBySsh(target, ssh) }))),
    ]);
    const { rbac } = seen;
    const paths = pathsOf(values);
    const plan = planRescue(seen, {
      ...{ names: args, hosts, paths },
      mayJoin: rbac === undefined || mayBootstrap(rbac, (subject) => subject.startsWith('Group system:bootstrappers')),
      approves: rbac === undefined || approvesNewNodes(rbac),
    });
    const said = (line: string) => io.stderr(`${line}\n`);
    const make = values.bool('yes') && plan.nodes.length > 0;
    const back = make
      ? await carryOut({
          ...{ plan, client, clock, signal, ssh, paths, groups: rbac ? joiningGroups(rbac) : [] },
          ...{
            server: serverFor(plan, values, context, said),
            caPem: context.caPem ?? '',
            timeoutMs,
          },
          said,
        })
      : true;
    io.stdout(
      output === 'json' ? `${JSON.stringify(plan, null, 2)}\n` : rescueText(plan, make ? values.string('out') : undefined),
    );
    return back && plan.unknown.length === 0 && (args.length === 0 || plan.refused.length === 0) ? 0 : 1;
  } finally {
    await transport.close({ final: true });
  }
}

const pathsOf = (values: FlagValues): RescuePaths => ({
  bootstrapKubeconfig: values.string('out'),
  kubelet: {
    bootstrapKubeconfig: values.string('bootstrap-kubeconfig'),
    kubeconfig: values.string('kubelet-kubeconfig'),
    certificateDirectory: values.string('cert-dir'),
  },
});

/** Other hosts have another loopback. */
function serverFor({ nodes }: RescuePlan, values: FlagValues, { server }: ResolvedContext, said: (line: string) => void): string {
  const given = values.string('server');
  if (given && (!URL.canParse(given) || new URL(given).protocol !== 'https:'))
    throw new FlagError('--server', `--server: ${JSON.stringify(given)} is no https URL`);
  const host = new URL(server).hostname.replace(/^\[|\]$/g, '');
  const isOwn = host === 'localhost' || host === '::1' || (parseIp(host) !== undefined && host.startsWith('127.'));
  if (!given && isOwn && nodes.some(({ target }) => target !== undefined))
    throw new CodedError(`the kubeconfig calls the API server ${server}, where nodes do not find it: give --server`, {
      code: 'RESCUE_SERVER',
    });
  if (!given && isOwn)
    said(`the kubeconfig calls the API server ${server}, where only its own host finds it: for other hosts give --server`);
  return given || server;
}
