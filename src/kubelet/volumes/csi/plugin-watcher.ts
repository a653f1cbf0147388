/**
 * Plugins that make themselves known by a socket in `<root>/plugins_registry` (upstream's pkg/kubelet/pluginmanager). Level-triggered:
 * whatever happens, the directory is read again and compared with what is registered.
 */
import { type FSWatcher, watch } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Backoff } from '../../../std/backoff.ts';
import type { Clock } from '../../../std/clock.ts';
import { createGrpcChannel, type GrpcChannel } from '../../../std/grpc/grpc-channel.ts';
import { createMessageCodec } from '../../../std/grpc/message-codec.ts';
import { type Component, deferred } from '../../../std/lifecycle.ts';
import type { Logger } from '../../../std/logger.ts';
import { namesIn } from '../pod-leftovers.ts';
import { REGISTRATION_MESSAGES } from './csi-messages.ts';

export interface PluginInfo {
  readonly name: string;
  /** A socket. */
  readonly endpoint: string;
  readonly versions: readonly string[];
}

/** What takes plugins of one type. */
export interface PluginHandler {
  /** Rejects with why it is not taken. */
  register(plugin: PluginInfo): Promise<void>;
  deregister(plugin: PluginInfo): Promise<void>;
}

export interface PluginWatcherOptions {
  readonly directory: string;
  /** By type: `CSIPlugin`. */
  readonly handlers: Readonly<Record<string, PluginHandler>>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
  /** For tests. Default: the kernel's. */
  readonly watchDirectory?: (path: string, onChange: () => void) => FSWatcher;
}

interface Known {
  /** Another one at the same path is another plugin. */
  readonly identity: string;
  registered?: { readonly handler: PluginHandler; readonly plugin: PluginInfo };
}

const TIMEOUT_MS = 10_000;
/** Where the kernel has no more watches to give, the directory is looked at so often. */
const LOOK_AGAIN_MS = 10_000;
const DEEPEST = 3;
const codec = createMessageCodec(REGISTRATION_MESSAGES);

/** `start` resolves when every socket that is there has been asked once. */
export function createPluginWatcher(options: PluginWatcherOptions): Component {
  const { directory, handlers, clock, logger, random } = options;
  const watchDirectory = options.watchDirectory ?? ((path, onChange) => watch(path, { persistent: false }, onChange));
  const known = new Map<string, Known>();
  const done = deferred();
  const backoff = new Backoff({ initialMs: 500, maxMs: 120_000, random });

  async function register(path: string): Promise<NonNullable<Known['registered']>> {
    const channel = createGrpcChannel({ target: `unix://${path}` });
    try {
      const answer = await channel.unary('/pluginregistration.Registration/GetInfo', codec.encode('InfoRequest', {}), {
        timeoutMs: TIMEOUT_MS,
      });
      const { type, name, endpoint, supported_versions: versions } = codec.decode('PluginInfo', answer);
      const plugin = { name, endpoint: endpoint || path, versions };
      try {
        const handler = Object.hasOwn(handlers, type) ? handlers[type] : undefined;
        if (!handler) throw new Error(`no handler registered for plugin type: ${type} at socket ${path}`);
        await handler.register(plugin);
        await notify(channel, '');
        return { handler, plugin };
      } catch (error) {
        await notify(channel, (error as Error).message);
        throw error;
      }
    } finally {
      channel.close();
    }
  }

  async function notify(channel: GrpcChannel, error: string): Promise<void> {
    const request = codec.encode('RegistrationStatus', { plugin_registered: error === '', error });
    await channel.unary('/pluginregistration.Registration/NotifyRegistrationStatus', request, { timeoutMs: TIMEOUT_MS });
  }

  /** Answers whether everything that is there is registered. */
  async function reconcile(): Promise<boolean> {
    const there = await sockets(directory, DEEPEST, logger);
    for (const [path, { identity, registered }] of known) {
      if (there.get(path) === identity) continue;
      known.delete(path);
      try {
        await registered?.handler.deregister(registered.plugin);
      } catch (error) {
        logger.error('Failed to deregister a plugin', { plugin: registered?.plugin.name, err: error });
      }
    }
    let complete = true;
    const added = [...there].map(async ([path, identity]) => {
      const entry: Known = known.get(path) ?? { identity };
      known.set(path, entry);
      if (entry.registered) return;
      try {
        entry.registered = await register(path);
        logger.info('A plugin is registered', { plugin: entry.registered.plugin.name, socket: path });
      } catch (error) {
        logger.error('Failed to register a plugin', { socket: path, err: error });
        complete = false;
      }
    });
    // Side by side: one that does not answer must not keep the others waiting.
    await Promise.all(added);
    return complete;
  }

  async function run(signal: AbortSignal, first: PromiseWithResolvers<void>): Promise<void> {
    let wake = Promise.withResolvers<void>();
    let watcher: FSWatcher | undefined;
    let told = false;
    const watchOrTell = () => {
      try {
        watcher = watchDirectory(directory, () => wake.resolve());
      } catch (error) {
        // fs.inotify.max_user_instances is a bound of the machine's, which others may have used up: no reason to end a node for.
        if (!told) logger.warn('Cannot watch for plugins; their directory is looked at every 10 s', { directory, err: error });
        told = true;
        return;
      }
      watcher.on('error', (error) => {
        logger.error('Watching for plugins failed', { directory, err: error });
        wake.resolve();
      });
    };
    try {
      signal.addEventListener('abort', () => wake.resolve(), { once: true });
      while (!signal.aborted) {
        wake = Promise.withResolvers();
        if (!watcher) watchOrTell();
        const complete = await reconcile();
        first.resolve();
        if (complete) backoff.reset();
        if (signal.aborted) break;
        const delayMs = complete ? (watcher ? undefined : LOOK_AGAIN_MS) : backoff.next();
        const timer = delayMs === undefined ? undefined : clock.setTimer(delayMs, wake.resolve);
        await wake.promise;
        timer?.cancel();
      }
    } finally {
      watcher?.close();
      first.resolve();
    }
  }

  return {
    name: 'plugin watcher',
    done: done.promise,
    async start(signal) {
      await mkdir(directory, { recursive: true, mode: 0o750 });
      const first = Promise.withResolvers<void>();
      run(signal, first).then(done.resolve, (error: unknown) => {
        first.reject(error);
        done.reject(error);
      });
      await first.promise;
    },
  };
}

/** Paths of sockets, with what tells one from the next at the same path. Hidden names are not meant for us. */
async function sockets(directory: string, depth: number, logger: Logger): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const name of await namesIn(directory)) {
    if (name.startsWith('.')) continue;
    const path = join(directory, name);
    const stats = await stat(path).catch((error: NodeJS.ErrnoException) => {
      // One plugin's odd name, a link in a circle, must not cost the node all others.
      if (error.code !== 'ENOENT') logger.warn('Passed over among the sockets of plugins', { path, err: error });
      return undefined;
    });
    if (stats?.isSocket()) found.set(path, `${stats.dev}:${stats.ino}:${stats.mtimeMs}`);
    else if (stats?.isDirectory() && depth > 1)
      for (const [below, identity] of await sockets(path, depth - 1, logger)) found.set(below, identity);
  }
  return found;
}
