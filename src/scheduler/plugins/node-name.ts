import type { Plugin } from '../framework/plugin.ts';

const REFUSAL = { reasons: ["node(s) didn't match the requested node name"], unresolvable: true };

/** A pod that names its node fits no other. */
export const nodeName: Plugin = {
  name: 'NodeName',
  planFilter({ pod }) {
    const wanted = pod.pod.spec?.nodeName;
    return wanted ? { filter: ({ name }) => (name === wanted ? undefined : REFUSAL) } : undefined;
  },
  mayHelp: (event) => event.resource === 'Node' && event.action === 'add',
};
