/** The way back for nodes whose client certificates ran out while they were off: as a plan first. */
import type { Observations, SeenNode } from './observations.ts';

export interface RescuedNode {
  readonly name: string;
  /** Why it is thought to be lost. */
  readonly why: string;
  /** In the order in which they are to be done. */
  readonly steps: readonly string[];
}

export interface RescuePlan {
  readonly nodes: readonly RescuedNode[];
  /** Named, and well as far as can be seen. */
  readonly well: readonly string[];
  readonly unknown: readonly string[];
  /** What is wrong in the cluster itself, and would keep every node from coming back. */
  readonly first: readonly string[];
}

export interface RescuePaths {
  /** Where the bootstrap kubeconfig lies on this host. */
  readonly bootstrapKubeconfig: string;
  /** On the nodes: of the kubelet's unit. */
  readonly kubelet: { readonly bootstrapKubeconfig: string; readonly kubeconfig: string; readonly certificateDirectory: string };
}

/**
 * What brings nodes back. Pure: nothing is done by it.
 *
 * @param names those to bring back; all that are silent when it is empty
 * @param mayJoin whether some bootstrap group may create certificate requests
 */
export function planRescue(seen: Observations, names: readonly string[], mayJoin: boolean, paths: RescuePaths): RescuePlan {
  const { nodes = [], certificates, nowMs } = seen;
  const chosen = names.length > 0 ? nodes.filter(({ node }) => names.includes(node.metadata?.name ?? '')) : nodes;
  const known = new Set(nodes.map(({ node }) => node.metadata?.name));
  const first: string[] = [];
  const authority = certificates.find(({ where }) => where.startsWith('kubeconfig authority'));
  if (authority && authority.notAfterMs < nowMs)
    first.push("the cluster's authority has expired: replace it first, no node can come back before");
  if (!mayJoin)
    first.push(
      'kubectl create clusterrolebinding kubelet-bootstrap --clusterrole=system:node-bootstrapper --group=system:bootstrappers',
    );
  const lost = chosen.filter((node) => whyLost(node, nowMs) !== undefined);
  return {
    nodes: lost.map((node) => rescued(node, whyLost(node, nowMs)!, paths)),
    well: names.length > 0 ? chosen.filter((node) => !lost.includes(node)).map(({ node }) => node.metadata?.name ?? '') : [],
    unknown: names.filter((name) => !known.has(name)),
    first,
  };
}

function whyLost({ node, lease, clientTtlSeconds }: SeenNode, nowMs: number): string | undefined {
  const ready = node.status?.conditions?.find(({ type }) => type === 'Ready');
  if (ready?.status === 'True') return undefined;
  if (clientTtlSeconds !== undefined && clientTtlSeconds <= 0) return 'its client certificate has run out, as its metrics say';
  const renewedMs = Date.parse(String(lease?.spec?.renewTime ?? ready?.lastHeartbeatTime ?? ''));
  const since = Number.isNaN(renewedMs) ? '' : ` for ${Math.round((nowMs - renewedMs) / 3_600_000)} hours`;
  return `it is silent${since} (${ready?.reason ?? 'no Ready condition'})`;
}

function rescued({ node }: SeenNode, why: string, { bootstrapKubeconfig, kubelet }: RescuePaths): RescuedNode {
  const name = node.metadata?.name ?? '';
  const address = node.status?.addresses?.find(({ type }) => type === 'InternalIP')?.address ?? name;
  const remote = `root@${address}`;
  return {
    name,
    why,
    steps: [
      // Whether the certificate is what is wrong is seen on the node alone.
      `ssh ${remote} openssl x509 -noout -enddate -in ${kubelet.certificateDirectory}/kubelet-client-current.pem`,
      `scp -p ${bootstrapKubeconfig} ${remote}:${kubelet.bootstrapKubeconfig}`,
      `ssh ${remote} 'mkdir -p ${kubelet.certificateDirectory}.before && mv ${kubelet.certificateDirectory}/kubelet-client-* ${kubelet.kubeconfig} ${kubelet.certificateDirectory}.before/'`,
      `ssh ${remote} systemctl restart kubelet`,
      `muster explain node ${name}`,
    ],
  };
}

/** The plan for people. */
export function rescueText({ nodes, well, unknown, first }: RescuePlan, tokenMade: boolean): string {
  const lines: string[] = [];
  if (first.length > 0) lines.push('First, for all nodes:', ...first.map((step) => `  ${step}`), '');
  if (!tokenMade && nodes.length > 0)
    lines.push('This is a plan: nothing has been done. A token and its kubeconfig are made with --yes.', '');
  for (const { name, why, steps } of nodes) lines.push(`${name}: ${why}`, ...steps.map((step, i) => `  ${i + 1}. ${step}`), '');
  if (well.length > 0) lines.push(`Ready, nothing to do: ${well.join(', ')}`);
  if (unknown.length > 0)
    lines.push(`No such Node: ${unknown.join(', ')}; a machine that never joined needs muster token create`);
  if (nodes.length === 0 && well.length === 0 && unknown.length === 0)
    lines.push('Every node is Ready: nobody is to be rescued.');
  return `${lines.join('\n').trimEnd()}\n`;
}
