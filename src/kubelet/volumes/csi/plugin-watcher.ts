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
import { Turns } from '../../../std/turns.ts';
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

interface Registered {
  readonly handler: PluginHandler;
  readonly plugin: PluginInfo;
}

interface Known {
  /** Another one at the same path is another plugin. */
  readonly identity: string;
  readonly gone: AbortController;
  /** It was asked once, whatever came of it. */
  tried(): void;
  registered?: Registered;
}

const TIMEOUT_MS = 10_000;
/** Where the kernel has no more watches to give, or there are directories below, which it does not watch. */
const LOOK_AGAIN_MS = 10_000;
const DEEPEST = 3;
const codec = createMessageCodec(REGISTRATION_MESSAGES);

/** `start` resolves when every socket that is there has been asked once, or after 10 seconds. */
export function createPluginWatcher(options: PluginWatcherOptions): Component {
  const { directory, handlers, clock, logger, random } = options;
  const watchDirectory = options.watchDirectory ?? ((path, onChange) => watch(path, { persistent: false }, onChange));
  const known = new Map<string, Known>();
  const turns = new Turns<string>();
  const done = deferred();

  async function register(path: string): Promise<Registered> {
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

  /** One socket's turn: it is asked until it answers, as long as it is there. Each goes at its own pace. */
  async function keep(path: string, entry: Known, signal: AbortSignal): Promise<void> {
    const backoff = new Backoff({ initialMs: 500, maxMs: 120_000, random });
    const isThere = () => !signal.aborted && known.get(path) === entry;
    while (isThere()) {
      try {
        const registered = await register(path);
        if (signal.aborted) return;
        // It went, or another one came, while it answered.
        if (!isThere()) return await deregister(registered);
        entry.registered = registered;
        logger.info('A plugin is registered', { plugin: registered.plugin.name, socket: path });
        return;
      } catch (error) {
        logger.error('Failed to register a plugin', { socket: path, err: error });
      }
      entry.tried();
      await clock.sleep(backoff.next(), AbortSignal.any([signal, entry.gone.signal])).catch(() => undefined); // the loop ends
    }
  }

  async function deregister({ handler, plugin }: Registered): Promise<void> {
    try {
      await handler.deregister(plugin);
    } catch (error) {
      logger.error('Failed to deregister a plugin', { plugin: plugin.name, err: error });
    }
  }

  /** Answers whether there are directories below, of which the watch tells nothing; `asked`: each new socket has answered or failed once. */
  async function reconcile(signal: AbortSignal): Promise<{ deep: boolean; asked: Promise<unknown> }> {
    const { sockets: there, deep } = await socketsIn(directory, DEEPEST, logger);
    for (const [path, entry] of known) {
      if (there.get(path) === entry.identity) continue;
      known.delete(path);
      entry.gone.abort();
      if (entry.registered) await deregister(entry.registered);
    }
    const asked: Promise<void>[] = [];
    for (const [path, identity] of there) {
      if (known.has(path)) continue;
      const first = Promise.withResolvers<void>();
      const entry: Known = { identity, gone: new AbortController(), tried: first.resolve };
      known.set(path, entry);
      // Behind the one that was there before: late to give up, it would take the name from this one.
      void turns.take(path, () => keep(path, entry, signal)).finally(first.resolve);
      asked.push(first.promise);
    }
    return { deep, asked: Promise.all(asked) };
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
        const { deep, asked } = await reconcile(signal);
        void asked.then(() => first.resolve());
        if (signal.aborted) break;
        const timer = watcher && !deep ? undefined : clock.setTimer(LOOK_AGAIN_MS, wake.resolve);
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
      // One that does not answer must not keep the node from its pods.
      const patience = clock.setTimer(TIMEOUT_MS, first.resolve);
      await first.promise;
      patience.cancel();
    },
  };
}

/** Paths of sockets, with what tells one from the next at the same path. Hidden names are not meant for us. */
async function socketsIn(
  directory: string,
  depth: number,
  logger: Logger,
): Promise<{ sockets: Map<string, string>; deep: boolean }> {
  const found = new Map<string, string>();
  let deep = false;
  for (const name of await namesIn(directory)) {
    if (name.startsWith('.')) continue;
    const path = join(directory, name);
    const stats = await stat(path).catch((error: NodeJS.ErrnoException) => {
      // One plugin's odd name, a link in a circle, must not cost the node all others.
      if (error.code !== 'ENOENT') logger.warn('Passed over among the sockets of plugins', { path, err: error });
      return undefined;
    });
    if (stats?.isSocket()) found.set(path, `${stats.dev}:${stats.ino}:${stats.mtimeMs}`);
    else if (stats?.isDirectory() && depth > 1) {
      deep = true;
      for (const [below, identity] of (await socketsIn(path, depth - 1, logger)).sockets) found.set(below, identity);
    }
  }
  return { sockets: found, deep };
}
