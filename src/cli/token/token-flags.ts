import type { Client } from '../../client/client.ts';
import type { CommandIo } from '../../std/command.ts';
import type { FlagDefinition, ParsedFlags } from '../../std/flags.ts';
import { kubeadmKubeconfig } from '../local/kubeconfig-location.ts';

/** The flags that all `kubeadm token` commands share. */
export const TOKEN_FLAGS: readonly FlagDefinition[] = [
  { name: 'dry-run', type: 'bool', description: 'change nothing in the cluster' },
  {
    name: 'kubeconfig',
    type: 'string',
    description: "the kubeconfig to reach the cluster with; without it kubectl's own file, then /etc/kubernetes/admin.conf",
  },
  { name: 'rootfs', type: 'string', description: "the path to the 'real' host root filesystem", noEffect: true },
  { name: 'v', shorthand: 'v', type: 'int', default: 0, description: 'how much is logged', noEffect: true },
];

/** The client of a token command, and the kubeconfig that it came from. */
export async function tokenClient(flags: ParsedFlags, io: CommandIo): Promise<{ client: Client; kubeconfigPath: string }> {
  const kubeconfigPath = kubeadmKubeconfig(flags.values.string('kubeconfig'), io.env);
  const { clientFromKubeconfig } = await import('../../client/kubeconfig-client.ts');
  const client = await clientFromKubeconfig(kubeconfigPath, { userAgent: 'kubeadm', environment: io.env });
  return { client, kubeconfigPath };
}
