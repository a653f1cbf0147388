import type { FilterPlugin } from '../plugin.ts';

/** A pod that names its node fits no other. */
export const nodeName: FilterPlugin = {
  name: 'NodeName',
  filter({ pod }, { node }) {
    const wanted = pod.spec?.nodeName;
    return wanted && wanted !== node.metadata?.name ? ["node(s) didn't match the requested node name"] : [];
  },
};
