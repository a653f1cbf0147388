/** The way back for nodes whose client certificates ran out while they were off: as a plan first. */

import { shellWord } from '../std/shell-word.ts';
import { visibleLine } from '../std/visible-text.ts';
import { fromNow } from './checks/check.ts';
import { foreignClient } from './checks/joining-checks.ts';
import type { HostObservations, HostUnit, Observations, SeenNode } from './observations.ts';

/** Where the kubelet of a node has what it joins with. */
export interface KubeletPaths {
  readonly bootstrapKubeconfig: string;
  readonly kubeconfig: string;
  readonly certificateDirectory: string;
}

export interface RescuePaths {
  /** Where the bootstrap kubeconfig is written on this host. */
  readonly bootstrapKubeconfig: string;
  /** On nodes, where their units do not say otherwise. */
  readonly kubelet: KubeletPaths;
}

/** A host that was looked at by ssh. */
export interface RescueHost {
  /** As ssh was given it. */
  readonly target: string;
  readonly seen: HostObservations;
}

export interface RescuedNode {
  readonly name: string;
  /** Why it is thought to be lost. */
  readonly why: string;
  /** Its host, when it was looked at. */
  readonly target: string | undefined;
  readonly paths: KubeletPaths;
  /** In the order in which they are to be done. */
  readonly steps: readonly string[];
}

export interface RescuePlan {
  readonly nodes: readonly RescuedNode[];
  /** Named or looked at, and not to be rescued; why. */
  readonly refused: readonly { readonly name: string; readonly why: string }[];
  /** No Node, and no host that was looked at. */
  readonly unknown: readonly string[];
  /** What is wrong in the cluster itself, and would keep every node from coming back. */
  readonly first: readonly string[];
}

export interface RescueQuestion {
  /** Those to bring back; all that are silent, or those of the hosts, when it is empty. */
  readonly names: readonly string[];
  readonly hosts: readonly RescueHost[];
  readonly paths: RescuePaths;
  /** Whether tokens may create certificate requests. */
  readonly mayJoin: boolean;
  /** Whether kube-controller-manager approves them by itself. */
  readonly approves: boolean;
}

/** What brings nodes back. Pure: nothing is done by it. A node whose certificate holds is never among them. */
export function planRescue(seen: Observations, question: RescueQuestion): RescuePlan {
  const nodes = new Map((seen.nodes ?? []).map((node) => [node.node.metadata?.name ?? '', node]));
  const hosts = new Map(question.hosts.map((host) => [nodeNameOf(host.seen), host]));
  const { names } = question;
  const asked = names.length > 0 ? names : hosts.size > 0 ? [...hosts.keys()] : [...nodes.keys()];
  const plan = {
    ...{ nodes: [] as RescuedNode[], refused: [] as { name: string; why: string }[], unknown: [] as string[] },
    first: firstOf(seen, question),
  };
  for (const name of new Set(asked)) {
    const node = nodes.get(name);
    const host = hosts.get(name);
    if (!node && !host) plan.unknown.push(name);
    else {
      const kubelet = kubeletPaths(host, question.paths);
      const { lost, why } = host ? judgeHost(host.seen, kubelet, seen) : judgeNode(node, seen.nowMs);
      if (lost) plan.nodes.push(rescued({ name, why, node, host, kubelet }, question));
      else if (names.length > 0 || host) plan.refused.push({ name, why });
    }
  }
  return plan;
}

function firstOf({ certificates, nowMs }: Observations, { mayJoin, approves }: RescueQuestion): string[] {
  const authority = certificates.find(({ where }) => where.startsWith('kubeconfig authority'));
  const group = '--group=system:bootstrappers';
  return [
    ...(authority && authority.notAfterMs < nowMs
      ? ["the cluster's authority has expired: replace it first, no node can come back before"]
      : []),
    ...(mayJoin ? [] : [`kubectl create clusterrolebinding kubelet-bootstrap --clusterrole=system:node-bootstrapper ${group}`]),
    ...(approves
      ? []
      : ['nobody approves their requests by itself: when they are there, kubectl get csr and kubectl certificate approve NAME']),
  ];
}

const unitOf = ({ units }: HostObservations): HostUnit | undefined => units.find(({ component }) => component === 'kubelet');
const nodeNameOf = (seen: HostObservations) => (unitOf(seen)?.flags.get('hostname-override') || seen.hostName).toLowerCase();

/** As its unit says; what the unit leaves to the environment, or nobody has looked at, is where it is elsewhere. */
function kubeletPaths(host: RescueHost | undefined, { kubelet }: RescuePaths): KubeletPaths {
  const flags = host && unitOf(host.seen)?.flags;
  return {
    bootstrapKubeconfig: flags?.get('bootstrap-kubeconfig') || kubelet.bootstrapKubeconfig,
    kubeconfig: flags?.get('kubeconfig') || kubelet.kubeconfig,
    certificateDirectory: (flags?.get('cert-dir') || kubelet.certificateDirectory).replace(/\/+$/, ''),
  };
}

interface Judgement {
  readonly lost: boolean;
  readonly why: string;
}

/** What its host shows counts, whatever the cluster has heard of it. */
function judgeHost(
  host: HostObservations,
  { certificateDirectory }: KubeletPaths,
  { nowMs, clientAuthorityPem }: Observations,
): Judgement {
  const unit = unitOf(host);
  if (!unit) return { lost: false, why: 'there is no unit of the kubelet on its host: let it join as a new one' };
  if (unit.whole && !unit.flags.has('bootstrap-kubeconfig'))
    return {
      lost: false,
      why: `${unit.path} has no --bootstrap-kubeconfig, by which the kubelet would join again: add it first`,
    };
  const path = `${host.prefix}${certificateDirectory}/kubelet-client-current.pem`;
  // The first of several is its own, the others lead to the authority.
  const certificate = host.certificates.find(({ where }) => where === path || where === `${path} [1]`);
  if (!certificate) return { lost: true, why: 'it has no client certificate' };
  const hasEnded = certificate.notAfterMs < nowMs;
  const end = `its client certificate ${hasEnded ? 'ran out' : 'ends'} ${fromNow(certificate.notAfterMs, nowMs)}`;
  if (hasEnded) return { lost: true, why: end };
  if (foreignClient(host, clientAuthorityPem))
    return { lost: true, why: 'its client certificate is of an authority that the API server does not take' };
  return { lost: false, why: `${end}, so that it needs no other: see journalctl -u kubelet on its host` };
}

function judgeNode(node: SeenNode | undefined, nowMs: number): Judgement {
  const ready = node?.node.status?.conditions?.find(({ type }) => type === 'Ready');
  if (ready?.status === 'True') return { lost: false, why: 'it is Ready' };
  const ttl = node?.clientTtlSeconds;
  if (ttl !== undefined && ttl <= 0) return { lost: true, why: 'its client certificate has run out, as its metrics say' };
  const renewedMs = Date.parse(String(node?.lease?.spec?.renewTime ?? ready?.lastHeartbeatTime ?? ''));
  const since = Number.isNaN(renewedMs) ? '' : `, last heard of ${fromNow(renewedMs, nowMs)}`;
  return { lost: true, why: `it is silent${since} (${ready?.reason ?? 'no Ready condition'})` };
}

interface Lost {
  readonly name: string;
  readonly why: string;
  readonly node: SeenNode | undefined;
  readonly host: RescueHost | undefined;
  readonly kubelet: KubeletPaths;
}

function rescued({ name, why, node, host, kubelet }: Lost, { paths, approves }: RescueQuestion): RescuedNode {
  const address = node?.node.status?.addresses?.find(({ type }) => type === 'InternalIP')?.address ?? name;
  // Hosts say their paths themselves, and nodes their addresses: whoever copies a line must run that line.
  const target = shellWord(host?.target ?? `root@${address}`);
  const [directory, aside] = [kubelet.certificateDirectory, `${kubelet.certificateDirectory}.before`].map(shellWord);
  const move = `mkdir -p ${aside}; mv ${directory}/kubelet-client-* ${shellWord(kubelet.kubeconfig)} ${aside}/`;
  const steps = [
    // Whether the certificate is what is wrong is seen on the node alone.
    ...(host ? [] : [`ssh ${target} ${remote(`openssl x509 -noout -enddate -in ${directory}/kubelet-client-current.pem`)}`]),
    `scp -p ${shellWord(paths.bootstrapKubeconfig)} ${target}:${shellWord(kubelet.bootstrapKubeconfig)}`,
    `ssh ${target} ${shellWord(move)}`,
    `ssh ${target} systemctl restart kubelet`,
    ...(approves ? [] : ['kubectl get csr; kubectl certificate approve NAME']),
    `muster explain node ${shellWord(name)}`,
  ];
  return { name, why, target: host?.target, paths: kubelet, steps };
}

/** A command of another host, in quotes only where a word of it is. */
const remote = (command: string): string => (command.includes("'") ? shellWord(command) : command);

/** The plan for people. `made` is the file that holds a token now, if there is one. */
export function rescueText({ nodes, refused, unknown, first }: RescuePlan, made: string | undefined): string {
  const lines: string[] = [];
  if (first.length > 0 && nodes.length > 0) lines.push('First, for all nodes:', ...first.map((step) => `  ${step}`), '');
  const byHand = nodes.some(({ target }) => target === undefined);
  if (made !== undefined && byHand) lines.push(`${made} holds a bootstrap token of one hour. What is left to be done:`, '');
  if (made === undefined && nodes.length > 0) {
    const rest = byHand ? 'A token and its kubeconfig are made' : 'It is carried out';
    lines.push(`This is a plan: nothing has been done. ${rest} with --yes.`, '');
  }
  for (const { name, why, steps } of nodes) lines.push(`${name}: ${why}`, ...steps.map((step, i) => `  ${i + 1}. ${step}`), '');
  for (const { name, why } of refused) lines.push(`${name}: nothing to rescue, ${why}`);
  if (unknown.length > 0)
    lines.push(`No such Node: ${unknown.join(', ')}; a machine that never joined needs muster token create`);
  if (nodes.length === 0 && refused.length === 0 && unknown.length === 0)
    lines.push('Every node is Ready: nobody is to be rescued.');
  return `${lines.map(visibleLine).join('\n').trimEnd()}\n`;
}
