import type { V1ValidatingAdmissionPolicySpec } from '../../api/gen/types.ts';

/** Once one rule has led to so many types, no more are looked for. */
export const MOST_TYPES = 10;

export interface ResourceName {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
}

const named = (values: readonly string[] = []) => (values.some((value) => value.includes('*')) ? [] : values.toSorted());

/** The resources that a policy names in full, rule by rule: nothing is known of the types that a `*` stands for, and of subresources' objects. */
export function resourcesToCheck({ matchConstraints }: V1ValidatingAdmissionPolicySpec): ResourceName[][] {
  return (matchConstraints?.resourceRules ?? []).map(({ apiGroups, apiVersions, resources = [] }) => {
    const plain = resources.filter((resource) => !/[*/]/.test(resource)).sort();
    return named(apiGroups).flatMap((group) =>
      named(apiVersions).flatMap((version) => plain.map((resource) => ({ group, version, resource }))),
    );
  });
}

export interface ApiResource {
  readonly name: string;
  readonly singularName?: string;
  readonly kind: string;
}

/** The kinds of a version that go by a resource's name, its plural or its singular. */
export const kindsNamed = (resources: readonly ApiResource[], wanted: string): string[] => [
  ...new Set(
    resources
      .filter(({ name, singularName, kind }) => !name.includes('/') && [name, singularName, kind.toLowerCase()].includes(wanted))
      .map(({ kind }) => kind),
  ),
];

/** Where the API server has the document of a group's version. */
export const openApiPath = (group: string, version: string) =>
  group ? `/openapi/v3/apis/${group}/${version}` : `/openapi/v3/api/${version}`;
