import type { ScopeRequirement } from '../../../api/quota/evaluator.ts';

/** What may be used only where a quota covers it (apiserver/pkg/admission/plugin/resourcequota/apis, LimitedResource). */
export interface LimitedResource {
  readonly apiGroup: string;
  readonly resource: string;
  /** Parts of names of what is limited: `.storageclass.storage.k8s.io/requests.storage`. */
  readonly matchContains: readonly string[];
  readonly matchScopes: readonly ScopeRequirement[];
}

/** As Go prints the requirement. */
export function describeScope({ scopeName, operator, values = [] }: ScopeRequirement): string {
  return `{${scopeName} ${operator} [${values.join(' ')}]}`;
}
