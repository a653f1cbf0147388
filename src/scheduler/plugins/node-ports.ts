import { type HostPort, hostPortsOf } from '../node-info.ts';
import type { FilterPlugin } from '../plugin.ts';

/** Two host ports clash when protocol and port are equal and the addresses are, or one is every address. */
function clash(a: HostPort, b: HostPort): boolean {
  return a.port === b.port && a.protocol === b.protocol && (a.ip === b.ip || a.ip === '0.0.0.0' || b.ip === '0.0.0.0');
}

export const nodePorts: FilterPlugin = {
  name: 'NodePorts',
  filter({ pod }, { hostPorts }) {
    const wanted = hostPortsOf(pod);
    const taken = wanted.some((port) => hostPorts.some((used) => clash(port, used)));
    return taken ? ["node(s) didn't have free ports for the requested pod ports"] : [];
  },
};
