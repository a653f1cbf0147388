import type { V1Service } from '../gen/types.ts';
import { countOf } from '../machinery/resource-list.ts';
import type { QuotaEvaluator } from './evaluator.ts';

const NAMES: ReadonlySet<string> = new Set(['count/services', 'services', 'services.nodeports', 'services.loadbalancers']);

/** Services: how many, and what they take of the nodes' ports and of load balancers (pkg/quota/v1/evaluator/core/services.go). */
export const serviceEvaluator: QuotaEvaluator = {
  group: '',
  resource: 'services',
  // Updates too: a service's type may change.
  handles: ({ operation, subresource }) => subresource === '' && (operation === 'CREATE' || operation === 'UPDATE'),
  matchingResources: (names) => [...names].filter((name) => NAMES.has(name)),
  usage(object) {
    const service = object as unknown as V1Service;
    return new Map([
      ['count/services', countOf(1)],
      ['services', countOf(1)],
      ['services.nodeports', countOf(nodePorts(service))],
      ['services.loadbalancers', countOf(service.spec?.type === 'LoadBalancer' ? 1 : 0)],
    ]);
  },
};

/** Ports that are not given yet count as well. */
function nodePorts({ spec }: V1Service): number {
  const ports = spec?.ports ?? [];
  if (spec?.type === 'NodePort') return ports.length;
  if (spec?.type !== 'LoadBalancer') return 0;
  return spec.allocateLoadBalancerNodePorts === false ? ports.filter((port) => port.nodePort).length : ports.length;
}
