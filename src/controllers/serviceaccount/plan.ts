import type { V1Namespace, V1ServiceAccount } from '../../api/gen/types.ts';

export const DEFAULT_SERVICE_ACCOUNT = 'default';

/** Whether a namespace is to be given its default account: it has none and is not going. */
export function needsDefaultAccount(namespace: V1Namespace, existing: V1ServiceAccount | undefined): boolean {
  return !existing && namespace.status?.phase !== 'Terminating' && !namespace.metadata?.deletionTimestamp;
}
