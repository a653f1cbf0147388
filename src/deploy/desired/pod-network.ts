import type { Inventory } from '../../api/config/v1/inventory.ts';
import { textFile } from './files.ts';
import type { FileStep } from './step.ts';

/** Where the runtime finds the network of pods. */
export const cniFile = ({ name }: Inventory) => `/etc/cni/net.d/10-${name}.conflist`;

/**
 * Pods on a bridge of their host, with addresses of the node's range. Routes between hosts are the user's network's: it knows the ranges
 * from the nodes (`spec.podCIDRs`).
 */
export function bridgeFile(inventory: Inventory, podCidrs: readonly string[]): FileStep {
  const conflist = {
    cniVersion: '0.4.0',
    name: inventory.name,
    plugins: [
      {
        type: 'bridge',
        bridge: 'cni0',
        isGateway: true,
        ipMasq: true,
        hairpinMode: true,
        ipam: { type: 'host-local', ranges: podCidrs.map((subnet) => [{ subnet }]), routes: [{ dst: '0.0.0.0/0' }] },
      },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  };
  return textFile(cniFile(inventory), `${JSON.stringify(conflist, null, 2)}\n`);
}
