/** A device plugin for tests: its devices are names, what it is asked for is written down. */
import { join } from 'node:path';
import { DEVICE_PLUGIN_MESSAGES } from '../../src/kubelet/devices/device-messages.ts';
import { createGrpcChannel } from '../../src/std/grpc/grpc-channel.ts';
import { startGrpcServer } from '../../src/std/grpc/grpc-server.ts';
import { createMessageCodec } from '../../src/std/grpc/message-codec.ts';
import type { MessageInput } from '../../src/std/grpc/message-schema.ts';

type Input<Name extends keyof typeof DEVICE_PLUGIN_MESSAGES> = MessageInput<typeof DEVICE_PLUGIN_MESSAGES, Name>;

export interface DevicePluginOptions {
  /** `<root>/device-plugins` of the kubelet. */
  readonly directory: string;
  readonly resource: string;
  readonly devices: readonly Input<'Device'>[];
  readonly options?: Input<'DevicePluginOptions'>;
  /** What a container gets for these devices. Default: an environment variable `DEVICES` with their names. Throws to refuse. */
  readonly allocate?: (ids: readonly string[]) => Input<'ContainerAllocateResponse'>;
  readonly prefer?: (available: readonly string[], size: number) => readonly string[];
}

export interface TestDevicePlugin extends AsyncDisposable {
  readonly socketPath: string;
  /** `Allocate a b`, `PreStartContainer a`, in their order. */
  readonly calls: readonly string[];
  /** Tells the kubelet of other devices. */
  set(devices: readonly Input<'Device'>[]): void;
  /** Makes itself known at the kubelet's socket. Rejects with what the kubelet says. */
  register(version?: string): Promise<void>;
}

/** Serves `<resource's name>.sock` in the directory; it is not registered yet. */
export async function startDevicePlugin(plugin: DevicePluginOptions): Promise<TestDevicePlugin> {
  const { directory, resource, options = {}, prefer } = plugin;
  const endpoint = `${resource.replaceAll('/', '-')}.sock`;
  const socketPath = join(directory, endpoint);
  const calls: string[] = [];
  let devices = plugin.devices;
  let changed = Promise.withResolvers<void>();
  const allocate = plugin.allocate ?? ((ids) => ({ envs: { DEVICES: ids.join(',') } }));
  async function* list(_request: unknown, signal: AbortSignal) {
    signal.addEventListener('abort', () => changed.resolve(), { once: true });
    while (!signal.aborted) {
      const next = changed.promise;
      yield { devices };
      await next;
    }
  }
  const method = (name: string, request: string, response: string, answer: (request: never) => unknown, stream = false) =>
    [`v1beta1.DevicePlugin/${name}`, { request, response, answer, stream }] as const;
  const server = await startGrpcServer({
    socketPath,
    messages: DEVICE_PLUGIN_MESSAGES,
    methods: Object.fromEntries([
      method('GetDevicePluginOptions', 'Empty', 'DevicePluginOptions', () => options),
      method('ListAndWatch', 'Empty', 'ListAndWatchResponse', list as never, true),
      method('Allocate', 'AllocateRequest', 'AllocateResponse', ({ container_requests }: Input<'AllocateRequest'>) => ({
        container_responses: (container_requests ?? []).map(({ devices_ids = [] }) => {
          calls.push(`Allocate ${devices_ids.join(' ')}`);
          return allocate(devices_ids);
        }),
      })),
      method(
        'GetPreferredAllocation',
        'PreferredAllocationRequest',
        'PreferredAllocationResponse',
        ({ container_requests }: Input<'PreferredAllocationRequest'>) => ({
          container_responses: (container_requests ?? []).map(({ available_deviceIDs = [], allocation_size = 0 }) => ({
            deviceIDs: prefer?.(available_deviceIDs, allocation_size) ?? [],
          })),
        }),
      ),
      method(
        'PreStartContainer',
        'PreStartContainerRequest',
        'PreStartContainerResponse',
        ({ devices_ids = [] }: Input<'PreStartContainerRequest'>) => {
          calls.push(`PreStartContainer ${devices_ids.join(' ')}`);
          return {};
        },
      ),
    ]),
  });
  return {
    socketPath,
    calls,
    set(next) {
      devices = next;
      changed.resolve();
      changed = Promise.withResolvers();
    },
    async register(version = 'v1beta1') {
      const codec = createMessageCodec(DEVICE_PLUGIN_MESSAGES);
      const channel = createGrpcChannel({ target: `unix://${join(directory, 'kubelet.sock')}` });
      try {
        const request = codec.encode('RegisterRequest', { version, endpoint, resource_name: resource, options });
        await channel.unary('/v1beta1.Registration/Register', request, { timeoutMs: 60_000 });
      } finally {
        channel.close();
      }
    },
    [Symbol.asyncDispose]: () => server.stop(),
  };
}
