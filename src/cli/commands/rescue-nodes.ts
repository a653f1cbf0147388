import { leaseKind } from '../../api/coordination/v1/lease.ts';
import { nodeKind } from '../../api/core/v1/node.ts';
import { secretKind } from '../../api/core/v1/secret.ts';
import type { V1Lease, V1Node, V1Secret } from '../../api/gen/types.ts';
import type { Client } from '../../client/client.ts';
import { unlessReason } from '../../client/unless-reason.ts';
import {
  bootstrapTokenSecret,
  DEFAULT_TOKEN_GROUP,
  generateBootstrapToken,
  splitBootstrapToken,
  TOKEN_NAMESPACE,
} from '../../cluster/bootstrap-token.ts';
import { bootstrapKubeconfig } from '../../cluster/kubeconfigs.ts';
import type { SshOptions } from '../../doctor/collect/run-by-ssh.ts';
import { rescueHost } from '../../doctor/rescue-host.ts';
import type { RescuedNode, RescuePaths, RescuePlan } from '../../doctor/rescue-plan.ts';
import { writeFileAtomic } from '../../std/atomic-file.ts';
import type { Clock } from '../../std/clock.ts';
import { CodedError } from '../../std/coded-error.ts';

const TOKEN_LIFETIME_MS = 3_600_000;
const LOOK_AGAIN_MS = 1000;

export interface RescueWork {
  readonly plan: RescuePlan;
  readonly client: Client;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly ssh: SshOptions;
  readonly paths: RescuePaths;
  /** Of the token; kubeadm's when there are none. */
  readonly groups: readonly string[];
  readonly server: string;
  readonly caPem: string;
  /** For one node to be back. */
  readonly timeoutMs: number;
  readonly said: (line: string) => void;
}

/**
 * Makes a token and its kubeconfig, and brings back the nodes whose hosts can be reached, one after the other, so that what is wrong with
 * the first is not done to all. Answers whether all of those came back.
 */
export async function carryOut(work: RescueWork): Promise<boolean> {
  const { plan, server, caPem, paths, ssh, said } = work;
  if (!caPem) throw new CodedError('the kubeconfig holds no authority, which nodes need', { code: 'KUBECONFIG_WITHOUT_CA' });
  const kubeconfig = bootstrapKubeconfig({ server, caPem, token: await makeToken(work) });
  await writeFileAtomic(paths.bootstrapKubeconfig, kubeconfig, { mode: 0o600 });
  for (const node of plan.nodes) {
    if (node.target === undefined) continue;
    const before = await renewTimeOf(work, node);
    await rescueHost(node.target, node.paths, kubeconfig, ssh);
    said(`${node.name}: has a bootstrap kubeconfig, and its kubelet is restarted`);
    if (!(await comesBack(work, node, before))) {
      said(
        `${node.name}: is not back after ${work.timeoutMs / 1000} s: muster explain node ${node.name}; the others were left alone`,
      );
      return false;
    }
    said(`${node.name}: Ready`);
  }
  return true;
}

async function makeToken({ plan, client, clock, signal, groups }: RescueWork): Promise<string> {
  const token = generateBootstrapToken();
  const secret = bootstrapTokenSecret({
    ...splitBootstrapToken(token),
    description: `muster rescue of ${plan.nodes.map(({ name }) => name).join(', ')}`.slice(0, 200),
    expiresMs: clock.now() + TOKEN_LIFETIME_MS,
    usages: ['authentication'],
    groups: groups.length > 0 ? groups : [DEFAULT_TOKEN_GROUP],
  });
  await client.resource<V1Secret>(secretKind, TOKEN_NAMESPACE).create(secret, { signal });
  return token;
}

async function renewTimeOf({ client }: RescueWork, { name }: RescuedNode): Promise<string> {
  const lease = await unlessReason(client.resource<V1Lease>(leaseKind, 'kube-node-lease').get(name), 'NotFound');
  return String(lease?.spec?.renewTime ?? '');
}

/** Ready may be what was said before the node went: it must have renewed its Lease since. */
async function comesBack(work: RescueWork, node: RescuedNode, before: string): Promise<boolean> {
  const { client, clock, signal, timeoutMs } = work;
  const untilMs = clock.now() + timeoutMs;
  for (;;) {
    const found = await unlessReason(client.resource<V1Node>(nodeKind).get(node.name), 'NotFound');
    const ready = found?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
    if (ready && (await renewTimeOf(work, node)) !== before) return true;
    if (clock.now() >= untilMs) return false;
    await clock.sleep(LOOK_AGAIN_MS, signal);
  }
}
