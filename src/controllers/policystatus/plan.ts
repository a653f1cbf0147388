import type { V1ValidatingAdmissionPolicySpec } from '../../api/gen/types.ts';

/** So many types are checked for one rule. */
const MOST_TYPES = 10;

export interface ResourceName {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
}

const named = (values: readonly string[] = []) => (values.some((value) => value.includes('*')) ? [] : values.toSorted());

/** The resources that a policy names in full: nothing is known of the types that a `*` stands for, and of subresources' objects. */
export function resourcesToCheck({ matchConstraints }: V1ValidatingAdmissionPolicySpec): ResourceName[] {
  const all = new Map<string, ResourceName>();
  for (const { apiGroups, apiVersions, resources = [] } of matchConstraints?.resourceRules ?? []) {
    const plain = resources.filter((resource) => !/[*/]/.test(resource)).sort();
    const found = named(apiGroups).flatMap((group) =>
      named(apiVersions).flatMap((version) => plain.map((resource) => ({ group, version, resource }))),
    );
    for (const each of found.slice(0, MOST_TYPES)) all.set(`${each.group}/${each.version}/${each.resource}`, each);
  }
  return [...all.values()];
}

/** Where the API server has the document of a group's version. */
export const openApiPath = (group: string, version: string) =>
  group ? `/openapi/v3/apis/${group}/${version}` : `/openapi/v3/api/${version}`;
