import type { V1ObjectFieldSelector, V1Pod } from '../../api/gen/types.ts';
import { checkQualifiedName } from '../../api/machinery/names.ts';

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

const SHORT: Readonly<Record<string, string>> = {
  '\u0007': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '"': '\\"',
  '\\': '\\\\',
};

/** Text in double quotes as Go's strconv.Quote writes it: what is not printable becomes an escape. */
export function goQuote(text: string): string {
  let quoted = '';
  for (const character of text) {
    const code = character.codePointAt(0)!;
    if (Object.hasOwn(SHORT, character)) quoted += SHORT[character];
    else if (character === ' ' || /^[\p{L}\p{M}\p{N}\p{P}\p{S}]$/u.test(character)) quoted += character;
    else if (code < 0x20 || code === 0x7f) quoted += `\\x${code.toString(16).padStart(2, '0')}`;
    else if (code < 0x10000) quoted += `\\u${code.toString(16).padStart(4, '0')}`;
    else quoted += `\\U${code.toString(16).padStart(8, '0')}`;
  }
  return `"${quoted}"`;
}
