import { shellWord } from '../../std/shell-word.ts';
import type { Finding } from '../finding.ts';
import type { Observations, SeenNode } from '../observations.ts';
import { type Check, fromNow } from './check.ts';

/** Half of what the node controller waits for. */
const LEASE_STALE_MS = 25_000;

const nameOf = ({ node }: SeenNode) => node.metadata?.name ?? '';
const conditionOf = ({ node }: SeenNode, type: string) => node.status?.conditions?.find((condition) => condition.type === type);

/** Whether nodes are Ready, known by one good name, and speak to the API server. */
export const checkNodes: Check = (seen) => [
  ...(seen.nodes ?? []).flatMap((node) => [
    ...checkReady(node),
    ...checkLease(node, seen),
    ...checkName(node),
    ...checkPressure(node),
  ]),
  ...checkSharedAddresses(seen),
];

function checkReady(seen: SeenNode): Finding[] {
  const ready = conditionOf(seen, 'Ready');
  if (ready?.status === 'True') return [];
  const said = `${ready?.reason ?? 'no condition'}: ${ready?.message ?? 'the kubelet has said nothing yet'}`;
  const network = /cni|network plugin|NetworkPluginNotReady/i.test(ready?.message ?? '');
  return [
    {
      ...{ code: network ? 'DOC-402' : 'DOC-401', severity: 'error', subject: `node/${nameOf(seen)}` },
      message: network ? 'A node is not Ready because its pod network is not set up.' : 'A node is not Ready.',
      evidence: said,
      remedy: network
        ? 'put a CNI configuration into /etc/cni/net.d and the plugins into /opt/cni/bin, or install a network add-on'
        : `muster explain node ${nameOf(seen)}; on the node: journalctl -u kubelet`,
    },
  ];
}

function checkLease(seen: SeenNode, { nowMs }: Observations): Finding[] {
  const renewedMs = Date.parse(seen.lease?.spec?.renewTime ?? '');
  const ready = conditionOf(seen, 'Ready')?.status === 'True';
  // A node that is not Ready is told already; its Lease is then as old as its silence.
  if (!ready || Number.isNaN(renewedMs) || nowMs - renewedMs <= LEASE_STALE_MS) return [];
  return [
    {
      ...{ code: 'DOC-403', severity: 'warning', subject: `node/${nameOf(seen)}` },
      message: 'A node is silent: it counts as Ready, but its Lease is not renewed.',
      evidence: `renewed ${Math.round((nowMs - renewedMs) / 1000)} s ago`,
      remedy: 'look at the kubelet (systemctl status kubelet), its way to the API server, and the clocks of both',
    },
  ];
}

function checkName(seen: SeenNode): Finding[] {
  const name = nameOf(seen);
  const hostName = seen.node.status?.addresses?.find(({ type }) => type === 'Hostname')?.address;
  if (hostName !== undefined && hostName !== hostName.toLowerCase())
    return [
      {
        ...{ code: 'DOC-404', severity: 'warning', subject: `node/${name}` },
        message: "A host's name has capital letters; the node's name has not, and certificates for it are refused.",
        evidence: `Hostname ${hostName}`,
        remedy: `on the node: hostnamectl set-hostname ${shellWord(hostName.toLowerCase())} && systemctl restart kubelet`,
      },
    ];
  if (hostName === undefined || hostName === name || hostName.split('.')[0] === name.split('.')[0]) return [];
  return [
    {
      ...{ code: 'DOC-405', severity: 'info', subject: `node/${name}` },
      message: 'A node is known by another name than its host has; kube-proxy and the CNI must be told the same name.',
      ...{ evidence: `Hostname ${hostName}`, remedy: 'give kube-proxy the same --hostname-override as the kubelet' },
    },
  ];
}

function checkPressure(seen: SeenNode): Finding[] {
  return ['MemoryPressure', 'DiskPressure', 'PIDPressure', 'NetworkUnavailable'].flatMap((type) => {
    const condition = conditionOf(seen, type);
    if (condition?.status !== 'True') return [];
    return [
      {
        ...{ code: 'DOC-406', severity: 'warning', subject: `node/${nameOf(seen)}` },
        message: `A node has ${type}.`,
        ...{ evidence: `${condition.reason ?? ''}: ${condition.message ?? ''}`, remedy: `kubectl describe node ${nameOf(seen)}` },
      } satisfies Finding,
    ];
  });
}

/** Several nodes behind one router have its address as their ExternalIP, and one host may have several names outside. */
const OWN_ADDRESSES = new Set(['InternalIP', 'InternalDNS']);

function checkSharedAddresses({ nodes = [] }: Observations): Finding[] {
  const owners = new Map<string, string[]>();
  for (const seen of nodes)
    for (const address of new Set(
      (seen.node.status?.addresses ?? []).filter(({ type }) => OWN_ADDRESSES.has(type ?? '')).map((each) => each.address ?? ''),
    ))
      owners.set(address, [...(owners.get(address) ?? []), nameOf(seen)]);
  return [...owners].flatMap(([address, names]) =>
    names.length < 2
      ? []
      : [
          {
            ...{ code: 'DOC-407', severity: 'error', subject: `address/${address}` },
            message: 'Two nodes have the same address: one of them gets what is meant for the other.',
            evidence: names.slice(0, 5).join(', '),
            remedy: 'give each kubelet its own --node-ip; delete the Node that is gone: kubectl delete node NAME',
          } satisfies Finding,
        ],
  );
}

export const checkVersions: Check = ({ nodes = [], serverVersion }) => {
  const server = minorOf(serverVersion);
  if (!server) return [];
  return nodes.flatMap((seen): Finding[] => {
    const version = seen.node.status?.nodeInfo?.kubeletVersion;
    const own = minorOf(version);
    if (!own || own.major !== server.major) return [];
    const subject = `node/${nameOf(seen)}`;
    const evidence = `kubelet ${version}, API server ${serverVersion}`;
    if (own.minor > server.minor)
      return [
        {
          ...{ code: 'DOC-408', severity: 'error', subject, evidence },
          message: 'A kubelet is newer than the API server, which no release supports.',
          remedy: 'upgrade the API server first, or put the older kubelet back',
        } satisfies Finding,
      ];
    // Since 1.28 three minors behind are supported (kubernetes.io/releases/version-skew-policy).
    if (server.minor - own.minor > 3)
      return [
        {
          ...{ code: 'DOC-409', severity: 'warning', subject, evidence },
          message: 'A kubelet is more than three minor versions older than the API server.',
          remedy: 'upgrade the kubelet',
        } satisfies Finding,
      ];
    return [];
  });
};

function minorOf(version: string | undefined): { major: number; minor: number } | undefined {
  const [, major, minor] = /^v(\d+)\.(\d+)/.exec(version ?? '') ?? [];
  return major === undefined ? undefined : { major: Number(major), minor: Number(minor) };
}

export const checkLeaders: Check = ({ leaders, nowMs }) =>
  ['kube-controller-manager', 'kube-scheduler'].flatMap((name) => {
    const spec = leaders?.get(name)?.spec;
    const renewedMs = Date.parse(spec?.renewTime ?? '');
    const limitMs = 3 * 1000 * (spec?.leaseDurationSeconds ?? 15);
    if (Number.isNaN(renewedMs) || nowMs - renewedMs <= limitMs) return [];
    return [
      {
        ...{ code: 'DOC-410', severity: 'error', subject: `lease/kube-system/${name}` },
        message: `No ${name} leads: ${name === 'kube-scheduler' ? 'pods are not placed' : 'no certificate is signed, no node is watched'}.`,
        evidence: `${spec?.holderIdentity || 'nobody'} renewed it ${fromNow(renewedMs, nowMs)}`,
        remedy: `start ${name} again and look at its log`,
      } satisfies Finding,
    ];
  });
