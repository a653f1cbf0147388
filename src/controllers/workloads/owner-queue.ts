import type { ResourceKind } from '../../api/machinery/kind.ts';
import type { Selector } from '../../api/machinery/label-selector.ts';
import type { KubeObject } from '../../api/machinery/object.ts';
import type { Change, Informer } from '../../client/informer.ts';
import { remembered } from '../../std/remembered.ts';
import { keyOf } from '../framework/controller.ts';
import { controllerOf, refersTo } from './owner.ts';

export interface OwnerQueueOptions<T extends KubeObject> {
  readonly kind: ResourceKind;
  readonly owners: Pick<Informer<T>, 'get' | 'list'>;
  /** Which objects an owner may adopt. */
  readonly selectorOf: (owner: T) => Selector;
  /** Where owners wait to be looked at. */
  readonly loop: { add(key: string): void };
}

/** Brings a change of what is owned (pods, revisions, sets) to its owners of one kind. */
export class OwnerQueue<T extends KubeObject> {
  readonly #options: OwnerQueueOptions<T>;

  constructor(options: OwnerQueueOptions<T>) {
    this.#options = { ...options, selectorOf: remembered(options.selectorOf) };
  }

  /** The owner that the object names, if it is of this kind and the very same one. */
  ownerOf(object: KubeObject): T | undefined {
    const { kind, owners } = this.#options;
    const reference = controllerOf(object);
    if (!reference || !refersTo(kind, reference)) return undefined;
    const owner = owners.get(reference.name, object.metadata?.namespace);
    return owner?.metadata?.uid === reference.uid ? owner : undefined;
  }

  /** Those that would adopt the object if nobody owned it. */
  selecting(object: KubeObject): readonly T[] {
    const { owners, selectorOf } = this.#options;
    return owners.list(object.metadata?.namespace).filter((owner) => selectorOf(owner).matches(object.metadata?.labels));
  }

  addOwner(object: KubeObject): void {
    const owner = this.ownerOf(object);
    if (owner) this.#options.loop.add(keyOf(owner));
  }

  addSelecting(object: KubeObject): void {
    for (const owner of this.selecting(object)) this.#options.loop.add(keyOf(owner));
  }

  /** The owner that an object has changed from. */
  addFormer(object: KubeObject, previous: KubeObject | undefined): void {
    if (previous && controllerOf(previous)?.uid !== controllerOf(object)?.uid) this.addOwner(previous);
  }

  /** Of an object that has come, changed or gone: its owner, the one before, and for one that nobody owns those that may adopt it. */
  add(object: KubeObject, { type, previous }: Pick<Change<KubeObject>, 'type' | 'previous'>): void {
    this.addFormer(object, previous);
    if (controllerOf(object)) this.addOwner(object);
    else if (type !== 'deleted') this.addSelecting(object);
  }
}
