import { countOf } from '../machinery/resource-list.ts';
import { countName, type QuotaEvaluator } from './evaluator.ts';

/** What some kinds were counted as before every kind could be (pkg/quota/v1/evaluator/core/registry.go). */
const LEGACY_NAMES: ReadonlySet<string> = new Set(['configmaps', 'resourcequotas', 'replicationcontrollers', 'secrets']);

/** Counts objects of a kind that is not measured otherwise, custom resources among them. */
export function createObjectCount(group: string, resource: string): QuotaEvaluator {
  const names = [countName({ group, resource }), ...(group === '' && LEGACY_NAMES.has(resource) ? [resource] : [])];
  const usage = new Map(names.map((name) => [name, countOf(1)]));
  return {
    group,
    resource,
    handles: ({ operation, subresource }) => operation === 'CREATE' && subresource === '',
    matchingResources: (asked) => [...asked].filter((name) => usage.has(name)),
    usage: () => usage,
  };
}
