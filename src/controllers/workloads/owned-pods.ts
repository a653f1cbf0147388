import { podKind } from '../../api/core/v1/pod.ts';
import type { V1Pod } from '../../api/gen/types.ts';
import type { ResourceKind } from '../../api/machinery/kind.ts';
import type { KubeObject } from '../../api/machinery/object.ts';
import type { Informer } from '../../client/informer.ts';
import type { SharedInformers } from '../framework/shared-informers.ts';
import { controllerOf } from './owner.ts';

const INDEX = 'controller';

/** Objects of a kind by who manages them; those of nobody by namespace. */
export interface OwnedObjects<T extends KubeObject> {
  readonly informer: Informer<T>;
  of(ownerUid: string): readonly T[];
  orphans(namespace: string): readonly T[];
}

/** To be made before the informers are started. */
export function ownedObjects<T extends KubeObject>(informers: SharedInformers, kind: ResourceKind): OwnedObjects<T> {
  const informer = informers.of<T>(kind);
  informers.index(informer, INDEX, (object) => [controllerOf(object)?.uid ?? orphansOf(object.metadata?.namespace)]);
  return {
    informer,
    of: (ownerUid) => informer.byIndex(INDEX, ownerUid),
    orphans: (namespace) => informer.byIndex(INDEX, orphansOf(namespace)),
  };
}

/** The same of pods. */
export interface OwnedPods extends OwnedObjects<V1Pod> {
  readonly pods: Informer<V1Pod>;
}

export function ownedPods(informers: SharedInformers): OwnedPods {
  const owned = ownedObjects<V1Pod>(informers, podKind);
  return { ...owned, pods: owned.informer };
}

const orphansOf = (namespace: string | undefined) => `orphans of ${namespace}`;
