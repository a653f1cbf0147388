import type { Inventory, InventoryHost } from '../../api/config/v1/inventory.ts';
import { listeningPorts } from '../inventory/check-ports.ts';
import { directory, inPhase, KUBERNETES_DIRECTORY, textFile } from './files.ts';
import type { Step, StepAction } from './step.ts';

/** Below it the kernel takes no port for a connection. */
const FIRST_LOCAL_PORT = 1024;

/** Of every host; keys that a kernel lacks are left out there and told. */
export const SYSCTLS: Readonly<Record<string, string>> = {
  'kernel.sysrq': '0',
  'kernel.core_uses_pid': '1',
  'kernel.msgmnb': '65536',
  'kernel.msgmax': '65536',
  'kernel.shmmax': '68719476736',
  'kernel.shmall': '4294967296',
  'fs.file-max': '1000000',
  'vm.max_map_count': '500000',
  'net.bridge.bridge-nf-call-iptables': '1',
  'net.core.netdev_max_backlog': '32768',
  'net.core.somaxconn': '32768',
  'net.core.wmem_default': '8388608',
  'net.core.rmem_default': '8388608',
  'net.core.wmem_max': '16777216',
  'net.core.rmem_max': '16777216',
  'net.ipv4.ip_forward': '1',
  'net.ipv4.tcp_max_syn_backlog': '65536',
  'net.ipv4.tcp_syncookies': '1',
  'net.ipv4.tcp_timestamps': '0',
  'net.ipv4.tcp_synack_retries': '2',
  'net.ipv4.tcp_syn_retries': '2',
  'net.ipv4.tcp_tw_recycle': '1',
  'net.ipv4.tcp_tw_reuse': '1',
  'net.ipv4.tcp_max_tw_buckets': '300000',
  'net.ipv4.tcp_mem': '94500000 915000000 927000000',
  'net.ipv4.tcp_max_orphans': '3276800',
  'net.ipv4.tcp_keepalive_time': '1200',
  'net.ipv4.tcp_keepalive_intvl': '30',
  'net.ipv4.tcp_keepalive_probes': '3',
  'net.ipv4.tcp_fin_timeout': '30',
  'net.ipv4.icmp_echo_ignore_all': '0',
  'net.ipv4.ip_local_port_range': `${FIRST_LOCAL_PORT} 65535`,
  'net.ipv4.conf.all.rp_filter': '0',
  'net.ipv4.conf.default.rp_filter': '0',
  'net.ipv4.conf.default.accept_source_route': '0',
  'net.ipv4.conf.lo.arp_announce': '2',
  'net.ipv4.conf.all.arp_announce': '2',
  'net.ipv6.conf.all.disable_ipv6': '1',
  'net.ipv6.conf.all.accept_redirects': '1',
};

/** Ports that the components listen on lie in the range above, of which the kernel takes them for connections. */
const RESERVED = 'net.ipv4.ip_local_reserved_ports';
/** Breaks clients behind NAT; newer kernels know it no more. */
const HARMFUL = 'net.ipv4.tcp_tw_recycle';

export const SYSCTL_FILE = '/etc/sysctl.d/99-kubernetes.conf';
const MODULES = ['br_netfilter', 'overlay'];

/** All keys that may be set, the reserved ports among them. */
export function sysctlsOf(inventory: Inventory): ReadonlyMap<string, string> {
  if (inventory.preparation.sysctl === 'skip') return new Map();
  const ports = listeningPorts(inventory).filter((port) => port >= FIRST_LOCAL_PORT);
  const reserved = `${joinRuns(ports)},${inventory.network.nodePorts}`;
  return new Map([...Object.entries(SYSCTLS).filter(([key]) => key !== HARMFUL), [RESERVED, reserved]]);
}

/** As the kernel prints it: `10248-10250,10256`. */
function joinRuns(ports: readonly number[]): string {
  const runs: [number, number][] = [];
  for (const port of ports) {
    const last = runs.at(-1);
    if (last && last[1] + 1 === port) last[1] = port;
    else runs.push([port, port]);
  }
  return runs.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(',');
}

/** What is to stand still, unless the inventory keeps it: kube-proxy takes over its rules. */
export const FIREWALL_UNIT = 'firewalld.service';

/** What every host is before anything is installed. @param known the keys that its kernel has */
export function preparationSteps(inventory: Inventory, host: InventoryHost, known: ReadonlySet<string>): Step[] {
  const { preparation, kubelet, pki, etcd, distribution } = inventory;
  const has = (role: InventoryHost['roles'][number]) => host.roles.includes(role);
  const sysctls = [...sysctlsOf(inventory)].filter(([key]) => known.has(key));
  const steps: StepAction[] = [
    ...(preparation.swap === 'off' && has('worker') ? [{ type: 'swap-off' } as const] : []),
    ...(preparation.firewalld === 'off' ? [{ type: 'stopped', name: FIREWALL_UNIT } as const] : []),
    ...MODULES.map((name) => ({ type: 'module', name }) as const),
    textFile('/etc/modules-load.d/kubernetes.conf', `${MODULES.join('\n')}\n`),
    ...(sysctls.length > 0
      ? [
          textFile(SYSCTL_FILE, `${sysctls.map(([key, value]) => `${key} = ${value}`).join('\n')}\n`),
          ...sysctls.map(([key, value]) => ({ type: 'sysctl', key, value }) as const),
        ]
      : []),
    ...(has('master') ? [{ type: 'account', name: 'kube', id: preparation.accountId } as const] : []),
    ...(has('etcd') ? [{ type: 'account', name: 'etcd' } as const] : []),
    directory(KUBERNETES_DIRECTORY),
    ...(has('master') || has('worker') ? [directory(pki.directory)] : []),
    ...(has('etcd')
      ? [
          directory(etcd.directory),
          directory(`${etcd.directory}/ssl`),
          directory(etcd.dataDirectory, { mode: 0o700, owner: 'etcd', group: 'etcd' }),
        ]
      : []),
    ...(has('master') ? [directory('/var/log/kubernetes', { owner: 'kube', group: 'kube', mode: 0o750 })] : []),
    ...(has('worker')
      ? [
          directory(kubelet.rootDirectory, { mode: 0o700, label: 'svirt_sandbox_file_t' }),
          directory(`${KUBERNETES_DIRECTORY}/manifests`),
          // What network plugins remember of pods: ours if it is made here.
          directory('/var/lib/cni', { mode: 0o700 }),
          // What pods said, which outlives them.
          directory('/var/log/pods'),
          ...(distribution.type === 'upstream' ? [directory('/var/log/containers')] : []),
        ]
      : []),
  ];
  return inPhase('prepare', steps);
}
