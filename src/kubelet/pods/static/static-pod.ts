import { createHash } from 'node:crypto';
import { podKind } from '../../../api/core/v1/pod.ts';
import { apiReferenceOf } from '../../../api/core/v1/pod-references.ts';
import type { V1Pod } from '../../../api/gen/types.ts';
import { decodeObject } from '../../../api/machinery/decode.ts';
import { formatTime } from '../../../api/machinery/object.ts';

/** Where a manifest was read from: upstream's names, which pods carry as `kubernetes.io/config.source`. */
export type ManifestSource = 'file' | 'http';

export interface StaticPodOptions {
  readonly source: ManifestSource;
  /** Its path or URL: two manifests are two pods. */
  readonly origin: string;
  readonly nodeName: string;
  readonly nowMs: number;
}

const LARGEST_MANIFEST = 10 << 20;

/**
 * The pods of a manifest in JSON or YAML as they run on this node: defaults filled in, named `<name>-<node>`, their uid made of what they
 * are, so that a changed manifest is another pod (pkg/kubelet/config/common.go).
 *
 * @throws Error saying what is wrong with it
 */
export async function parseManifest(text: string, options: StaticPodOptions): Promise<V1Pod[]> {
  if (text.length > LARGEST_MANIFEST) throw new Error(`the manifest is larger than ${LARGEST_MANIFEST} bytes`);
  const document = await parseDocument(text);
  if (!isObject(document)) throw new Error('the manifest holds no object');
  const { kind, apiVersion, items } = document as { kind?: unknown; apiVersion?: unknown; items?: unknown };
  if (apiVersion !== 'v1') throw new Error(`no kind "${String(kind)}" is registered for version "${String(apiVersion)}"`);
  if (kind === 'Pod') return [await staticPod(document, options)];
  if (options.source !== 'http' || (kind !== 'PodList' && kind !== 'List') || !Array.isArray(items))
    throw new Error(`the manifest holds a ${String(kind)} and not a Pod`);
  return Promise.all(items.map((item) => staticPod({ apiVersion: 'v1', kind: 'Pod', ...(item as object) }, options)));
}

async function staticPod(document: object, { source, origin, nodeName, nowMs }: StaticPodOptions): Promise<V1Pod> {
  const { object } = decodeObject(podKind, document);
  podKind.setDefaults?.(object);
  const pod = object as V1Pod;
  pod.metadata ??= {};
  const { metadata } = pod;
  const uid = metadata.uid || manifestHash(pod, source === 'file' ? [`host:${nodeName}`, `file:${origin}`] : [`url:${origin}`]);
  if (!metadata.name) throw new Error('metadata.name: Required value');
  metadata.uid = uid;
  metadata.name = `${metadata.name}-${nodeName.toLowerCase()}`;
  metadata.namespace ||= 'default';
  metadata.creationTimestamp ??= formatTime(nowMs);
  metadata.annotations = {
    ...metadata.annotations,
    'kubernetes.io/config.hash': uid,
    'kubernetes.io/config.seen': new Date(nowMs).toISOString(),
    'kubernetes.io/config.source': source,
  };
  if (pod.spec) {
    pod.spec.nodeName = nodeName;
    // Nothing takes a static pod off its node.
    pod.spec.tolerations = [...(pod.spec.tolerations ?? []), { effect: 'NoExecute', operator: 'Exists' }];
  }
  pod.status = { phase: 'Pending' };
  const { validatePod } = await import('../../../api/core/v1/pod-validation.ts');
  const errors = validatePod(object);
  if (errors.length > 0) throw new Error(`invalid pod: ${errors.map(({ field, message }) => `${field}: ${message}`).join(', ')}`);
  const reference = apiReferenceOf(pod);
  if (reference) throw new Error(`static pods may not reference ${reference}`);
  return pod;
}

/** In 32 hexadecimal digits as upstream's, of the pod before the node put anything into it. */
function manifestHash(pod: V1Pod, salt: readonly string[]): string {
  return createHash('md5')
    .update(JSON.stringify([...salt, sorted(pod)]))
    .digest('hex');
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isObject(value)) return value;
  return Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, inner]) => [name, sorted(inner)]);
}

async function parseDocument(text: string): Promise<unknown> {
  if (text.trimStart().startsWith('{')) return JSON.parse(text);
  const { parse } = await import('yaml'); // only where there are manifests: it takes a while to load
  return parse(text, { maxAliasCount: 100, logLevel: 'error' });
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
