/** Units as guides spell them wrongly: what stands in them, and what it does in the end. */

import { shellWord } from '../../std/shell-word.ts';
import type { Finding } from '../finding.ts';
import type { HostObservations, HostUnit } from '../observations.ts';
import type { Check } from './check.ts';

export const checkUnits: Check = ({ hosts, tokens = [] }) => {
  const mayJoin = tokens.some(({ usages }) => usages.includes('authentication'));
  return [...hosts.flatMap((host) => checkHost(host, mayJoin)), ...sameNames(hosts)];
};

const file = ({ prefix }: HostObservations, path: string) => `file/${prefix}${path}`;

function checkHost(host: HostObservations, hasTokens: boolean): Finding[] {
  const counting = host.units.filter((unit) => host.units.find(({ component }) => component === unit.component) === unit);
  return [
    ...counting.flatMap((unit) => [
      ...oddFlags(unit, host),
      ...relativePaths(unit, host),
      ...missingUnits(unit, host),
      ...switchedOff(unit, host),
      ...(hasTokens ? withoutTokens(unit, host) : []),
    ]),
    ...unreadable(host),
    ...administrators(host),
    ...workDirectory(host),
    ...localPorts(host),
  ];
}

/** API servers that take no bootstrap tokens, where there are some. */
function withoutTokens({ component, path, flags, whole }: HostUnit, host: HostObservations): Finding[] {
  const value = flags.get('enable-bootstrap-token-auth');
  if (component !== 'kube-apiserver' || !whole || /^(1|t|true|)$/i.test(value ?? 'false')) return [];
  return [
    {
      ...{ code: 'DOC-827', severity: 'error', subject: file(host, path) },
      message: 'There are bootstrap tokens, and an API server that takes none: whoever joins with one is answered 401.',
      evidence: value === undefined ? 'there is no --enable-bootstrap-token-auth' : `--enable-bootstrap-token-auth=${value}`,
      remedy: 'add --enable-bootstrap-token-auth=true; then: systemctl daemon-reload, systemctl restart kube-apiserver',
    },
  ];
}

/** Controllers without which no node gets its certificate: their names before Kubernetes 1.28, which still hold, and since. */
const JOINING = [
  ['csrapproving', 'certificatesigningrequest-approving-controller'],
  ['csrsigning', 'certificatesigningrequest-signing-controller'],
] as const;

function switchedOff({ component, path, flags, whole }: HostUnit, host: HostObservations): Finding[] {
  const words = flags.get('controllers')?.split(',') ?? ['*'];
  const off = JOINING.flatMap((names) => {
    const without = names.find((name) => words.includes(`-${name}`));
    return without ?? (['*', ...names].some((name) => words.includes(name)) ? [] : names[0]);
  });
  if (component !== 'kube-controller-manager' || !whole || off.length === 0) return [];
  return [
    {
      ...{ code: 'DOC-828', severity: 'error', subject: file(host, path) },
      message: 'A controller-manager does not run controllers without which no node gets its certificate.',
      evidence: `--controllers=${flags.get('controllers')}: no ${off.join(', ')}`,
      remedy: `let --controllers begin with "*" and not have ${off.map((name) => `-${name}`).join(', ')}; then: systemctl daemon-reload, systemctl restart kube-controller-manager`,
    },
  ];
}

/** Flags that no release has, that are gone, or that do nothing; and what is meant. */
const ODD_FLAGS: Readonly<Record<string, string>> = {
  '* kubeletconfig': 'there is no such flag; --kubeconfig is meant',
  '* embed-cert': 'there is no such flag; --embed-certs of kubectl config is meant',
  'kube-apiserver admission-control': 'it is gone since Kubernetes 1.24: --enable-admission-plugins',
  'kube-controller-manager pod-eviction-timeout':
    'it has no effect where pods are evicted by taints, and is gone since 1.27: --default-not-ready-toleration-seconds of kube-apiserver counts',
  'kubelet cadvisor-port': 'it is gone since 1.12: /metrics/cadvisor on :10250',
  'kubelet allow-privileged': 'it is gone since 1.15, and its kubelets do not start with it',
};

function oddFlags({ component, flags, path }: HostUnit, host: HostObservations): Finding[] {
  return [...flags.keys()].flatMap((flag): Finding[] => {
    const why = ODD_FLAGS[`${component} ${flag}`] ?? ODD_FLAGS[`* ${flag}`];
    if (why === undefined) return [];
    return [
      {
        ...{ code: 'DOC-815', severity: 'warning', subject: file(host, path) },
        message: 'A unit has a flag that does not exist, is gone, or does nothing.',
        ...{ evidence: `--${flag}: ${why}`, remedy: `take --${flag} out; then: systemctl daemon-reload, restart` },
      },
    ];
  });
}

const NAMES_FILE = /(^|-)(kubeconfig|config|file|certfile|keyfile|cafile)$/;

function relativePaths({ component, flags, path }: HostUnit, host: HostObservations): Finding[] {
  return [...flags].flatMap(([flag, value]): Finding[] =>
    NAMES_FILE.test(flag) && /^[A-Za-z0-9_.][^$%]*$/.test(value)
      ? [
          {
            ...{ code: 'DOC-818', severity: 'error', subject: file(host, path) },
            message: 'A unit names a file without its directory: systemd starts programs in /, where it is not.',
            ...{ evidence: `${component} --${flag}=${value}`, remedy: 'write the whole path, as in /etc/kubernetes/…' },
          },
        ]
      : [],
  );
}

/** Only of the old network scripts, which most systems have not. */
const RARE_UNITS = new Set(['network.service']);

function missingUnits({ path, requires }: HostUnit, host: HostObservations): Finding[] {
  return requires
    .filter((unit) => RARE_UNITS.has(unit))
    .map((unit) => ({
      ...{ code: 'DOC-819', severity: 'warning', subject: file(host, path) },
      message: 'A unit requires another one that only systems with the old network scripts have: elsewhere it does not start.',
      ...{ evidence: `Requires=${unit}`, remedy: 'After=network-online.target and Wants=network-online.target instead' },
    }));
}

function unreadable(host: HostObservations): Finding[] {
  return host.unreadable.map(({ path, why }) => ({
    ...{ code: 'DOC-816', severity: 'error', subject: file(host, path) },
    message: 'A file of settings is no YAML: one reader takes it, another one does not.',
    ...{ evidence: why, remedy: 'correct that line; a comment begins with a blank and #, quotes come in pairs' },
  }));
}

/** A kubelet's kubeconfig and certificates are of system:nodes; what guides call kubelet.pem often is the administrator's. */
function administrators(host: HostObservations): Finding[] {
  return host.certificates
    .filter(({ where, subject }) => /kubelet[^/]*$/.test(where) && subject.split(', ').includes('O=system:masters'))
    .filter(({ where }) => !/kubelet-client[^/]*$/.test(where) || /\/var\/lib\/kubelet\//.test(where))
    .map(({ where, subject }) => ({
      ...{ code: 'DOC-817', severity: 'warning', subject: `certificate/${where}` },
      message: 'A certificate that is named for the kubelet has all rights on the cluster.',
      evidence: subject,
      remedy: 'kubelets get theirs by bootstrap (O=system:nodes); keep the administrator’s under another name, and not on nodes',
    }));
}

function workDirectory(host: HostObservations): Finding[] {
  const { workDirectory: work, units } = host;
  const user = units.find(({ component }) => component === 'kubelet')?.user ?? 'root';
  if (!work || work.owner === user || work.owner === 'root') return [];
  const path = shellWord(work.path);
  return [
    {
      ...{ code: 'DOC-821', severity: 'warning', subject: file(host, work.path) },
      message:
        'The kubelet’s directory belongs to another user than the kubelet runs as: he can put certificates and pods there.',
      ...{ evidence: `${work.mode} ${work.owner} ${work.path}`, remedy: `chown ${shellWord(user)} ${path}; chmod 700 ${path}` },
    },
  ];
}

const KUBELET_PORT = 10250;
const NODE_PORTS = '30000-32767';

function localPorts(host: HostObservations): Finding[] {
  const { localPorts: local, units } = host;
  // What somebody has left out by hand is not judged.
  if (local?.reserved !== '' || units.length === 0) return [];
  const server = units.find(({ component }) => component === 'kube-apiserver');
  const [first = 0, last = 0] = (server?.flags.get('service-node-port-range') || NODE_PORTS).split('-').map(Number);
  const takesOwn = local.from <= KUBELET_PORT && KUBELET_PORT <= local.to;
  const takesNodePorts = local.from <= first && last <= local.to;
  if (!takesOwn && !takesNodePorts) return [];
  return [
    {
      ...{ code: 'DOC-820', severity: 'info', subject: `host/${host.hostName}` },
      message: 'Outgoing connections take ports that components and Services listen on: one of them may not start, now and then.',
      evidence: `net.ipv4.ip_local_port_range ${local.from} ${local.to}`,
      remedy: `sysctl -w net.ipv4.ip_local_reserved_ports=6443,2379-2380,10248-10259,${first}-${last}`,
    },
  ];
}

function sameNames(hosts: readonly HostObservations[]): Finding[] {
  const byName = new Map<string, HostObservations[]>();
  for (const host of hosts) {
    const name = host.units.find(({ component }) => component === 'kubelet')?.flags.get('hostname-override');
    if (name && /^[A-Za-z0-9.-]+$/.test(name)) byName.set(name, [...(byName.get(name) ?? []), host]);
  }
  return [...byName].flatMap(([name, group]): Finding[] => {
    const machines = [...new Set(group.map(({ hostName }) => hostName))];
    if (machines.length < 2) return [];
    return [
      {
        ...{ code: 'DOC-814', severity: 'error', subject: `node/${name}` },
        message:
          'Several hosts give their kubelets one name: they overwrite each other’s Node and are refused each other’s certificates.',
        evidence: `--hostname-override=${name} on ${machines.join(', ')}`,
        remedy: 'give each its own name; on all but one remove the kubelet’s certificates and kubeconfig, and let it join anew',
      },
    ];
  });
}
