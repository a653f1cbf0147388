import { podKind } from '../../api/core/v1/pod.ts';
import type { V1Pod } from '../../api/gen/types.ts';
import type { Informer } from '../../client/informer.ts';
import type { SharedInformers } from '../framework/shared-informers.ts';
import { controllerOf } from './owner.ts';

const INDEX = 'controller';

/** Pods by who manages them; those of nobody by namespace. */
export interface OwnedPods {
  readonly pods: Informer<V1Pod>;
  of(ownerUid: string): readonly V1Pod[];
  orphans(namespace: string): readonly V1Pod[];
}

export function ownedPods(informers: SharedInformers): OwnedPods {
  const pods = informers.of<V1Pod>(podKind);
  informers.index(pods, INDEX, (pod) => [controllerOf(pod)?.uid ?? orphansOf(pod.metadata?.namespace)]);
  return {
    pods,
    of: (ownerUid) => pods.byIndex(INDEX, ownerUid),
    orphans: (namespace) => pods.byIndex(INDEX, orphansOf(namespace)),
  };
}

const orphansOf = (namespace: string | undefined) => `orphans of ${namespace}`;
