import type { V1ConfigMap, V1Namespace } from '../../api/gen/types.ts';

export const ROOT_CA_CONFIG_MAP = 'kube-root-ca.crt';
const KEY = 'ca.crt';

export type RootCaPlan = { action: 'none' } | { action: 'create' | 'update'; configMap: V1ConfigMap };

/** What makes a namespace's ConfigMap hold the root certificate and nothing else. A namespace that is going gets none. */
export function planRootCaConfigMap(namespace: V1Namespace, existing: V1ConfigMap | undefined, rootCaPem: string): RootCaPlan {
  if (namespace.metadata?.deletionTimestamp || namespace.status?.phase === 'Terminating') return { action: 'none' };
  const data = { [KEY]: rootCaPem };
  if (!existing) {
    const metadata = { name: ROOT_CA_CONFIG_MAP, namespace: namespace.metadata?.name };
    return { action: 'create', configMap: { apiVersion: 'v1', kind: 'ConfigMap', metadata, data } };
  }
  const isRight =
    existing.data?.[KEY] === rootCaPem &&
    Object.keys(existing.data).length === 1 &&
    Object.keys(existing.binaryData ?? {}).length === 0;
  return isRight ? { action: 'none' } : { action: 'update', configMap: { ...existing, data, binaryData: undefined } };
}
