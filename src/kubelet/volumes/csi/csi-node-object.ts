/** What the cluster is told of this node's CSI drivers: the CSINode object, and the Node's annotation and topology labels. */
import { nodeKind } from '../../../api/core/v1/node.ts';
import type { V1CSINode, V1CSINodeDriver, V1Node } from '../../../api/gen/types.ts';
import { isStatus } from '../../../api/machinery/status-error.ts';
import { csiNodeKind } from '../../../api/storage/v1/csi-node.ts';
import type { Client } from '../../../client/client.ts';

export const NODE_ID_ANNOTATION = 'csi.volume.kubernetes.io/nodeid';
const ATTEMPTS = 5;

export interface DriverOnNode {
  readonly name: string;
  readonly nodeId: string;
  /** 0: no limit. */
  readonly maxVolumes: number;
  readonly topology: Readonly<Record<string, string>>;
}

/** A CSINode with the driver's entry new or replaced; undefined when it says so already. */
export function withDriver(object: V1CSINode, driver: DriverOnNode): V1CSINode | undefined {
  const { name, nodeId, maxVolumes, topology } = driver;
  const entry: V1CSINodeDriver = {
    name,
    nodeID: nodeId,
    topologyKeys: Object.keys(topology).sort(),
    ...(maxVolumes > 0 && { allocatable: { count: Math.min(maxVolumes, 2 ** 31 - 1) } }),
  };
  const drivers = object.spec.drivers ?? [];
  const before = drivers.find((one) => one.name === name);
  if (before && sameEntry(before, entry)) return undefined;
  return { ...object, spec: { ...object.spec, drivers: [...drivers.filter((one) => one.name !== name), entry] } };
}

const sameEntry = (a: V1CSINodeDriver, b: V1CSINodeDriver) =>
  a.nodeID === b.nodeID &&
  (a.topologyKeys ?? []).join() === (b.topologyKeys ?? []).join() &&
  a.allocatable?.count === b.allocatable?.count;

export function withoutDriver(object: V1CSINode, name: string): V1CSINode | undefined {
  const drivers = object.spec.drivers ?? [];
  if (!drivers.some((one) => one.name === name)) return undefined;
  return { ...object, spec: { ...object.spec, drivers: drivers.filter((one) => one.name !== name) } };
}

/** The annotation's new value; undefined when no driver is left. A value that is no JSON object is written anew. */
export function nodeIds(
  annotation: string | undefined,
  change: { readonly name: string; readonly nodeId?: string },
): string | undefined {
  let ids = new Map<string, unknown>();
  try {
    const read: unknown = JSON.parse(annotation ?? '{}');
    if (typeof read === 'object' && read !== null) ids = new Map(Object.entries(read));
  } catch {
    // Somebody wrote something else there.
  }
  if (change.nodeId === undefined) ids.delete(change.name);
  else ids.set(change.name, change.nodeId);
  return ids.size === 0 ? undefined : JSON.stringify(Object.fromEntries(ids));
}

export interface CsiNodeObject {
  /** Makes the CSINode when it is not there yet. */
  ensure(): Promise<void>;
  add(driver: DriverOnNode): Promise<void>;
  remove(driverName: string): Promise<void>;
}

export function createCsiNodeObject(client: Client, nodeName: string, node: () => V1Node | undefined): CsiNodeObject {
  const csiNodes = client.resource<V1CSINode & { metadata: object }>(csiNodeKind);
  const nodes = client.resource<V1Node>(nodeKind);

  async function read(): Promise<V1CSINode> {
    try {
      return await csiNodes.get(nodeName);
    } catch (error) {
      if (!isStatus(error, 'NotFound')) throw error;
    }
    const { uid } = (node() ?? (await nodes.get(nodeName))).metadata ?? {};
    const made = {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'CSINode',
      metadata: { name: nodeName, ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: nodeName, uid: uid ?? '' }] },
      spec: { drivers: [] },
    };
    return csiNodes.create(made);
  }

  /** Again when somebody else changed the object meanwhile. */
  async function change(edit: (object: V1CSINode) => V1CSINode | undefined): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        const changed = edit(await read());
        if (changed) await csiNodes.update(changed as V1CSINode & { metadata: object });
        return;
      } catch (error) {
        const retry = isStatus(error, 'Conflict') || isStatus(error, 'AlreadyExists');
        if (!retry || attempt === ATTEMPTS) throw error;
      }
    }
  }

  async function annotate(driver: { readonly name: string; readonly nodeId?: string }, labels: Readonly<Record<string, string>>) {
    const { metadata } = await nodes.get(nodeName);
    const before = metadata?.annotations?.[NODE_ID_ANNOTATION];
    const after = nodeIds(before, driver);
    const isSame = after === before && Object.entries(labels).every(([key, value]) => metadata?.labels?.[key] === value);
    if (isSame) return;
    const patch = { metadata: { annotations: { [NODE_ID_ANNOTATION]: after ?? null }, labels } };
    await nodes.patch(nodeName, patch, { type: 'strategic' });
  }

  return {
    ensure: async () => void (await read()),
    async add(driver) {
      await annotate(driver, driver.topology);
      await change((object) => withDriver(object, driver));
    },
    async remove(name) {
      await change((object) => withoutDriver(object, name));
      await annotate({ name }, {});
    },
  };
}
