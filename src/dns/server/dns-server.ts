import { createHash } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { CodedError } from '../../std/coded-error.ts';
import { type Component, deferred } from '../../std/lifecycle.ts';
import { MUSTER_VERSION } from '../../std/version.ts';
import { MessageWriter } from '../message/write-message.ts';
import { createDnsMetrics } from '../metrics/dns-metrics.ts';
import type { Page } from '../plugins/plugin.ts';
import { createPacketAnswerer } from './answer-packet.ts';
import { createGeneration, type Generation, type GenerationContext, placeOf } from './generation.ts';
import { type DnsListener, openListener } from './listener.ts';
import { openPageServer, type PageServer } from './page-server.ts';
import { readServerConfig, type ServerConfig } from './server-config.ts';

export interface DnsServerOptions extends Omit<GenerationContext, 'metrics' | 'fail' | 'readFile'> {
  readonly corefile: CorefileSource;
  /** Of server blocks that name none. */
  readonly port: number;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /**
   * The only files that the Corefile may name (`import`, `hosts`, `forward`), where others than this machine's administrators write it. Default:
   * any.
   */
  readonly readableFiles?: ReadonlySet<string>;
}

export interface CorefileSource {
  /** What errors call it; files that it names are relative to where it lies. */
  readonly path: string;
  read(): Promise<string>;
  /** Tells of changes at once; without it the Corefile is looked at in intervals. Returns the way to end it. */
  onChange?(listener: () => void): () => void;
}

export interface DnsServer extends Component {
  /** The hash of the Corefile in use. */
  readonly version: string;
}

/**
 * A DNS server as its Corefile says. A Corefile that changes is taken over when it has `reload` and the new one works as a whole; else the
 * one before stays in use.
 *
 * `start` rejects with CodedError COREFILE_INVALID, DNS_CANNOT_LISTEN, or what the API server says.
 */
export function createDnsServer(options: DnsServerOptions): DnsServer {
  return new CorefileServer(options);
}

interface Running {
  readonly config: ServerConfig;
  readonly generation: Generation;
  readonly life: AbortController;
}

class CorefileServer implements DnsServer {
  readonly name = 'DNS server';
  readonly #options: DnsServerOptions;
  readonly #context: GenerationContext;
  readonly #done = deferred();
  readonly #metrics = createDnsMetrics();
  readonly #listeners = new Map<string, DnsListener>();
  readonly #pageServers = new Map<string, PageServer>();
  readonly #answer: ReturnType<typeof createPacketAnswerer>;
  /** Aborted by a plugin that cannot go on. */
  readonly #life = new AbortController();
  #failure: Error | undefined;
  #running: Running | undefined;
  #text = '';
  #reloading: Promise<void> = Promise.resolve();

  constructor(options: DnsServerOptions) {
    this.#options = options;
    const { logger } = options;
    const directory = dirname(resolve(options.corefile.path));
    this.#context = {
      ...options,
      metrics: this.#metrics,
      readFile: async (path) => readFile(this.#readable(resolve(directory, path)), 'utf8'),
      fail: (error) => {
        this.#failure ??= error;
        this.#life.abort(error);
      },
    };
    this.#answer = createPacketAnswerer({ metrics: this.#metrics, writer: new MessageWriter(), logger });
    this.#metrics.series('coredns_build_info', [`muster-${MUSTER_VERSION}`, '', '']).set(1);
    this.#done.promise.catch(() => undefined); // told by `done`
  }

  get done(): Promise<void> {
    return this.#done.promise;
  }

  get version(): string {
    return createHash('sha512').update(this.#text).digest('hex');
  }

  async start(outer: AbortSignal): Promise<void> {
    const { corefile, logger } = this.#options;
    const signal = AbortSignal.any([outer, this.#life.signal]);
    try {
      await this.#use(await corefile.read(), signal);
    } catch (error) {
      await this.#closeAll();
      this.#done.resolve();
      throw error;
    }
    const endWatch = corefile.onChange?.(() => this.#reload(signal));
    if (!corefile.onChange) this.#lookAgain(signal);
    const onAbort = () => {
      this.#end(endWatch).then(
        () => (this.#failure ? this.#done.reject(this.#failure) : this.#done.resolve()),
        (error: unknown) => {
          logger.error('The DNS server did not end cleanly', { error });
          this.#done.reject(error);
        },
      );
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  }

  async #end(endWatch: (() => void) | undefined): Promise<void> {
    endWatch?.();
    await this.#reloading;
    const lameduckMs = this.#failure ? 0 : (this.#running?.generation.lameduckMs ?? 0);
    if (lameduckMs > 0) await this.#options.clock.sleep(lameduckMs);
    await this.#closeAll();
  }

  #lookAgain(signal: AbortSignal): void {
    const { clock, random } = this.#options;
    const { intervalMs, jitterMs } = this.#running?.config.reload ?? { intervalMs: 30_000, jitterMs: 15_000 };
    clock
      .sleep(intervalMs + random() * jitterMs, signal)
      .then(async () => {
        this.#reload(signal);
        await this.#reloading;
        this.#lookAgain(signal);
      })
      .catch((error: unknown) => {
        if (!signal.aborted) this.#options.logger.error('The Corefile is read no more', { error });
      });
  }

  /** One after the other; never fails. */
  #reload(signal: AbortSignal): void {
    const { corefile, logger } = this.#options;
    this.#reloading = this.#reloading.then(async () => {
      if (signal.aborted || !this.#running?.config.reload) return;
      try {
        const text = await corefile.read();
        if (text === this.#text) return;
        await this.#use(text, signal);
        logger.info('Reloading complete', { corefile: corefile.path });
      } catch (error) {
        this.#metrics.series('coredns_reload_failed_total', []).add();
        logger.error('Corefile changed but reload failed; the one before stays in use', { error });
      }
    });
  }

  #readable(path: string): string {
    const { readableFiles } = this.#options;
    if (readableFiles && !readableFiles.has(path))
      throw new CodedError(`the Corefile may not name file ${path}`, { code: 'COREFILE_INVALID' });
    return path;
  }

  /** Takes a Corefile over as a whole, or throws and leaves everything as it was. */
  async #use(text: string, signal: AbortSignal): Promise<void> {
    const { corefile, environment, port, logger } = this.#options;
    const directory = dirname(resolve(corefile.path));
    const config = readServerConfig(text, corefile.path, {
      port,
      environment,
      readImport: (path) => readFileSync(this.#readable(resolve(directory, path)), 'utf8'),
      // Of others' Corefiles only those that they may name anyway.
      listImports: (pattern) =>
        globSync(pattern, { cwd: directory })
          .map((path) => resolve(directory, path))
          .filter((path) => this.#options.readableFiles?.has(path) ?? true)
          .sort(),
    });
    const generation = createGeneration(config, this.#context);
    const life = new AbortController();
    const opened: string[] = [];
    // Once in use, it works until the last answer is given.
    const giveUp = () => life.abort(signal.reason);
    signal.addEventListener('abort', giveUp, { once: true });
    try {
      await generation.start(life.signal);
      signal.throwIfAborted();
      for (const place of generation.zones.keys()) {
        if (this.#listeners.has(place)) continue;
        const [address = '', number = ''] = place.split(' ');
        const zones = () => this.#running?.generation.zones.get(place);
        this.#listeners.set(
          place,
          await openListener(address, Number(number), (packet) => this.#answer(packet, zones()), logger),
        );
        opened.push(place);
      }
      await this.#openPages(pagesOf(generation, this.#options.listenAddresses));
    } catch (error) {
      life.abort(new DOMException('the Corefile cannot be used', 'AbortError'));
      for (const place of opened) await this.#closeListener(place);
      if (this.#running) await this.#openPages(pagesOf(this.#running.generation, this.#options.listenAddresses));
      throw error;
    } finally {
      signal.removeEventListener('abort', giveUp);
    }
    const before = this.#running;
    this.#running = { config, generation, life };
    this.#text = text;
    before?.life.abort(new DOMException('another Corefile is in use', 'AbortError'));
    for (const place of [...this.#listeners.keys()]) if (!generation.zones.has(place)) await this.#closeListener(place);
    generation.onListening(life.signal);
    this.#metrics.series('coredns_reload_version_info', ['sha512', this.version]).set(1);
  }

  async #openPages(pages: ReadonlyMap<string, readonly Page[]>): Promise<void> {
    for (const [place, own] of pages) {
      const known = this.#pageServers.get(place);
      const [host = '', port = ''] = place.split(' ');
      if (known) known.replace(own);
      else this.#pageServers.set(place, await openPageServer(host, Number(port), own));
    }
    for (const [place, server] of this.#pageServers)
      if (!pages.has(place)) {
        this.#pageServers.delete(place);
        await server.close();
      }
  }

  async #closeListener(place: string): Promise<void> {
    const listener = this.#listeners.get(place);
    this.#listeners.delete(place);
    await listener?.close();
  }

  async #closeAll(): Promise<void> {
    this.#running?.life.abort(new DOMException('the DNS server ends', 'AbortError'));
    await Promise.all([...this.#listeners.keys()].map((place) => this.#closeListener(place)));
    const servers = [...this.#pageServers.values()];
    this.#pageServers.clear();
    await Promise.all(servers.map((server) => server.close()));
  }
}

/** The pages by place; those of no host are where the server listens. `ready` speaks for the server as a whole. */
function pagesOf(generation: Generation, addresses: readonly string[]): Map<string, Page[]> {
  const places = new Map<string, Page[]>();
  for (const page of generation.pages) {
    const colon = page.address.lastIndexOf(':');
    const host = page.address.slice(0, colon).replace(/^\[|\]$/g, '');
    const port = Number(page.address.slice(colon + 1));
    const own = page.path === '/ready' ? { ...page, answer: () => readiness(generation) } : page;
    for (const address of host === '' ? addresses : [host === 'localhost' ? '127.0.0.1' : host]) {
      const place = placeOf(address, port);
      places.set(place, [...(places.get(place) ?? []), own]);
    }
  }
  return places;
}

function readiness(generation: Generation) {
  const waiting = generation.ready();
  const contentType = 'text/plain; charset=utf-8';
  if (waiting.length === 0) return { status: 200, contentType, text: 'OK' };
  return { status: 503, contentType, text: waiting.join(',') };
}
