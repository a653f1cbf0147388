/** A CSI driver for tests: volumes are directories, staged and published by bind mounts, and every call is written down. */
import { chmod, mkdir, open, rm, rmdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type handleUnaryCall, Metadata, Server, ServerCredentials, status } from '@grpc/grpc-js';
import { createMounts } from '../../src/host/mounts.ts';
import {
  CSI_MESSAGES,
  NODE_CAPABILITY,
  type NodeCapability,
  REGISTRATION_MESSAGES,
  USAGE_UNIT,
} from '../../src/kubelet/volumes/csi/csi-messages.ts';
import { createMessageCodec } from '../../src/std/grpc/message-codec.ts';

export interface CsiDriverOptions {
  /** Default `csi.test`. */
  readonly name?: string;
  readonly nodeId?: string;
  /** `--root-dir` of the kubelet that is to find it. */
  readonly kubeletRoot: string;
  /** Where its volumes are kept. */
  readonly directory: string;
  /** Default: all but volumeMountGroup. */
  readonly capabilities?: readonly NodeCapability[];
  readonly topology?: Readonly<Record<string, string>>;
  readonly maxVolumes?: number;
  /** What a volume of mode Block is. */
  readonly device?: string;
  readonly type?: string;
  readonly versions?: readonly string[];
}

export interface CsiCall {
  readonly name: string;
  readonly request: Readonly<Record<string, unknown>>;
}

export interface TestCsiDriver extends AsyncDisposable {
  readonly name: string;
  readonly calls: readonly CsiCall[];
  /** What the kubelet said of the registration, newest last. */
  readonly registrations: readonly { readonly plugin_registered: boolean; readonly error: string }[];
  /** Throws to refuse a call. */
  before: (call: CsiCall) => void;
  /** The directory that a volume is. */
  volume(handle: string): string;
  count(name: string): number;
}

type Handler = (request: never) => Promise<object>;

export async function startCsiDriver(options: CsiDriverOptions): Promise<TestCsiDriver> {
  const { name = 'csi.test', kubeletRoot, directory, device, nodeId = 'node-of-the-driver' } = options;
  const capabilities = options.capabilities ?? ['stageUnstageVolume', 'getVolumeStats', 'expandVolume', 'singleNodeMultiWriter'];
  const mounts = createMounts();
  const codec = createMessageCodec({ ...CSI_MESSAGES, ...REGISTRATION_MESSAGES });
  const calls: CsiCall[] = [];
  const registrations: { plugin_registered: boolean; error: string }[] = [];
  const volume = (handle: string) => join(directory, handle);
  const socket = join(kubeletRoot, 'plugins', name, 'csi.sock');
  const registrationSocket = join(kubeletRoot, 'plugins_registry', `${name}-reg.sock`);

  interface Target {
    readonly volume_id: string;
    readonly staging_target_path: string;
    readonly target_path: string;
    readonly readonly: boolean;
    readonly volume_capability?: { readonly block?: object };
  }

  async function bind(source: string, target: string, readOnly: boolean): Promise<void> {
    if (await mounts.at(target)) return;
    if ((await stat(source)).isDirectory()) await mkdir(target, { recursive: true });
    else {
      await mkdir(dirname(target), { recursive: true });
      await (await open(target, 'a')).close();
    }
    await mounts.bind({ source, target, readOnly });
  }

  const nodeHandlers: Record<string, Handler> = {
    NodeGetInfo: async () => ({
      node_id: nodeId,
      max_volumes_per_node: options.maxVolumes ?? 0,
      accessible_topology: { segments: options.topology ?? {} },
    }),
    NodeGetCapabilities: async () => ({ capabilities: capabilities.map((one) => ({ rpc: { type: NODE_CAPABILITY[one] } })) }),
    async NodeStageVolume({ volume_id, staging_target_path, volume_capability }: Target) {
      if (volume_capability?.block) return {};
      await mkdir(volume(volume_id), { recursive: true });
      await chmod(volume(volume_id), 0o755);
      await bind(volume(volume_id), staging_target_path, false);
      return {};
    },
    async NodeUnstageVolume({ staging_target_path }: Target) {
      await mounts.unmount(staging_target_path);
      return {};
    },
    async NodePublishVolume({ volume_id, staging_target_path, target_path, readonly, volume_capability }: Target) {
      if (!staging_target_path) await mkdir(volume(volume_id), { recursive: true });
      const source = volume_capability?.block ? device! : staging_target_path || volume(volume_id);
      await bind(source, target_path, readonly);
      return {};
    },
    async NodeUnpublishVolume({ target_path }: Target) {
      await mounts.unmount(target_path);
      const left = await stat(target_path).catch(() => undefined);
      if (left?.isDirectory()) await rmdir(target_path);
      else if (left) await rm(target_path);
      return {};
    },
    NodeGetVolumeStats: async () => ({
      usage: [
        { available: 600, total: 1000, used: 400, unit: USAGE_UNIT.bytes },
        { available: 7, total: 10, used: 3, unit: USAGE_UNIT.inodes },
      ],
    }),
    NodeExpandVolume: async ({ capacity_range }: { capacity_range?: { required_bytes: number } }) => ({
      capacity_bytes: capacity_range?.required_bytes ?? 0,
    }),
  };
  const registrationHandlers: Record<string, Handler> = {
    GetInfo: async () => ({
      type: options.type ?? 'CSIPlugin',
      name,
      endpoint: socket,
      supported_versions: options.versions ?? ['1.0.0'],
    }),
    async NotifyRegistrationStatus(said: { plugin_registered: boolean; error: string }) {
      registrations.push(said);
      return {};
    },
  };

  const driver: TestCsiDriver = {
    name,
    calls,
    registrations,
    before: () => undefined,
    volume,
    count: (wanted) => calls.filter((call) => call.name === wanted).length,
    async [Symbol.asyncDispose]() {
      for (const server of servers) server.forceShutdown();
      await Promise.all([socket, registrationSocket].map((path) => rm(path, { force: true })));
    },
  };

  const wrap =
    (call: string, request: string, response: string, handler: Handler): handleUnaryCall<Buffer, Buffer> =>
    (incoming, answer) => {
      void (async () => {
        const decoded = codec.decode(request as never, incoming.request) as Readonly<Record<string, unknown>>;
        calls.push({ name: call, request: decoded });
        driver.before({ name: call, request: decoded });
        return codec.encode(response as never, (await handler(decoded as never)) as never);
      })().then(
        (bytes) => answer(null, bytes),
        (error: Error) => answer({ code: status.INTERNAL, details: error.message, metadata: new Metadata() }),
      );
    };
  const listen = async (path: string, service: string, handlers: Record<string, Handler>) => {
    const server = new Server();
    const asIs = (bytes: Buffer) => bytes;
    const names = (call: string): [string, string] =>
      call === 'GetInfo'
        ? ['InfoRequest', 'PluginInfo']
        : call === 'NotifyRegistrationStatus'
          ? ['RegistrationStatus', 'RegistrationStatusResponse']
          : [`${call}Request`, `${call}Response`];
    const described = Object.keys(handlers).map((call) => [
      call,
      {
        path: `/${service}/${call}`,
        requestStream: false,
        responseStream: false,
        requestSerialize: asIs,
        requestDeserialize: asIs,
        responseSerialize: asIs,
        responseDeserialize: asIs,
      },
    ]);
    const wrapped = Object.entries(handlers).map(([call, handler]) => [call, wrap(call, ...names(call), handler)]);
    server.addService(Object.fromEntries(described), Object.fromEntries(wrapped));
    await mkdir(dirname(path), { recursive: true });
    await new Promise<void>((resolve, reject) => {
      server.bindAsync(`unix://${path}`, ServerCredentials.createInsecure(), (error) => (error ? reject(error) : resolve()));
    });
    return server;
  };
  const servers = [await listen(socket, 'csi.v1.Node', nodeHandlers)];
  // Last: whoever sees it asks for the other.
  servers.push(await listen(registrationSocket, 'pluginregistration.Registration', registrationHandlers));
  return driver;
}
