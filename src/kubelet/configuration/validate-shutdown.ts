import { parseGoDuration } from '../../std/go-duration.ts';
import type { KubeletConfiguration } from './kubelet-configuration.ts';

/** The times of a graceful shutdown of the node. */
export function checkShutdown(c: KubeletConfiguration): string[] {
  const mistakes: string[] = [];
  const totalMs = parseGoDuration(c.shutdownGracePeriod);
  const criticalMs = parseGoDuration(c.shutdownGracePeriodCriticalPods);
  const given = totalMs > 0 || criticalMs > 0;
  const byPriority = (c.shutdownGracePeriodByPodPriority?.length ?? 0) > 0;
  if (c.featureGates?.['GracefulNodeShutdown'] === false) {
    if (given)
      mistakes.push(
        'specifying shutdownGracePeriod or shutdownGracePeriodCriticalPods requires feature gate GracefulNodeShutdown',
      );
  } else {
    if (criticalMs > totalMs)
      mistakes.push(
        `shutdownGracePeriodCriticalPods ${c.shutdownGracePeriodCriticalPods} must be <= shutdownGracePeriod ${c.shutdownGracePeriod}`,
      );
    for (const name of ['shutdownGracePeriod', 'shutdownGracePeriodCriticalPods'] as const) {
      const ms = parseGoDuration(c[name]);
      if (ms > 0 && ms < 1000) mistakes.push(`${name} ${c[name]} must be either zero or otherwise >= 1 sec`);
    }
  }
  if (byPriority && c.featureGates?.['GracefulNodeShutdownBasedOnPodPriority'] === false)
    mistakes.push('Specifying shutdownGracePeriodByPodPriority requires feature gate GracefulNodeShutdownBasedOnPodPriority');
  else if (byPriority && given)
    mistakes.push('Cannot specify both shutdownGracePeriodByPodPriority and shutdownGracePeriod at the same time');
  return mistakes;
}
