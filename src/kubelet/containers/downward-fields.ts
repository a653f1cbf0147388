import type { V1ObjectFieldSelector, V1Pod } from '../../api/gen/types.ts';
import { checkQualifiedName } from '../../api/machinery/names.ts';
import { goQuote } from '../../std/go-text.ts';

/** What a pod's own object does not say (yet) when its containers are made. */
export interface PodAddresses {
  /** The one of the node's family first; empty as long as there is no sandbox. */
  readonly podIps: readonly string[];
  readonly hostIps: readonly string[];
}

/**
 * A field of the pod as text, as variables and files of the downward API show it (pkg/fieldpath).
 *
 * @throws Error in upstream's words for paths that it does not serve
 */
export function downwardField({ apiVersion, fieldPath }: V1ObjectFieldSelector, pod: V1Pod, addresses: PodAddresses): string {
  if (apiVersion && apiVersion !== 'v1') throw new Error(`unsupported pod version: ${apiVersion}`);
  const subscripted = /^([^']+)\['(.*)'\]$/s.exec(fieldPath);
  if (subscripted) return subscriptedField(fieldPath, subscripted[1]!, subscripted[2]!, pod);
  const { metadata, spec } = pod;
  switch (fieldPath) {
    case 'metadata.name':
      return metadata?.name ?? '';
    case 'metadata.namespace':
      return metadata?.namespace ?? '';
    case 'metadata.uid':
      return metadata?.uid ?? '';
    case 'metadata.labels':
      return formatMap(metadata?.labels);
    case 'metadata.annotations':
      return formatMap(metadata?.annotations);
    case 'spec.host':
    case 'spec.nodeName':
      return spec?.nodeName ?? '';
    case 'spec.serviceAccountName':
      return spec?.serviceAccountName ?? '';
    case 'status.hostIP':
      return addresses.hostIps[0] ?? '';
    case 'status.hostIPs':
      return addresses.hostIps.join(',');
    case 'status.podIP':
      return addresses.podIps[0] ?? '';
    case 'status.podIPs':
      return addresses.podIps.join(',');
    case 'spec.restartPolicy':
    case 'spec.schedulerName':
    case 'status.phase':
      throw new Error(`unsupported fieldPath: ${fieldPath}`);
    default:
      throw new Error(`field label not supported: ${fieldPath}`);
  }
}

function subscriptedField(fieldPath: string, path: string, key: string, { metadata }: V1Pod): string {
  const map = { 'metadata.annotations': metadata?.annotations, 'metadata.labels': metadata?.labels };
  if (!Object.hasOwn(map, path)) throw new Error(`field label does not support subscript: ${fieldPath}`);
  const wrong = checkQualifiedName(path === 'metadata.annotations' ? key.toLowerCase() : key);
  if (wrong.length > 0) throw new Error(`invalid key subscript in ${fieldPath}: ${wrong.join(';')}`);
  const values = map[path as keyof typeof map] ?? {};
  return Object.hasOwn(values, key) ? values[key]! : '';
}

/** `key="value"` a line, by key; values quoted as Go's `%q` does. */
export function formatMap(map: Readonly<Record<string, string>> = {}): string {
  return Object.keys(map)
    .sort()
    .map((key) => `${key}=${goQuote(map[key]!)}`)
    .join('\n');
}
