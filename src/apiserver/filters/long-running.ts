import type { RequestInfo } from '../contracts.ts';

const LONG_SUBRESOURCES: ReadonlySet<string> = new Set(['attach', 'exec', 'proxy', 'log', 'portforward']);

/** Requests that last as long as their client wishes: no limits of time or number apply to them (upstream's BasicLongRunningRequestCheck). */
export function isLongRunning({ isResourceRequest, verb, subresource, path }: RequestInfo): boolean {
  if (!isResourceRequest) return path.startsWith('/debug/pprof/');
  return verb === 'watch' || verb === 'proxy' || LONG_SUBRESOURCES.has(subresource);
}
