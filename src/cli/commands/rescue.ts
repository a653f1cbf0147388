import { secretKind } from '../../api/core/v1/secret.ts';
import type { V1Secret } from '../../api/gen/types.ts';
import { createClient } from '../../client/create-client.ts';
import { transportFromContext } from '../../client/kubeconfig-client.ts';
import { flag } from '../../client/serving/component-flags.ts';
import {
  bootstrapTokenSecret,
  DEFAULT_TOKEN_GROUP,
  generateBootstrapToken,
  splitBootstrapToken,
  TOKEN_NAMESPACE,
} from '../../cluster/bootstrap-token.ts';
import { bootstrapKubeconfig } from '../../cluster/kubeconfigs.ts';
import { mayBootstrap } from '../../doctor/checks/rbac-checks.ts';
import { collectCluster } from '../../doctor/collect/collect-cluster.ts';
import { kubeconfigPath } from '../../doctor/command.ts';
import { planRescue, rescueText } from '../../doctor/rescue-plan.ts';
import { readKubeconfig, resolveContext } from '../../pki/kubeconfig.ts';
import { writeFileAtomic } from '../../std/atomic-file.ts';
import { CodedError } from '../../std/coded-error.ts';
import type { CommandIo, ComponentCommand } from '../../std/command.ts';
import type { ParsedFlags } from '../../std/flags.ts';

const TOKEN_LIFETIME_MS = 3_600_000;

/** `muster rescue [NODE…]`: a plan; with --yes also the token and the kubeconfig that it needs. Exit status 1 when a Node is not there. */
export const rescueCommand: ComponentCommand = {
  name: 'rescue',
  summary: 'bring back nodes whose certificates ran out while they were off: a plan first',
  flags: [
    flag('kubeconfig', 'string', 'the cluster; default $KUBECONFIG, else ~/.kube/config'),
    flag('yes', 'bool', 'make a bootstrap token of one hour and write its kubeconfig to --out'),
    flag('out', 'string', 'where the bootstrap kubeconfig is written on this host', { default: 'bootstrap-kubelet.conf' }),
    flag('bootstrap-kubeconfig', 'string', "the kubelet's --bootstrap-kubeconfig on the nodes", {
      default: '/etc/kubernetes/bootstrap-kubelet.conf',
    }),
    flag('kubelet-kubeconfig', 'string', "the kubelet's --kubeconfig on the nodes", { default: '/etc/kubernetes/kubelet.conf' }),
    flag('cert-dir', 'string', "the kubelet's --cert-dir on the nodes", { default: '/var/lib/kubelet/pki' }),
    flag('output', 'string', 'text or json', { shorthand: 'o', default: 'text' }),
  ],
  run: rescue,
};

async function rescue({ values, args }: ParsedFlags, io: CommandIo): Promise<number> {
  const { clock, signal } = io;
  const context = await resolveContext(await readKubeconfig(kubeconfigPath(values, io)));
  const transport = transportFromContext(context, clock);
  try {
    const client = createClient({ transport, userAgent: 'muster-rescue' });
    const seen = await collectCluster({ client, context, clock, signal, timeoutMs: 3000, nodes: false });
    const paths = {
      bootstrapKubeconfig: values.string('out'),
      kubelet: {
        bootstrapKubeconfig: values.string('bootstrap-kubeconfig'),
        kubeconfig: values.string('kubelet-kubeconfig'),
        certificateDirectory: values.string('cert-dir'),
      },
    };
    const plan = planRescue(seen, args, seen.rbac === undefined || mayBootstrap(seen.rbac), paths);
    const make = values.bool('yes') && plan.nodes.length > 0;
    if (make) {
      const { server, caPem } = context;
      if (!caPem) throw new CodedError('the kubeconfig holds no authority, which nodes need', { code: 'KUBECONFIG_WITHOUT_CA' });
      const token = generateBootstrapToken();
      const secret = bootstrapTokenSecret({
        ...splitBootstrapToken(token),
        description: `muster rescue of ${plan.nodes.map(({ name }) => name).join(', ')}`.slice(0, 200),
        expiresMs: clock.now() + TOKEN_LIFETIME_MS,
        usages: ['authentication'],
        groups: [DEFAULT_TOKEN_GROUP],
      });
      await client.resource<V1Secret>(secretKind, TOKEN_NAMESPACE).create(secret, { signal });
      await writeFileAtomic(paths.bootstrapKubeconfig, bootstrapKubeconfig({ server, caPem, token }), { mode: 0o600 });
    }
    io.stdout(values.string('output') === 'json' ? `${JSON.stringify(plan, null, 2)}\n` : rescueText(plan, make));
    return plan.unknown.length > 0 ? 1 : 0;
  } finally {
    await transport.close({ final: true });
  }
}
