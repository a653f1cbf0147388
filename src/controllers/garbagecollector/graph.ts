import type { KubeObject, OwnerReference } from '../../api/machinery/object.ts';

/** Where an object is found: `kind` is `apps/v1/ReplicaSet`, or `v1/Pod`. */
export interface Coordinates {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/**
 * An object in the graph. A virtual one was only heard of, as somebody's owner; whether it exists is to be asked.
 *
 *     owner ◄── owners ── node ◄── dependents (the same edge, seen from the owner)
 */
export interface GraphNode {
  readonly uid: string;
  coordinates: Coordinates;
  virtual: boolean;
  owners: readonly OwnerReference[];
  readonly dependents: Set<GraphNode>;
  beingDeleted: boolean;
  /** Has the finalizer foregroundDeletion and is being deleted: goes when its dependents have gone. */
  deletingDependents: boolean;
  /** Has the finalizer orphan and is being deleted: goes when its dependents do not refer to it any more. */
  orphaning: boolean;
}

/** UIDs of the nodes that a change makes worth looking at. */
export interface Affected {
  readonly examine: readonly string[];
  readonly orphan: readonly string[];
}

export const FOREGROUND_FINALIZER = 'foregroundDeletion';
export const ORPHAN_FINALIZER = 'orphan';

/** Who owns whom, by UID, kept up with what informers tell. Pure: it says what to look at and does nothing about it. */
export class OwnerGraph {
  readonly #nodes = new Map<string, GraphNode>();

  get(uid: string): GraphNode | undefined {
    return this.#nodes.get(uid);
  }

  get size(): number {
    return this.#nodes.size;
  }

  /** The nodes of one kind, for when the kind is no longer served. */
  ofKind(kind: string): GraphNode[] {
    return [...this.#nodes.values()].filter((node) => node.coordinates.kind === kind);
  }

  /** Takes in an object as it is now. */
  upsert(kind: string, object: KubeObject): Affected {
    const examine = new Set<string>();
    const orphan: string[] = [];
    const {
      uid = '',
      namespace = '',
      name = '',
      ownerReferences = [],
      finalizers = [],
      deletionTimestamp,
    } = object.metadata ?? {};
    let node = this.#nodes.get(uid);
    if (!node) {
      node = newNode(uid, { kind, namespace, name });
      this.#nodes.set(uid, node);
    } else if (node.virtual) this.#realize(node, { kind, namespace, name }, examine);
    this.#setOwners(node, ownerReferences, examine);

    const wasDeletingDependents = node.deletingDependents;
    const wasOrphaning = node.orphaning;
    node.beingDeleted = deletionTimestamp !== undefined;
    node.deletingDependents = node.beingDeleted && finalizers.includes(FOREGROUND_FINALIZER);
    node.orphaning = node.beingDeleted && finalizers.includes(ORPHAN_FINALIZER);
    if (node.orphaning && !wasOrphaning) orphan.push(uid);
    if (node.deletingDependents && !wasDeletingDependents) {
      for (const dependent of node.dependents) examine.add(dependent.uid);
      examine.add(uid);
    }
    return { examine: [...examine], orphan };
  }

  /** Takes out an object that is gone: its dependents may have lost their last owner, its owners may have waited for it. */
  remove(uid: string): Affected {
    const node = this.#nodes.get(uid);
    if (!node) return { examine: [], orphan: [] };
    this.#nodes.delete(uid);
    const examine = new Set<string>();
    for (const dependent of node.dependents) examine.add(dependent.uid);
    for (const { uid: ownerUid } of node.owners) {
      const owner = this.#nodes.get(ownerUid);
      owner?.dependents.delete(node);
      if (owner?.deletingDependents) examine.add(ownerUid);
    }
    return { examine: [...examine], orphan: [] };
  }

  /** A node that was heard of has been seen. Dependents that described it otherwise are worth a look. */
  #realize(node: GraphNode, coordinates: Coordinates, examine: Set<string>): void {
    node.virtual = false;
    node.coordinates = coordinates;
    for (const dependent of node.dependents)
      if (!dependent.owners.some((ref) => ref.uid === node.uid && refersTo(ref, dependent, coordinates)))
        examine.add(dependent.uid);
  }

  #setOwners(node: GraphNode, owners: readonly OwnerReference[], examine: Set<string>): void {
    // Most changes are of something else: the time of a lease, the status of a pod.
    const known = sameOwners(node.owners, owners) && owners.every(({ uid }) => this.#nodes.get(uid)?.dependents.has(node));
    if (known) return;
    const before = new Map(node.owners.map((ref) => [ref.uid, ref]));
    const after = new Map(owners.map((ref) => [ref.uid, ref]));
    for (const [uid, ref] of before) {
      const next = after.get(uid);
      const owner = this.#nodes.get(uid);
      if (!next) owner?.dependents.delete(node);
      // One less to wait for.
      const unblocked = ref.blockOwnerDeletion === true && next?.blockOwnerDeletion !== true;
      if ((!next || unblocked) && owner?.deletingDependents) examine.add(uid);
    }
    node.owners = owners;
    for (const [uid, ref] of after) {
      const owner = this.#nodes.get(uid);
      if (!owner) {
        const virtual = newNode(uid, coordinatesOf(ref, node), true);
        virtual.dependents.add(node);
        this.#nodes.set(uid, virtual);
        examine.add(uid);
        continue;
      }
      const isNew = !owner.dependents.has(node);
      owner.dependents.add(node);
      if (isNew && !owner.virtual && !refersTo(ref, node, owner.coordinates)) examine.add(node.uid);
      // It came after its owner's deletion had begun.
      if (isNew && owner.deletingDependents) examine.add(node.uid);
    }
  }
}

function sameOwners(before: readonly OwnerReference[], after: readonly OwnerReference[]): boolean {
  return (
    before.length === after.length &&
    after.every((ref, i) => {
      const { uid, apiVersion, kind, name, blockOwnerDeletion } = before[i]!;
      const same = ref.uid === uid && ref.apiVersion === apiVersion && ref.kind === kind && ref.name === name;
      return same && ref.blockOwnerDeletion === blockOwnerDeletion;
    })
  );
}

function newNode(uid: string, coordinates: Coordinates, virtual = false): GraphNode {
  const flags = { beingDeleted: false, deletingDependents: false, orphaning: false };
  return { uid, coordinates, virtual, owners: [], dependents: new Set(), ...flags };
}

/** Where the owner is, going by a dependent's reference: in the dependent's namespace, if its kind has one. */
function coordinatesOf(ref: OwnerReference, dependent: GraphNode): Coordinates {
  return { kind: `${ref.apiVersion}/${ref.kind}`, namespace: dependent.coordinates.namespace, name: ref.name };
}

/** Whether a reference describes the object at `actual`: same group, kind and name, and a namespace that it may have. */
function refersTo(ref: OwnerReference, dependent: GraphNode, actual: Coordinates): boolean {
  return (
    groupKind(`${ref.apiVersion}/${ref.kind}`) === groupKind(actual.kind) &&
    ref.name === actual.name &&
    (actual.namespace === '' || actual.namespace === dependent.coordinates.namespace)
  );
}

/** `ReplicaSet.apps`: versions of one kind are the same objects. */
export function groupKind(kind: string): string {
  const parts = kind.split('/');
  return parts.length === 3 ? `${parts[2]}.${parts[0]}` : (parts[1] ?? '');
}
