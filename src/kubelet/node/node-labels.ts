import { CodedError } from '../../std/coded-error.ts';

/** Labels of Kubernetes' namespaces that a kubelet may give itself (kubelet/pkg/apis/well_known_labels.go). */
const ALLOWED_LABELS = [
  'beta.kubernetes.io/arch',
  'beta.kubernetes.io/instance-type',
  'beta.kubernetes.io/os',
  'failure-domain.beta.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone',
  'kubernetes.io/arch',
  'kubernetes.io/hostname',
  'kubernetes.io/os',
  'node.kubernetes.io/instance-type',
  'topology.kubernetes.io/region',
  'topology.kubernetes.io/zone',
];
const ALLOWED_NAMESPACES = ['kubelet.kubernetes.io', 'node.kubernetes.io'];

/**
 * Refuses labels that a node must not give itself, so that no node can pretend to be one of another kind.
 *
 * @throws CodedError naming them
 */
export function checkNodeLabels(labels: Readonly<Record<string, string>>): void {
  const wrong = Object.keys(labels).filter((label) => !isAllowed(label));
  if (wrong.length === 0) return;
  throw new CodedError(
    `unknown 'kubernetes.io' or 'k8s.io' labels specified with --node-labels: [${wrong.join(' ')}]; ` +
      `--node-labels in the 'kubernetes.io' namespace must begin with an allowed prefix (${ALLOWED_NAMESPACES.join(', ')}) ` +
      `or be in the specifically allowed set (${ALLOWED_LABELS.join(', ')})`,
    { code: 'NODE_LABELS_REFUSED' },
  );
}

function isAllowed(label: string): boolean {
  const namespace = label.includes('/') ? label.slice(0, label.indexOf('/')) : '';
  const within = (domain: string) => namespace === domain || namespace.endsWith(`.${domain}`);
  if (!within('kubernetes.io') && !within('k8s.io')) return true;
  return ALLOWED_LABELS.includes(label) || ALLOWED_NAMESPACES.some(within);
}
