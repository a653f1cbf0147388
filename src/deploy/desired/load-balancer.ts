import type { Inventory, InventoryHost } from '../../api/config/v1/inventory.ts';
import { hostPort, inPhase, textFile } from './files.ts';
import { type FileStep, fingerprintOf, type Step } from './step.ts';
import { unitFile } from './units.ts';

const HAPROXY = '/etc/haproxy/haproxy.cfg';
const KEEPALIVED = '/etc/keepalived/keepalived.conf';

/** The service of `muster lb`. */
export const BALANCER_UNIT = 'muster-lb';

/** Whether a host has a balancer of its own, by which all that runs on it reaches the API servers. */
export const hasBalancer = ({ endpoint }: Inventory, { roles }: InventoryHost): boolean =>
  endpoint.loadBalancer === 'muster' && (roles.includes('master') || roles.includes('worker'));

/** The services of the way to the API servers on a host. */
export function balancerUnits(inventory: Inventory, host: InventoryHost): string[] {
  if (hasBalancer(inventory, host)) return [BALANCER_UNIT];
  const { loadBalancer } = inventory.endpoint;
  return loadBalancer === 'haproxy' && host.roles.includes('master') ? ['haproxy', 'keepalived'] : [];
}

/** The balancer of a host. Whoever may use the host may connect; who may do what is the API servers' affair. */
export function ownBalancerSteps(inventory: Inventory, host: InventoryHost, executable: FileStep): Step[] {
  if (!hasBalancer(inventory, host)) return [];
  const { endpoint, apiServer, distribution } = inventory;
  const servers = mastersOf(inventory).map((master) => `--server=${hostPort(master.address, apiServer.port)}`);
  const words = [`${distribution.directory}/muster`, 'lb', `--listen=${hostPort(endpoint.address, endpoint.port)}`, ...servers];
  const unit = unitFile({
    name: BALANCER_UNIT,
    description: 'Way to the API servers',
    after: ['network-online.target'],
    service: [
      'DynamicUser=yes',
      'Type=notify',
      // Only root may speak to systemd in another's name, and this is not root.
      'NotifyAccess=all',
      `ExecStart=${words.join(' \\\n  ')}`,
      'Restart=always',
      'RestartSec=1',
      'LimitNOFILE=65536',
    ],
  });
  return [
    ...inPhase('install', [unit]),
    ...inPhase('load-balancer', [
      { type: 'unit', name: `${BALANCER_UNIT}.service`, fingerprint: fingerprintOf([executable, unit]) },
    ]),
  ];
}

/**
 * A master's part of the way to the API servers: haproxy spreads connections over those that answer, keepalived gives the virtual address to
 * one master whose haproxy runs.
 *
 * @param device of the host's address; undefined while the host has not been looked at
 */
export function loadBalancerSteps(inventory: Inventory, host: InventoryHost, device: string | undefined): Step[] {
  if (inventory.endpoint.loadBalancer !== 'haproxy' || !host.roles.includes('master')) return [];
  const proxy = textFile(HAPROXY, haproxyText(inventory));
  // Two open files for each connection: haproxy takes as many as it may.
  const limits = textFile('/etc/systemd/system/haproxy.service.d/muster.conf', '[Service]\nLimitNOFILE=65536\n');
  const address = textFile(KEEPALIVED, keepalivedText(inventory, host, device ?? ''));
  // Debian's unit leaves one that was killed as it is: with the last of them the address would be gone.
  const restarts = textFile('/etc/systemd/system/keepalived.service.d/muster.conf', '[Service]\nRestart=always\nRestartSec=1\n');
  return [
    ...inPhase('install', [proxy, limits, address, restarts]),
    ...inPhase('load-balancer', [
      { type: 'unit', name: 'haproxy.service', fingerprint: fingerprintOf([proxy, limits]) },
      { type: 'unit', name: 'keepalived.service', fingerprint: fingerprintOf([address, restarts]) },
    ]),
  ];
}

const mastersOf = ({ hosts }: Inventory) => hosts.filter(({ roles }) => roles.includes('master'));

/** TLS goes through as it is. Watches are quiet for long. */
function haproxyText(inventory: Inventory): string {
  const { endpoint, apiServer } = inventory;
  const servers = mastersOf(inventory).map(({ name, address }) => `  server ${name} ${address}:${apiServer.port} check`);
  return `# Made by muster deploy.
global
  log stdout format raw local0 notice

defaults
  mode tcp
  log global
  option dontlognull
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  timeout check 5s

frontend kube-apiserver
  bind *:${endpoint.port}
  default_backend kube-apiservers

backend kube-apiservers
  balance leastconn
  option ssl-hello-chk
  default-server inter 2s fall 2 rise 2 on-marked-down shutdown-sessions
${servers.join('\n')}
`;
}

/** Told to the others by name and not by multicast, which many networks drop. The first master has the address while all is well. */
function keepalivedText(inventory: Inventory, host: InventoryHost, device: string): string {
  const masters = mastersOf(inventory);
  const { address } = inventory.endpoint;
  const others = masters.filter(({ name }) => name !== host.name);
  return `# Made by muster deploy.
global_defs {
  enable_script_security
  script_user root
}

vrrp_script haproxy {
  script "/bin/systemctl is-active --quiet haproxy.service"
  interval 2
  fall 2
  rise 2
}

vrrp_instance kube-apiserver {
  state BACKUP
  interface ${device}
  virtual_router_id ${routerIdOf(address)}
  priority ${Math.max(1, 200 - masters.findIndex(({ name }) => name === host.name))}
  advert_int 1
  unicast_src_ip ${host.address}
  unicast_peer {
${others.map((other) => `    ${other.address}`).join('\n')}
  }
  virtual_ipaddress {
    ${address}/32 dev ${device}
  }
  track_script {
    haproxy
  }
}
`;
}

/** From 1 to 255; clusters on one network that differ in their address's last part do not meet. */
function routerIdOf(address: string): number {
  const last = Number(address.split('.').at(-1));
  return last >= 1 && last <= 255 ? last : 51;
}
