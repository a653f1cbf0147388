import type { V1Pod } from '../../api/gen/types.ts';

/** The priority of `system-cluster-critical`; from here on pods are the system's own. */
export const SYSTEM_CRITICAL_PRIORITY = 2_000_000_000;

/** Pods that the node must not lose: by priority, and those that it runs without the API server (static pods and their mirrors). */
export function isCritical({ metadata, spec }: V1Pod): boolean {
  const source = metadata?.annotations?.['kubernetes.io/config.source'];
  const isStatic =
    (source !== undefined && source !== 'api') || metadata?.annotations?.['kubernetes.io/config.mirror'] !== undefined;
  return isStatic || (spec?.priority ?? 0) >= SYSTEM_CRITICAL_PRIORITY;
}
