/** What an APIService says of how much its group and version are preferred. */
export interface Priority {
  readonly group: number;
  readonly version: number;
}

const group = (minimum: number, versions: Readonly<Record<string, number>>) => ({ minimum, versions });

/** Upstream's table (pkg/controlplane/apiserver/aggregator.go): which groups, and which of their versions, clients prefer. */
const PRIORITIES: ReadonlyMap<string, ReturnType<typeof group>> = new Map([
  ['', group(18_000, { v1: 1 })],
  // Of the aggregator itself.
  ['apiregistration.k8s.io', group(20_000, { v1: 18 })],
  ['apps', group(17_800, { v1: 15 })],
  ['events.k8s.io', group(17_750, { v1: 15, v1beta1: 5 })],
  ['authentication.k8s.io', group(17_700, { v1: 15, v1beta1: 9, v1alpha1: 1 })],
  ['authorization.k8s.io', group(17_600, { v1: 15 })],
  ['autoscaling', group(17_500, { v1: 15, v2: 30, v2beta1: 9, v2beta2: 1 })],
  ['batch', group(17_400, { v1: 15, v1beta1: 9 })],
  ['certificates.k8s.io', group(17_300, { v1: 15, v1beta1: 9, v1alpha1: 1 })],
  ['networking.k8s.io', group(17_200, { v1: 15, v1beta1: 12, v1alpha1: 1 })],
  ['policy', group(17_100, { v1: 15, v1beta1: 9 })],
  ['rbac.authorization.k8s.io', group(17_000, { v1: 15, v1beta1: 12 })],
  ['storage.k8s.io', group(16_800, { v1: 15, v1beta1: 9, v1alpha1: 1 })],
  ['apiextensions.k8s.io', group(16_700, { v1: 15, v1beta1: 9 })],
  ['admissionregistration.k8s.io', group(16_700, { v1: 15, v1beta1: 12, v1alpha1: 9 })],
  ['scheduling.k8s.io', group(16_600, { v1: 15, v1beta1: 12 })],
  ['coordination.k8s.io', group(16_500, { v1: 15, v1beta1: 13, v1alpha2: 12 })],
  ['node.k8s.io', group(16_300, { v1: 15, v1beta1: 9 })],
  ['discovery.k8s.io', group(16_200, { v1: 15, v1beta1: 12 })],
  ['flowcontrol.apiserver.k8s.io', group(16_100, { v1: 21, v1beta3: 18, v1beta2: 15, v1beta1: 12 })],
  ['internal.apiserver.k8s.io', group(16_000, { v1alpha1: 9 })],
  ['resource.k8s.io', group(16_200, { v1: 20, v1beta2: 15, v1beta1: 9, v1alpha3: 1 })],
  ['storagemigration.k8s.io', group(15_800, { v1: 15, v1beta1: 12, v1alpha1: 9 })],
]);

const FALLBACK: Priority = { group: 15_000, version: 1 };
/** Of what CustomResourceDefinitions bring. */
export const CUSTOM_PRIORITY: Priority = { group: 1_000, version: 100 };

export function builtInPriority({ group: name, version }: { readonly group: string; readonly version: string }): Priority {
  const known = PRIORITIES.get(name);
  return known ? { group: known.minimum, version: known.versions[version] ?? 1 } : FALLBACK;
}

/** Groups as discovery lists them: the more important first, then by name (kube-aggregator/pkg/apis/apiregistration/v1/helper). */
export function byGroupPriority<T>(
  groups: readonly T[],
  rank: (group: T) => { readonly name: string; readonly priority: number },
): T[] {
  const ranked = groups.map((one) => ({ one, ...rank(one) }));
  ranked.sort((a, b) => b.priority - a.priority || (a.name < b.name ? -1 : 1));
  return ranked.map(({ one }) => one);
}

/** The priority of a group that this server serves itself. Names of custom resources' groups have a dot, and none is Kubernetes' own. */
export function ownGroupPriority(name: string): number {
  const known = PRIORITIES.get(name);
  if (known) return known.minimum;
  return name.includes('.') ? CUSTOM_PRIORITY.group : FALLBACK.group;
}
