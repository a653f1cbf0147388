import type { V1Pod } from '../../api/gen/types.ts';
import { type Answer, jsonAnswer } from './api-exchange.ts';
import type { KubeletView } from './kubelet-view.ts';

/** `/pods`: what is bound to the node, from every source. */
export function podsPage(view: KubeletView): Answer {
  return podList(view.pods());
}

/** `/runningpods/`: what the runtime runs, whether anybody wants it or not. */
export async function runningPodsPage(view: KubeletView): Promise<Answer> {
  const { sandboxes, containers } = await view.runtime.list();
  const running = Map.groupBy(
    containers.filter(({ phase }) => phase === 'running'),
    ({ podUid }) => podUid,
  );
  const pods = new Map(sandboxes.filter(({ ready }) => ready).map((sandbox) => [sandbox.podUid, sandbox]));
  return podList(
    [...pods.values()].map(({ podUid, podName, podNamespace }) => ({
      metadata: { name: podName, namespace: podNamespace, uid: podUid },
      spec: { containers: (running.get(podUid) ?? []).map(({ name, image }) => ({ name, image, resources: {} })) },
      status: {},
    })),
  );
}

function podList(pods: readonly V1Pod[]): Answer {
  // As Go's codec: the items of a list go without kind and version.
  const items = pods.map(({ kind: _kind, apiVersion: _version, ...pod }) => pod);
  return jsonAnswer({ kind: 'PodList', apiVersion: 'v1', metadata: {}, items });
}
