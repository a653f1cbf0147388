import type { Plugin } from '../framework/plugin.ts';

/**
 * Devices that pods claim (`spec.resourceClaims`) are allocated by nobody here: such a pod waits and is told why, instead of running
 * without them.
 */
export const dynamicResources: Plugin = {
  name: 'DynamicResources',
  planFilter({ pod: { pod } }) {
    if (!pod.spec?.resourceClaims?.length) return undefined;
    const names = pod.spec.resourceClaims.map(({ name }) => JSON.stringify(name)).join(', ');
    const reason = `dynamic resource allocation is not supported: the resource claims ${names} of the pod cannot be allocated`;
    return { refusesAll: { reasons: [reason], unresolvable: true } };
  },
  mayHelp: () => false,
};
