import { randomUUID } from 'node:crypto';
import type {
  ResourceV1ResourceClaim,
  V1AllocationResult,
  V1DeviceAllocationConfiguration,
  V1DeviceClass,
  V1ExactDeviceRequest,
  V1Node,
} from '../../api/gen/types.ts';
import { nodesOf, type OfferedDevice } from './device-pools.ts';

export interface ChosenDevice {
  readonly offered: OfferedDevice;
  /** What is taken of a device for several claims. */
  readonly consumed?: Readonly<Record<string, string>>;
}

/** What was chosen for one request of a claim. */
export interface ChosenRequest {
  /** With its alternative: `gpu/large`. */
  readonly name: string;
  readonly spec: V1ExactDeviceRequest;
  readonly deviceClass: V1DeviceClass | undefined;
  readonly devices: readonly ChosenDevice[];
}

/** What is written into the claim's status. `node` is that for which the devices were chosen. */
export function allocationOf(claim: ResourceV1ResourceClaim, chosen: readonly ChosenRequest[], node: V1Node): V1AllocationResult {
  const results = chosen.flatMap(({ name: request, spec: { adminAccess, tolerations }, devices }) =>
    devices.map(({ offered: { driver, pool, device }, consumed }) => ({
      ...{ request, driver, pool, device: device.name },
      ...(adminAccess && { adminAccess }),
      ...(tolerations?.length && { tolerations }),
      ...(device.bindingConditions?.length && { bindingConditions: device.bindingConditions }),
      ...(device.bindingFailureConditions?.length && { bindingFailureConditions: device.bindingFailureConditions }),
      // One device, several users: each of them by a name of its own.
      ...(consumed && { shareID: randomUUID() }),
      ...(consumed && Object.keys(consumed).length > 0 && { consumedCapacity: consumed }),
    })),
  );
  const config = [...classConfigurations(chosen), ...claimConfigurations(claim, chosen)];
  const nodeSelector = nodesOf(
    chosen.flatMap(({ devices }) => devices.map(({ offered }) => offered)),
    node,
  );
  return { devices: { results, ...(config.length && { config }) }, ...(nodeSelector && { nodeSelector }) };
}

/** Of each class once, with the requests for it. */
function classConfigurations(chosen: readonly ChosenRequest[]): V1DeviceAllocationConfiguration[] {
  const byClass = Map.groupBy(chosen, ({ spec }) => spec.deviceClassName);
  return [...byClass.values()].flatMap((those) =>
    (those[0]?.deviceClass?.spec.config ?? []).map((config) => ({
      ...{ ...config, source: 'FromClass', requests: those.map(({ name }) => name) },
    })),
  );
}

function claimConfigurations(
  { spec }: ResourceV1ResourceClaim,
  chosen: readonly ChosenRequest[],
): V1DeviceAllocationConfiguration[] {
  const names = new Set(chosen.flatMap(({ name }) => [name, name.split('/')[0]]));
  return (spec.devices?.config ?? [])
    .filter(({ requests = [] }) => requests.length === 0 || requests.some((name) => names.has(name)))
    .map((config) => ({ ...config, source: 'FromClaim' }));
}
