import type { V1Pod } from '../../api/gen/types.ts';
import type { RuntimeContainer } from '../runtime/runtime.ts';

/**
 * The number of the next container of a name: one more than the newest. Where the runtime has none any more (it was cleaned up, or lost
 * its state), the pod's status knows how many there were.
 */
export function attemptsOf(pod: V1Pod): (name: string, newest: RuntimeContainer | undefined) => number {
  const { initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {};
  const told = new Map([...initContainerStatuses, ...containerStatuses].map((status) => [status.name, status]));
  return (name, newest) => {
    if (newest) return newest.attempt + 1;
    const status = told.get(name);
    return status ? status.restartCount + (status.containerID ? 1 : 0) : 0;
  };
}
