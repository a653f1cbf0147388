/** The virtual address that a document presupposes: haproxy and keepalived on the masters, as `muster deploy` sets them up. */
import { loadBalancerSteps } from '../../src/deploy/desired/load-balancer.ts';
import { readInventory } from '../../src/deploy/inventory/read-inventory.ts';
import type { SystemdHost } from '../harness/systemd-hosts.ts';

export interface VirtualAddress {
  readonly address: string;
  readonly port: number;
  readonly masters: readonly SystemdHost[];
}

/** What sets it up on one master. */
export async function loadBalancerLines({ address, port, masters }: VirtualAddress, master: SystemdHost): Promise<string> {
  const inventory = await readInventory(
    JSON.stringify({
      apiVersion: 'config.muster.dev/v1',
      kind: 'Inventory',
      endpoint: { address, port, loadBalancer: 'haproxy' },
      hosts: masters.map((host) => ({ name: host.name, address: host.address, roles: ['etcd', 'master'] })),
    }),
  );
  const host = inventory.hosts.find(({ name }) => name === master.name)!;
  const files = loadBalancerSteps(inventory, host, 'eth0').flatMap((step) => (step.type === 'file' ? [step] : []));
  return `
${files.map(({ path, content }) => `mkdir -p $(dirname ${path})\ncat > ${path} <<'EOF'\n${Buffer.from(content.bytes)}EOF`).join('\n')}
systemctl daemon-reload
systemctl enable --now haproxy keepalived 2>&1
`;
}
