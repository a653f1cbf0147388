import { hostPortsClash, hostPortsOf } from '../../api/core/v1/host-ports.ts';
import type { FilterPlugin } from '../plugin.ts';

export const nodePorts: FilterPlugin = {
  name: 'NodePorts',
  filter({ pod }, { hostPorts }) {
    const wanted = hostPortsOf(pod);
    const taken = wanted.some((port) => hostPorts.some((used) => hostPortsClash(port, used)));
    return taken ? ["node(s) didn't have free ports for the requested pod ports"] : [];
  },
};
