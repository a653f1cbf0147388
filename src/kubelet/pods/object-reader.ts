import type { V1ConfigMap, V1Secret } from '../../api/gen/types.ts';

/** ConfigMaps and Secrets of the node's pods, from whatever keeps them up to date. */
export interface ObjectReader {
  /** Rejects with the server's Status, `NotFound` when there is none of that name. */
  configMap(namespace: string, name: string): Promise<V1ConfigMap>;
  secret(namespace: string, name: string): Promise<V1Secret>;
}
