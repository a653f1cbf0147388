import { fnv32a } from '../../std/fnv-hash.ts';
import { createMessageCodec } from '../../std/grpc/message-codec.ts';
import { DEVICE_PLUGIN_MESSAGES } from './device-messages.ts';
import type { AllocateResponse } from './device-plugin.ts';

/** Devices that a container was given of one resource. */
export interface GivenDevices {
  /** By the NUMA node they lie at; those that do not say are under 0, and one of several nodes is under each of them. */
  readonly byNode: ReadonlyMap<number, readonly string[]>;
  readonly response: AllocateResponse;
}

/** By the pod's uid, the container's name and the resource. */
export type Given = ReadonlyMap<string, ReadonlyMap<string, ReadonlyMap<string, GivenDevices>>>;

export interface DeviceCheckpoint {
  readonly given: Given;
  /** Healthy devices by resource, when it was written. */
  readonly registered: ReadonlyMap<string, readonly string[]>;
}

interface Entry {
  readonly PodUID: string;
  readonly ContainerName: string;
  readonly ResourceName: string;
  readonly DeviceIDs: Readonly<Record<string, readonly string[]>> | null;
  readonly AllocResp: string | null;
}

interface Data {
  readonly PodDeviceEntries: readonly Entry[] | null;
  readonly RegisteredDevices: Readonly<Record<string, readonly string[] | null>>;
}

const codec = createMessageCodec(DEVICE_PLUGIN_MESSAGES);

/**
 * `kubelet_internal_checkpoint` as upstream's kubelet reads and writes it (pkg/kubelet/cm/devicemanager/checkpoint), so that either can take
 * over a node from the other.
 */
export function encodeDeviceCheckpoint({ given, registered }: DeviceCheckpoint): string {
  const entries: Entry[] = [];
  for (const [PodUID, containers] of given)
    for (const [ContainerName, resources] of containers)
      for (const [ResourceName, { byNode, response }] of resources) {
        const AllocResp = codec.encode('ContainerAllocateResponse', response).toString('base64');
        entries.push({ PodUID, ContainerName, ResourceName, DeviceIDs: Object.fromEntries(byNode), AllocResp });
      }
  const data: Data = {
    PodDeviceEntries: entries.length > 0 ? entries : null,
    RegisteredDevices: Object.fromEntries([...registered].sort(byKey)),
  };
  return JSON.stringify({ Data: data, Checksum: checksumOf(data) });
}

/** @throws Error in upstream's words when it is damaged */
export function decodeDeviceCheckpoint(text: string): DeviceCheckpoint {
  const value = JSON.parse(text) as unknown;
  if (!isRecord(value) || !isData(value['Data'])) throw new Error('checkpoint is corrupted');
  const data = value['Data'];
  if (value['Checksum'] !== checksumOf(data)) throw new Error('checkpoint is corrupted');
  const given = new Map<string, Map<string, Map<string, GivenDevices>>>();
  for (const { PodUID, ContainerName, ResourceName, DeviceIDs, AllocResp } of data.PodDeviceEntries ?? []) {
    const pod = given.get(PodUID) ?? new Map<string, Map<string, GivenDevices>>();
    const container = pod.get(ContainerName) ?? new Map<string, GivenDevices>();
    const response = codec.decode('ContainerAllocateResponse', Buffer.from(AllocResp ?? '', 'base64'));
    const byNode = Object.entries(DeviceIDs ?? {}).map(([node, ids]): [number, readonly string[]] => [Number(node), ids]);
    container.set(ResourceName, { byNode: new Map(byNode), response });
    given.set(PodUID, pod.set(ContainerName, container));
  }
  const registered = Object.entries(data.RegisteredDevices).map(([name, ids]): [string, readonly string[]] => [name, ids ?? []]);
  return { given, registered: new Map(registered) };
}

/** FNV-1a of 32 bits over what Go's dump of the structure looks like. */
function checksumOf({ PodDeviceEntries, RegisteredDevices }: Data): number {
  const list = (ids: readonly unknown[] | null) => (ids ? `[${ids.join(' ')}]` : '<nil>');
  const entries = PodDeviceEntries?.map(({ PodUID, ContainerName, ResourceName, DeviceIDs, AllocResp }) => {
    const nodes = Object.entries(DeviceIDs ?? {}).sort(([a], [b]) => Number(a) - Number(b));
    const ids = DeviceIDs ? `map[${nodes.map(([node, of]) => `${node}:${list(of)}`).join(' ')}]` : '<nil>';
    const response = list(AllocResp === null ? null : [...Buffer.from(AllocResp, 'base64')]);
    return `{PodUID:(string)${PodUID} ContainerName:(string)${ContainerName} ResourceName:(string)${ResourceName} DeviceIDs:(checkpoint.DevicesPerNUMA)${ids} AllocResp:([]uint8)${response}}`;
  });
  const devices = Object.entries(RegisteredDevices).sort(byKey);
  const registered = devices.map(([name, ids]) => `${name}:${list(ids)}`).join(' ');
  const dump = `(checkpoint.checkpointData){PodDeviceEntries:([]checkpoint.PodDevicesEntry)${entries ? `[${entries.join(' ')}]` : '<nil>'} RegisteredDevices:(map[string][]string)map[${registered}]}`;
  return fnv32a(dump);
}

function isData(value: unknown): value is Data {
  if (!isRecord(value)) return false;
  const { PodDeviceEntries: entries, RegisteredDevices: registered } = value;
  const isIds = (ids: unknown) => Array.isArray(ids) && ids.every((id) => typeof id === 'string');
  return (
    isRecord(registered) &&
    Object.values(registered).every((ids) => ids === null || isIds(ids)) &&
    (entries === null ||
      (Array.isArray(entries) &&
        entries.every(
          (entry: unknown) =>
            isRecord(entry) &&
            ['PodUID', 'ContainerName', 'ResourceName'].every((name) => typeof entry[name] === 'string') &&
            (entry['AllocResp'] === null || typeof entry['AllocResp'] === 'string') &&
            (entry['DeviceIDs'] === null || (isRecord(entry['DeviceIDs']) && Object.values(entry['DeviceIDs']).every(isIds))),
        )))
  );
}

const byKey = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]) => (a < b ? -1 : a > b ? 1 : 0);
const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
