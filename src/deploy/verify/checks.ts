import type { Inventory, InventoryHost } from '../../api/config/v1/inventory.ts';
import { CodedError } from '../../std/coded-error.ts';
import { visibleLine } from '../../std/visible-text.ts';
import { DNS_USER } from '../desired/cluster-dns.ts';
import { balancerUnits } from '../desired/load-balancer.ts';
import { asksForServing, KUBELET_KUBECONFIG } from '../desired/node.ts';
import { packetServices } from '../desired/pod-network.ts';
import { type Span, wrongClocks } from '../facts/clocks.ts';
import type { HostPlan } from '../plan/plan.ts';
import type { Change } from '../plan/plan-host.ts';

/** One thing that holds of a cluster, or does not. */
export interface Check {
  /** What is looked at, in words. */
  readonly title: string;
  readonly holds: boolean;
  /** What was found: why it does not hold, or what holds. */
  readonly found: string;
}

/** What one host says of itself. */
export interface HostState {
  readonly units: ReadonlyMap<string, { readonly active: string; readonly enabled: string; readonly process: string }>;
  readonly files: ReadonlyMap<string, string>;
  readonly links: ReadonlyMap<string, { readonly target: string; readonly there: boolean }>;
  /** `127.0.0.1:10248`. */
  readonly sockets: ReadonlySet<string>;
  /** Seconds since the epoch, by the host's clock. */
  readonly time: number;
}

/** What the API says. */
export interface ClusterState {
  readonly components: readonly { readonly name: string; readonly healthy: boolean; readonly message: string }[];
  readonly requests: readonly {
    readonly name: string;
    readonly requestor: string;
    readonly signer: string;
    readonly condition: string;
  }[];
  readonly nodes: ReadonlyMap<string, { readonly ready: boolean; readonly message: string }>;
}

/** Reads what the script of verify-script.ts printed. @throws CodedError FACTS_MALFORMED */
export function parseHostState(text: string): HostState {
  const lines = text.split('\n');
  if (lines.pop() !== '' || lines.pop() !== 'end')
    throw new CodedError("the host's answer is cut short", { code: 'FACTS_MALFORMED' });
  const state = {
    units: new Map<string, { active: string; enabled: string; process: string }>(),
    files: new Map<string, string>(),
    links: new Map<string, { target: string; there: boolean }>(),
    sockets: new Set<string>(),
    time: 0,
  };
  for (const line of lines) {
    const [what, name = '', one = '', two = '', three = ''] = line.split('\t');
    if (what === 'unit') state.units.set(name, { active: one, enabled: two, process: three });
    else if (what === 'file') state.files.set(name, one);
    else if (what === 'link') state.links.set(name, { target: one, there: two === 'there' });
    else if (what === 'socket') state.sockets.add(socketText(name));
    else if (what === 'time' && /^\d{1,12}$/.test(name)) state.time = Number(name);
    else
      throw new CodedError(`the host's answer cannot be read: line ${JSON.stringify(line.slice(0, 200))}`, {
        code: 'FACTS_MALFORMED',
      });
  }
  return state;
}

/** `0100007F:2808` of /proc/net/tcp: bytes of the address in the order of the machine, which is little-endian here. IPv6 stays as it is. */
function socketText(text: string): string {
  const [address = '', port = ''] = text.split(':');
  const number = Number.parseInt(port, 16);
  if (address.length !== 8) return `[${address}]:${number}`;
  return `${Buffer.from(address, 'hex').reverse().join('.')}:${number}`;
}

/** The services of a host. */
export const unitsOf = (inventory: Inventory, host: InventoryHost): string[] => [
  ...balancerUnits(inventory, host),
  ...(host.roles.includes('master') && inventory.network.dns === 'muster' ? [DNS_USER] : []),
  ...(host.roles.includes('etcd') ? ['etcd'] : []),
  ...(host.roles.includes('master') ? ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'] : []),
  ...(host.roles.includes('worker') ? ['kubelet', 'kube-proxy', ...packetServices(inventory)] : []),
];

/** What the runbooks look at on each host. A host that said nothing fails. */
export function checkHost(inventory: Inventory, host: InventoryHost, state: HostState | undefined): Check[] {
  const title = (what: string) => `${host.name}: ${what}`;
  if (!state) return [{ title: title('answers'), holds: false, found: 'it cannot be reached' }];
  const units = unitsOf(inventory, host).map((name): Check => {
    const unit = state.units.get(`${name}.service`);
    const found = `${unit?.active || 'missing'}, ${unit?.enabled || 'not enabled'}`;
    return { title: title(`service ${name} is active and enabled`), holds: found === 'active, enabled', found };
  });
  return host.roles.includes('worker') ? [...units, ...checkKubelet(inventory, host, state, title)] : units;
}

/** How much of what differs is told of a host; "plan" tells all. */
const MOST_TOLD = 4;

/**
 * Whether a host's files, settings and services are those of the inventory. Another program than would be installed now is not judged: a
 * newer one on the machine that deploys is no damage to the cluster.
 */
export function checkPlan({ distribution }: Inventory, { host, changes }: HostPlan): Check {
  const isProgram = ({ step }: Change) => step.type === 'file' && step.path.startsWith(`${distribution.directory}/`);
  const isOlder = changes.some(isProgram);
  const told = changes.filter((change) => !isProgram(change) && !(isOlder && change.action === 'restart'));
  const names = told.slice(0, MOST_TOLD).map(({ action, title }) => `${action} ${title}`);
  const more = told.length > MOST_TOLD ? [`${told.length - MOST_TOLD} more`] : [];
  const found = told.length === 0 ? 'nothing differs' : `"apply" would ${[...names, ...more].join(', ')}`;
  return { title: `${host}: files, settings and services are the inventory's`, holds: told.length === 0, found };
}

function checkKubelet(inventory: Inventory, host: InventoryHost, state: HostState, title: (what: string) => string): Check[] {
  const { pki, kubelet } = inventory;
  const pair = (which: 'client' | 'server'): Check => {
    const path = `${pki.directory}/kubelet-${which}-current.pem`;
    const link = state.links.get(path);
    const isOwn = new RegExp(`^${pki.directory.replaceAll('.', '\\.')}/kubelet-${which}-\\d{4}(-\\d{2}){5}\\.pem$`).test(
      link?.target ?? '',
    );
    const mode = state.files.get(link?.target ?? '');
    const found = link ? `-> ${link.target}, ${link.there ? (mode ?? 'of an unknown mode') : 'missing'}` : 'missing';
    const holds = isOwn && link?.there === true && mode === '600 root';
    const isOpen = link?.there === true && isOwn && mode !== undefined && !holds;
    return {
      title: title(`${path} leads to a certificate of mode 0600`),
      holds,
      found: isOpen ? `${found}; ${remedy(link.target, '600 root')}` : found,
    };
  };
  const mode = (path: string, wanted: string): Check => {
    const found = state.files.get(path);
    const holds = found === wanted;
    const told = found === undefined ? 'missing' : holds ? found : `${found}; ${remedy(path, wanted)}`;
    return { title: title(`${path} is ${wanted}`), holds, found: told };
  };
  const sockets = [`127.0.0.1:10248`, `${host.address}:10250`];
  const missing = sockets.filter((socket) => !state.sockets.has(socket));
  const process = state.units.get('kubelet.service')?.process ?? '';
  const readOnly = [...state.sockets].filter((socket) => socket.endsWith(':10255'));
  return [
    mode(KUBELET_KUBECONFIG, '600 root'),
    pair('client'),
    ...(kubelet.servingCertificate === 'self-signed'
      ? [mode(`${pki.directory}/kubelet.crt`, '644 root'), mode(`${pki.directory}/kubelet.key`, '600 root')]
      : asksForServing(inventory, host)
        ? [pair('server')]
        : []),
    {
      title: title(`the kubelet listens on ${sockets.join(' and ')}`),
      holds: missing.length === 0,
      found: missing.length === 0 ? 'both' : `not on ${missing.join(', ')}`,
    },
    { title: title('the process is called kubelet'), holds: process === 'kubelet', found: process || 'none' },
    { title: title('the read-only port 10255 is closed'), holds: readOnly.length === 0, found: readOnly.join(', ') || 'closed' },
  ];
}

/** The kubelet's own files are not apply's. @param wanted `600 root` */
function remedy(path: string, wanted: string): string {
  const [mode, owner] = wanted.split(' ');
  return `on the host: chown ${owner} ${path} && chmod ${mode} ${path}`;
}

/** Whether the clocks of the hosts that answered are one. */
export function checkClocks(times: ReadonlyMap<string, number>, askedAt: ReadonlyMap<string, Span>): Check[] {
  const wrong = wrongClocks(times, askedAt);
  const found = wrong.map(({ host, message }) => `${host}: ${message}`).join(', ');
  return [{ title: 'the clocks of all hosts agree', holds: wrong.length === 0, found: found || 'they do' }];
}

/** What the runbooks ask the API. */
export function checkCluster(inventory: Inventory, { components, requests, nodes }: ClusterState): Check[] {
  const workers = inventory.hosts.filter(({ roles }) => roles.includes('worker'));
  const members = inventory.hosts.filter(({ roles }) => roles.includes('etcd')).length;
  const component = (name: string): Check => {
    const found = components.find((one) => one.name === name);
    return { title: `component ${name} is healthy`, holds: found?.healthy === true, found: found?.message ?? 'missing' };
  };
  return [
    component('scheduler'),
    component('controller-manager'),
    ...Array.from({ length: Math.max(1, members) }, (_, i) => component(`etcd-${i}`)),
    ...workers.map(({ name }): Check => {
      const node = nodes.get(name);
      return { title: `node ${name} is Ready`, holds: node?.ready === true, found: node?.message ?? 'it has not joined' };
    }),
    checkRequests('client certificates were issued to bootstrap tokens', requests, 'kubernetes.io/kube-apiserver-client-kubelet'),
    ...(inventory.kubelet.servingCertificate === 'approved'
      ? [checkRequests('serving certificates were issued to nodes', requests, 'kubernetes.io/kubelet-serving')]
      : []),
  ];
}

/** Requests are cleaned away an hour after they were issued: none is well, one that waits is not. */
function checkRequests(title: string, requests: ClusterState['requests'], signer: string): Check {
  const open = requests.filter((request) => request.signer === signer && request.condition !== 'Approved,Issued');
  const found = open.map(({ name, requestor, condition }) => `${name} of ${requestor}: ${condition}`).join(', ');
  return { title, holds: open.length === 0, found: found || 'none waits' };
}

/** A line for each check; those that do not hold say what was found. */
export function formatChecks(checks: readonly Check[]): string {
  const failed = checks.filter(({ holds }) => !holds).length;
  const lines = checks.map(({ title, holds, found }) => visibleLine(holds ? `ok    ${title}` : `FAIL  ${title}: ${found}`));
  return `${[...lines, failed === 0 ? `all ${checks.length} checks hold` : `${failed} of ${checks.length} checks do not hold`].join('\n')}\n`;
}
