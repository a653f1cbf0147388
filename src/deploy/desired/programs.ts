import type { Inventory, InventoryHost } from '../../api/config/v1/inventory.ts';

/** What installs the packages of a bundle. */
export const PACKAGE_MANAGER = 'apt-get';

/** What makes access lists of files. */
export const ACL_PROGRAM = 'setfacl';
export const ACL_PACKAGE = 'acl';

/** Programs that a host must have, with the package that has them on Debian. */
export function programsOf(inventory: Inventory, { roles }: InventoryHost): ReadonlyMap<string, string> {
  const balances = inventory.endpoint.loadBalancer === 'haproxy' && roles.includes('master');
  return new Map([
    ['systemctl', 'systemd'],
    ...(balances
      ? ([
          ['haproxy', 'haproxy'],
          ['keepalived', 'keepalived'],
        ] as const)
      : []),
    ...(inventory.network.plugin === 'calico' && roles.includes('worker')
      ? ([
          ['bird', 'bird2'],
          ['birdc', 'bird2'],
        ] as const)
      : []),
    ['systemd-notify', 'systemd'],
    ['sha256sum', 'coreutils'],
    ...(roles.includes('etcd') ? ([[inventory.etcd.program, 'etcd-server']] as const) : []),
    ...(roles.includes('worker')
      ? ([
          ['mount', 'mount'],
          ['ip', 'iproute2'],
          ['iptables', 'iptables'],
          ['nft', 'nftables'],
          ['conntrack', 'conntrack'],
          ['modprobe', 'kmod'],
          ['containerd', 'containerd'],
          ['runc', 'runc'],
        ] as const)
      : []),
    // Without them kube-proxy would say so in its journal and use another mode.
    ...(roles.includes('worker') && usesIpvs(inventory)
      ? ([
          ['ipvsadm', 'ipvsadm'],
          ['ipset', 'ipset'],
        ] as const)
      : []),
  ]);
}

/** Whether kube-proxy is to lead to Services by IPVS. */
export const usesIpvs = (inventory: Inventory): boolean => inventory.kubeProxy.configuration['mode'] === 'ipvs';
