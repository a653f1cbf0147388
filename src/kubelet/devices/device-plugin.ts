import { createGrpcChannel } from '../../std/grpc/grpc-channel.ts';
import { createMessageCodec } from '../../std/grpc/message-codec.ts';
import type { Message } from '../../std/grpc/message-schema.ts';
import { DEVICE_PLUGIN_MESSAGES, HEALTHY } from './device-messages.ts';

/** One device, as its plugin last told of it. */
export interface Device {
  readonly healthy: boolean;
  /** Undefined: it says nothing of where it lies. */
  readonly numaNodes?: readonly number[];
}

/** What a plugin says that a container needs for its devices. */
export type AllocateResponse = Message<typeof DEVICE_PLUGIN_MESSAGES, 'ContainerAllocateResponse'>;

export interface DevicePluginAbilities {
  /** It is to be called before each start of a container. */
  readonly preStart: boolean;
  /** It may be asked which devices it would rather give. */
  readonly preferred: boolean;
}

/** A device plugin on its socket. All calls reject with a `GrpcError`. */
export interface DevicePlugin {
  abilities(): Promise<DevicePluginAbilities>;
  /** All its devices, by id, each time something about them changes; ends with the plugin. */
  devices(signal: AbortSignal): AsyncGenerator<ReadonlyMap<string, Device>, void, undefined>;
  preferred(wish: PreferredWish): Promise<readonly string[]>;
  /** Undefined: it answered nothing. */
  allocate(ids: readonly string[]): Promise<AllocateResponse | undefined>;
  preStart(ids: readonly string[]): Promise<void>;
  close(): void;
}

export interface PreferredWish {
  readonly available: readonly string[];
  readonly mustInclude: readonly string[];
  readonly size: number;
}

const SERVICE = '/v1beta1.DevicePlugin';
const ANSWER_TIMEOUT_MS = 10_000;
/** Plugins may reset hardware for it. Upstream waits for ever, and with it all other pods of the node. */
const ALLOCATE_TIMEOUT_MS = 120_000;
/** KubeletPreStartContainerRPCTimeoutInSecs */
const PRE_START_TIMEOUT_MS = 30_000;
const codec = createMessageCodec(DEVICE_PLUGIN_MESSAGES);

export function createDevicePlugin(socketPath: string): DevicePlugin {
  const channel = createGrpcChannel({ target: `unix://${socketPath}` });
  return {
    async abilities() {
      const request = codec.encode('Empty', {});
      const answer = await channel.unary(`${SERVICE}/GetDevicePluginOptions`, request, { timeoutMs: ANSWER_TIMEOUT_MS });
      return abilitiesOf(codec.decode('DevicePluginOptions', answer));
    },
    async *devices(signal) {
      const answers = channel.stream(`${SERVICE}/ListAndWatch`, codec.encode('Empty', {}), { signal });
      for await (const answer of answers) {
        const { devices } = codec.decode('ListAndWatchResponse', answer);
        yield new Map(
          devices.map(({ ID, health, topology }): [string, Device] => [
            ID,
            { healthy: health === HEALTHY, ...(topology && { numaNodes: topology.nodes.map((node) => node.ID) }) },
          ]),
        );
      }
    },
    async preferred({ available, mustInclude, size }) {
      const request = codec.encode('PreferredAllocationRequest', {
        container_requests: [{ available_deviceIDs: available, must_include_deviceIDs: mustInclude, allocation_size: size }],
      });
      const answer = await channel.unary(`${SERVICE}/GetPreferredAllocation`, request, { timeoutMs: ANSWER_TIMEOUT_MS });
      return codec.decode('PreferredAllocationResponse', answer).container_responses[0]?.deviceIDs ?? [];
    },
    async allocate(ids) {
      const request = codec.encode('AllocateRequest', { container_requests: [{ devices_ids: ids }] });
      const answer = await channel.unary(`${SERVICE}/Allocate`, request, { timeoutMs: ALLOCATE_TIMEOUT_MS });
      return codec.decode('AllocateResponse', answer).container_responses[0];
    },
    async preStart(ids) {
      const request = codec.encode('PreStartContainerRequest', { devices_ids: ids });
      await channel.unary(`${SERVICE}/PreStartContainer`, request, { timeoutMs: PRE_START_TIMEOUT_MS });
    },
    close: () => channel.close(),
  };
}

export function abilitiesOf(
  options: Message<typeof DEVICE_PLUGIN_MESSAGES, 'DevicePluginOptions'> | undefined,
): DevicePluginAbilities {
  return {
    preStart: options?.pre_start_required ?? false,
    preferred: options?.get_preferred_allocation_available ?? false,
  };
}
