import type { Runtime } from '../runtime/runtime.ts';
import { removeLogs } from './rotated-files.ts';

/** The runtime, with the log of each container it removes: a container that is started anew again and again leaves none behind. */
export function withLogRemoval(runtime: Runtime): Runtime {
  return {
    ...runtime,
    async removeContainer(id) {
      // Before the container: afterwards nobody knows any more where it lies.
      const path = await runtime.logs?.pathOf(id);
      if (path) await removeLogs(path);
      await runtime.removeContainer(id);
    },
  };
}
