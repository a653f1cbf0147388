import { podKind } from '../../api/core/v1/pod.ts';
import type { V1Pod } from '../../api/gen/types.ts';
import type { Informer } from '../../client/informer.ts';
import type { SharedInformers } from './shared-informers.ts';

const INDEX = 'spec.nodeName';

/** All pods, and those bound to one node. */
export function podsByNode(informers: SharedInformers): { pods: Informer<V1Pod>; onNode(name: string): readonly V1Pod[] } {
  const pods = informers.of<V1Pod>(podKind);
  informers.index(pods, INDEX, (pod) => (pod.spec?.nodeName ? [pod.spec.nodeName] : []));
  return { pods, onNode: (name) => pods.byIndex(INDEX, name) };
}
