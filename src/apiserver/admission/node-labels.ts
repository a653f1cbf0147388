const KUBELET_LABELS = new Set([
  'kubernetes.io/hostname',
  'kubernetes.io/os',
  'kubernetes.io/arch',
  'beta.kubernetes.io/os',
  'beta.kubernetes.io/arch',
  'node.kubernetes.io/instance-type',
  'beta.kubernetes.io/instance-type',
  'topology.kubernetes.io/zone',
  'topology.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region',
]);
const KUBELET_NAMESPACES = ['kubelet.kubernetes.io', 'node.kubernetes.io'];
const KUBERNETES_NAMESPACES = ['kubernetes.io', 'k8s.io'];

const isIn = (namespace: string, domain: string) => namespace === domain || namespace.endsWith(`.${domain}`);

type Labels = Readonly<Record<string, string>> | undefined;

/**
 * The labels, sorted, that a node may not add, change or remove of its own: those of `node-restriction.kubernetes.io`, and what is
 * Kubernetes' and not known as the kubelet's (kubelet/pkg/apis/well_known_labels.go).
 */
export function forbiddenNodeLabels(before: Labels, after: Labels): string[] {
  const keys = new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})]);
  return [...keys].filter((key) => before?.[key] !== after?.[key] && isForbidden(key)).sort();
}

function isForbidden(key: string): boolean {
  const slash = key.indexOf('/');
  const namespace = slash < 0 ? '' : key.slice(0, slash);
  if (isIn(namespace, 'node-restriction.kubernetes.io')) return true;
  if (!KUBERNETES_NAMESPACES.some((domain) => isIn(namespace, domain))) return false;
  return !KUBELET_LABELS.has(key) && !KUBELET_NAMESPACES.some((domain) => isIn(namespace, domain));
}
