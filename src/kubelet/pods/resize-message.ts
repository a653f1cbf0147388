import type { V1Container, V1Pod } from '../../api/gen/types.ts';
import { shownResources } from './pod-resize.ts';

/**
 * What an event of a resize says: in upstream's words, then which resources it is about, as JSON (pkg/kubelet/events, 1.36).
 *
 * @param what of the pod's resize: `started`, `completed`, `error`, or why it waits
 */
export function resizeMessage(what: string, { metadata, spec }: V1Pod, error?: string): string {
  const sidecars = spec?.initContainers?.filter(({ restartPolicy }) => restartPolicy === 'Always') ?? [];
  const summary = {
    ...(spec?.resources && { resources: shownResources(spec.resources) }),
    ...(sidecars.length > 0 && { initContainers: sidecars.map(shown) }),
    containers: (spec?.containers ?? []).map(shown),
    generation: metadata?.generation ?? 0,
    ...(error && { error }),
  };
  return `Pod resize ${what}: ${JSON.stringify(summary)}`;
}

const shown = ({ name, resources = {} }: V1Container) => ({ name, resources: shownResources(resources) });
