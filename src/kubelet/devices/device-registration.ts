import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isExtendedResource } from '../../api/core/v1/resource-names.ts';
import { startGrpcServer } from '../../std/grpc/grpc-server.ts';
import type { Message } from '../../std/grpc/message-schema.ts';
import { type Component, deferred } from '../../std/lifecycle.ts';
import type { Logger } from '../../std/logger.ts';
import { DEVICE_PLUGIN_MESSAGES, DEVICE_PLUGIN_VERSION } from './device-messages.ts';
import { abilitiesOf, type DevicePluginAbilities } from './device-plugin.ts';

export interface DeviceRegistrationOptions {
  /** `<root>/device-plugins`: where plugins find the kubelet's socket and make theirs. */
  readonly directory: string;
  readonly logger: Logger;
  readonly registered: (resource: string, socketPath: string, abilities: DevicePluginAbilities) => void;
}

type RegisterRequest = Message<typeof DEVICE_PLUGIN_MESSAGES, 'RegisterRequest'>;

export const KUBELET_SOCKET = 'kubelet.sock';
/** unix(7) */
export const LONGEST_SOCKET_PATH = 107;

/** Serves v1beta1.Registration. Sockets of an earlier kubelet's plugins are removed: by that they know that they are to register again. */
export function createDeviceRegistration({ directory, logger, registered }: DeviceRegistrationOptions): Component {
  const done = deferred();

  function register(request: RegisterRequest): object {
    const { resource_name: resource, endpoint, options } = request;
    try {
      checkVersion(request.version);
      checkResourceName(resource);
      if (!/^[^/\0]+$/.test(endpoint) || endpoint === '.' || endpoint === '..' || endpoint === KUBELET_SOCKET)
        throw new Error(`the Endpoint ${JSON.stringify(endpoint)} is no name of a socket in ${directory}`);
    } catch (error) {
      logger.error('Bad registration request from device plugin', { resource, err: error });
      throw error;
    }
    logger.info('Got registration request from device plugin', { resource });
    registered(resource, join(directory, endpoint), abilitiesOf(options));
    return {};
  }

  return {
    name: 'registration of device plugins',
    done: done.promise,
    async start(signal) {
      signal.throwIfAborted();
      await mkdir(directory, { recursive: true, mode: 0o750 });
      await removeSockets(directory);
      const socketPath = join(directory, KUBELET_SOCKET);
      if (Buffer.byteLength(socketPath) > LONGEST_SOCKET_PATH) {
        logger.warn('Device plugins cannot register: the path of the socket is longer than the kernel allows', { socketPath });
        signal.addEventListener('abort', () => done.resolve(), { once: true });
        return;
      }
      const server = await startGrpcServer({
        socketPath,
        messages: DEVICE_PLUGIN_MESSAGES,
        methods: { 'v1beta1.Registration/Register': { request: 'RegisterRequest', response: 'Empty', answer: register } },
      });
      const stop = () => void server.stop().then(done.resolve, done.reject);
      if (signal.aborted) stop();
      else signal.addEventListener('abort', stop, { once: true });
    },
  };
}

/** @throws Error in upstream's words */
export function checkVersion(version: string): void {
  if (version !== DEVICE_PLUGIN_VERSION)
    throw new Error(
      `requested API version ${JSON.stringify(version)} is not supported by kubelet. Supported version is ["${DEVICE_PLUGIN_VERSION}"]`,
    );
}

/** @throws Error in upstream's words */
export function checkResourceName(name: string): void {
  if (!isExtendedResource(name)) throw new Error(`the ResourceName ${JSON.stringify(name)} is invalid`);
}

async function removeSockets(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    const path = join(directory, name);
    // One that goes at this very moment is no concern of ours.
    if ((await stat(path).catch(() => undefined))?.isSocket()) await rm(path, { force: true });
  }
}
