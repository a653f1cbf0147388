import type { ContainerDevice, ContainerMount } from '../runtime/preparation.ts';
import type { Given, GivenDevices } from './device-checkpoint.ts';
import type { AllocateResponse, Device } from './device-plugin.ts';

/** What a container is told and shown for its devices. */
export interface DeviceSettings {
  readonly environment: readonly { readonly name: string; readonly value: string }[];
  readonly mounts: readonly ContainerMount[];
  readonly devices: readonly ContainerDevice[];
  readonly annotations: Readonly<Record<string, string>>;
  /** Names as `vendor.com/gpu=gpu0` (Container Device Interface). */
  readonly cdiDevices: readonly string[];
}

/** Adds to what a container was given; nothing that was there is changed. */
export function withGiven(given: Given, podUid: string, container: string, resource: string, devices: GivenDevices): Given {
  const pod = new Map(given.get(podUid));
  pod.set(container, new Map(pod.get(container)).set(resource, devices));
  return new Map(given).set(podUid, pod);
}

export function withoutPod(given: Given, podUid: string): Given {
  const left = new Map(given);
  left.delete(podUid);
  return left;
}

/** The ids of what a container was given of one resource; each once, though it may lie at several nodes. */
export const idsOf = ({ byNode }: GivenDevices): readonly string[] => [...new Set([...byNode.values()].flat())];

/** All that is given of a resource, to whomever. */
export function allGiven(given: Given, resource: string): Set<string> {
  const ids = [...given.values()].flatMap((containers) =>
    [...containers.values()].flatMap((resources) => {
      const devices = resources.get(resource);
      return devices ? idsOf(devices) : [];
    }),
  );
  return new Set(ids);
}

export function placed(ids: readonly string[], devices: ReadonlyMap<string, Device>, response: AllocateResponse): GivenDevices {
  const byNode = new Map<number, string[]>();
  for (const id of ids) {
    const { numaNodes = [] } = devices.get(id) ?? {};
    for (const node of numaNodes.length > 0 ? numaNodes : [0]) byNode.set(node, [...(byNode.get(node) ?? []), id]);
  }
  return { byNode, response };
}

/**
 * What plugins said, put together; of two that want to give a container the same thing the first one does.
 *
 * @param conflict is told of a thing that two of them want to be different
 */
export function deviceSettings(
  responses: readonly AllocateResponse[],
  conflict: (what: string, name: string) => void = () => undefined,
): DeviceSettings {
  const collect = <T>(what: string, entries: readonly (readonly [name: string, key: string, value: T])[]) => {
    const found = new Map<string, { readonly key: string; readonly value: T }>();
    for (const [name, key, value] of entries) {
      const before = found.get(name);
      if (!before) found.set(name, { key, value });
      else if (before.key !== key) conflict(what, name);
    }
    return [...found.values()].map(({ value }) => value);
  };
  const texts = (of: (response: AllocateResponse) => Readonly<Record<string, string>>) =>
    responses.flatMap((response) => Object.entries(of(response)).map(([name, value]) => [name, value, { name, value }] as const));
  const annotations = collect(
    'annotation',
    texts((response) => response.annotations),
  );
  return {
    environment: collect(
      'environment variable',
      texts(({ envs }) => envs),
    ),
    mounts: collect(
      'mount',
      responses.flatMap(({ mounts }) =>
        mounts.map(({ container_path: containerPath, host_path: hostPath, read_only: readOnly }) => {
          return [containerPath, hostPath, { hostPath, containerPath, readOnly }] as const;
        }),
      ),
    ),
    devices: collect(
      'device',
      responses.flatMap(({ devices }) =>
        devices.map(({ container_path: containerPath, host_path: hostPath, permissions }) => {
          return [containerPath, hostPath, { hostPath, containerPath, permissions }] as const;
        }),
      ),
    ),
    annotations: Object.fromEntries(annotations.map(({ name, value }) => [name, value])),
    cdiDevices: [...new Set(responses.flatMap(({ cdi_devices }) => cdi_devices.map(({ name }) => name)))],
  };
}
