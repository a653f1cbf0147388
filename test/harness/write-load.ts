/** A steady load of writes on several API servers, with an exact account of what was acknowledged. */
import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from './until.ts';

export interface ApiAnswer {
  readonly status: number;
  readonly body: {
    readonly metadata?: { readonly name?: string; readonly resourceVersion?: string };
    readonly data?: Readonly<Record<string, string>>;
    readonly items?: readonly { readonly metadata: { readonly name: string; readonly resourceVersion: string } }[];
    readonly message?: string;
  };
  readonly text: string;
}

/** One API server, as a client with a certificate sees it. */
export interface Api {
  readonly server: string;
  /** Rejects when there is no whole answer within the time, default 20 s. */
  send(method: string, path: string, body?: object, timeoutMs?: number): Promise<ApiAnswer>;
  /** Each whole line, to the stream's end, whatever ended it; none when it is refused. */
  lines(path: string, signal: AbortSignal): AsyncIterable<string>;
  close(): void;
}

export interface ApiOptions {
  readonly server: string;
  readonly caPem: string;
  readonly certificatePem: string;
  readonly privateKeyPem: string;
}

const KEEPALIVE_MS = 5_000;
/** A stream that has not begun by then may have been asked of a machine without power. */
const OPENING_MS = 20_000;

export function createApi({ server, caPem, certificatePem, privateKeyPem }: ApiOptions): Api {
  const tls = { ca: caPem, cert: certificatePem, key: privateKeyPem };
  const agent = new Agent({ ...tls, keepAlive: true });
  const begin = (method: string, path: string, text: string | undefined, signal: AbortSignal) =>
    new Promise<IncomingMessage>((resolve, reject) => {
      const headers = text === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
      request(`${server}${path}`, { agent, method, headers, signal }, resolve)
        // A watch on a machine that lost its power ends, too.
        .once('socket', (socket) => socket.setKeepAlive(true, KEEPALIVE_MS))
        .once('error', reject)
        .end(text);
    });
  return {
    server,
    async send(method, path, body, timeoutMs = 20_000) {
      const answer = await begin(method, path, body && JSON.stringify(body), AbortSignal.timeout(timeoutMs));
      let text = '';
      for await (const chunk of answer.setEncoding('utf8')) text += chunk;
      const json = answer.headers['content-type']?.startsWith('application/json');
      return { status: answer.statusCode ?? 0, text, body: json ? JSON.parse(text) : {} };
    },
    async *lines(path, signal) {
      const opening = new AbortController();
      const timer = setTimeout(() => opening.abort(), OPENING_MS);
      try {
        const answer = await begin('GET', path, undefined, AbortSignal.any([signal, opening.signal]));
        clearTimeout(timer);
        if (answer.statusCode !== 200) {
          answer.resume();
          return; // refused for now
        }
        let rest = '';
        for await (const chunk of answer.setEncoding('utf8')) {
          const lines = `${rest}${chunk}`.split('\n');
          rest = lines.pop()!;
          yield* lines;
        }
      } catch {
        // However it ended, the watcher begins again where it was.
      } finally {
        clearTimeout(timer);
      }
    },
    close: () => agent.destroy(),
  };
}

const PATH = '/api/v1/namespaces/default/configmaps';
const CLIENT_WAITS_MS = 50;

/**
 * Follows the objects of a load as a client library does: from a list, with watches that begin again behind what was seen, here or at
 * the next server. Keeps the whole story.
 */
class Follower {
  readonly added: string[] = [];
  readonly revisions: number[] = [];
  /** How often it had to list again: a server that was started anew knows nothing of before. */
  relists = 0;
  readonly #apis: readonly Api[];
  readonly #label: string;
  readonly #ending = new AbortController();
  #revision = '';
  #expired = false;
  #running: Promise<void> = Promise.resolve();

  constructor(apis: readonly Api[], label: string) {
    this.#apis = apis;
    this.#label = label;
  }

  async start(): Promise<void> {
    const { body } = await this.#apis[0]!.send('GET', `${PATH}?labelSelector=load%3D${this.#label}`);
    this.#revision = body.metadata!.resourceVersion!;
    this.#running = this.#follow();
  }

  async stop(): Promise<void> {
    this.#ending.abort();
    await this.#running;
  }

  async #follow(): Promise<void> {
    const { signal } = this.#ending;
    for (let i = 0; !signal.aborted; i++) {
      const path = `${PATH}?watch=1&allowWatchBookmarks=true&labelSelector=load%3D${this.#label}&resourceVersion=${this.#revision}`;
      const api = this.#apis[i % this.#apis.length]!;
      this.#expired = false;
      for await (const line of api.lines(path, signal)) this.#take(line);
      if (this.#expired) await this.#relist(api);
      if (!signal.aborted) await sleep(CLIENT_WAITS_MS);
    }
  }

  /** What a list has that no watch told came meanwhile. */
  async #relist(api: Api): Promise<void> {
    const answer = await api.send('GET', `${PATH}?labelSelector=load%3D${this.#label}`).catch(() => undefined);
    if (answer?.status !== 200) return; // tried again after the next watch
    this.relists++;
    this.#revision = answer.body.metadata!.resourceVersion!;
    const known = new Set(this.added);
    for (const { metadata } of answer.body.items!) if (!known.has(metadata.name)) this.added.push(metadata.name);
  }

  #take(line: string): void {
    const { type, object } = JSON.parse(line) as {
      type: string;
      object: { code?: number; metadata: { name: string; resourceVersion: string } };
    };
    if (type === 'ERROR') {
      // 410: what was missed is forgotten.
      if (object.code === 410) this.#expired = true;
      return;
    }
    this.#revision = object.metadata.resourceVersion;
    if (type === 'BOOKMARK') return;
    this.revisions.push(Number(object.metadata.resourceVersion));
    if (type === 'ADDED') this.added.push(object.metadata.name);
  }
}

export interface LoadReport {
  readonly acknowledged: number;
  /** Writes of which nobody knows, until the end, whether they were made. */
  readonly unknown: number;
  /** The longest time in which no write at all was acknowledged. */
  readonly longestGapMs: number;
}

/**
 * Writers that create objects and raise counters as fast as they are answered, and followers, one for each server and one that goes round.
 */
export class WriteLoad {
  readonly #apis: readonly Api[];
  readonly #label: string;
  readonly #followers: Follower[];
  readonly #ballast: Readonly<Record<string, string>>;
  readonly #acknowledged = new Map<string, number>();
  readonly #unknown = new Set<string>();
  /** Each writer's counter: the highest value that was acknowledged, and the highest that was sent. */
  readonly #counters = new Map<string, { acknowledged: number; sent: number }>();
  #stopped = false;
  #writers: Promise<void>[] = [];
  #lastMs = performance.now();
  #longestGapMs = 0;

  /** @param valueBytes what every new object holds */
  constructor(apis: readonly Api[], label: string, valueBytes = 0) {
    this.#apis = apis;
    this.#label = label;
    this.#ballast = valueBytes > 0 ? { ballast: 'x'.repeat(valueBytes) } : {};
    this.#followers = [...apis.map((api) => new Follower([api], label)), new Follower(apis, label)];
  }

  get acknowledged(): number {
    return this.#acknowledged.size;
  }

  /** Begins, and resolves when writes go on. */
  async start(writers = 4): Promise<void> {
    for (const follower of this.#followers) await follower.start();
    this.#lastMs = performance.now();
    this.#writers = Array.from({ length: writers }, (_, i) => this.#write(i));
    await this.goesOn();
    this.#longestGapMs = 0;
  }

  /** Resolves when so many more writes are acknowledged. */
  async goesOn(more = 20): Promise<void> {
    const wanted = this.acknowledged + more;
    await until(`${more} more writes are acknowledged`, () => this.acknowledged >= wanted, { timeoutMs: 120_000 });
  }

  /**
   * Ends the load and compares what each server, and each follower, has seen with what was acknowledged. Every server must be there
   * again; `restarted` says that some were started anew.
   */
  async finish({ restarted = false } = {}): Promise<LoadReport> {
    this.#stopped = true;
    await Promise.all(this.#writers);
    const lists = await Promise.all(this.#apis.map((api) => this.#list(api)));
    for (const list of lists) assert.deepEqual(list, lists[0], 'servers show different objects');
    const [stored] = lists;
    for (const [name, revision] of this.#acknowledged)
      assert.equal(stored!.get(name), revision, `${name} was acknowledged at ${revision} and is at ${stored!.get(name)}`);
    for (const name of stored!.keys())
      assert.ok(this.#acknowledged.has(name) || this.#unknown.has(name) || this.#counters.has(name), `nobody wrote ${name}`);
    await this.#checkCounters();
    await this.#checkFollowers([...stored!.keys()], restarted);
    return { acknowledged: this.#acknowledged.size, unknown: this.#unknown.size, longestGapMs: Math.round(this.#longestGapMs) };
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#writers);
    for (const follower of this.#followers) await follower.stop();
  }

  async #write(writer: number): Promise<void> {
    const counter = `${this.#label}-counter-${writer}`;
    this.#counters.set(counter, { acknowledged: 0, sent: 0 });
    // A counter that nobody knows the making of is made sure of by making it again.
    for (let i = writer; !this.#stopped; i++) {
      const api = this.#apis[i % this.#apis.length]!;
      const answer = await api.send('POST', PATH, this.#object(counter, { value: '0' })).catch(() => undefined);
      if (answer?.status === 201 || answer?.status === 409) break;
      await sleep(CLIENT_WAITS_MS);
    }
    let server = writer;
    for (let i = 0; !this.#stopped; i++) {
      const api = this.#apis[server % this.#apis.length]!;
      const done = i % 4 === 3 ? await this.#raise(api, counter) : await this.#create(api, `${this.#label}-${writer}-${i}`);
      if (done) continue;
      server++;
      await sleep(CLIENT_WAITS_MS);
    }
  }

  async #create(api: Api, name: string): Promise<boolean> {
    const answer = await api.send('POST', PATH, this.#object(name, this.#ballast)).catch(() => undefined);
    if (answer?.status !== 201) {
      this.#unknown.add(name);
      return false;
    }
    this.#noteAcknowledged();
    this.#acknowledged.set(name, Number(answer.body.metadata!.resourceVersion));
    return true;
  }

  /** Reads and writes with the revision that was read, so that nothing that others wrote is overwritten. */
  async #raise(api: Api, name: string): Promise<boolean> {
    const counter = this.#counters.get(name)!;
    const read = await api.send('GET', `${PATH}/${name}`).catch(() => undefined);
    if (read?.status !== 200) return false;
    const value = Number(read.body.data!['value']);
    // A read without a revision is never older than what was acknowledged to anybody.
    assert.ok(value >= counter.acknowledged, `${name} is ${value} at ${api.server}, and was ${counter.acknowledged} before`);
    counter.sent = value + 1;
    const next = { ...read.body, data: { value: String(value + 1) } };
    const written = await api.send('PUT', `${PATH}/${name}`, next).catch(() => undefined);
    if (written?.status !== 200) return false;
    counter.acknowledged = value + 1;
    this.#noteAcknowledged();
    return true;
  }

  #noteAcknowledged(): void {
    const nowMs = performance.now();
    this.#longestGapMs = Math.max(this.#longestGapMs, nowMs - this.#lastMs);
    this.#lastMs = nowMs;
  }

  #object(name: string, data: Readonly<Record<string, string>>) {
    return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, labels: { load: this.#label } }, data };
  }

  async #list(api: Api): Promise<Map<string, number>> {
    const answer = await until(
      `${api.server} answers a list`,
      async () => {
        const got = await api.send('GET', `${PATH}?labelSelector=load%3D${this.#label}`);
        if (got.status !== 200) throw new Error(got.text);
        return got;
      },
      { timeoutMs: 90_000 },
    );
    return new Map(
      answer.body.items!.map(({ metadata }): [string, number] => [metadata.name, Number(metadata.resourceVersion)]).sort(),
    );
  }

  async #checkCounters(): Promise<void> {
    for (const [name, { acknowledged, sent }] of this.#counters) {
      const { body } = await this.#apis[0]!.send('GET', `${PATH}/${name}`);
      const value = Number(body.data?.['value']);
      assert.ok(value >= acknowledged && value <= sent, `${name} is ${value}: acknowledged ${acknowledged}, sent ${sent}`);
    }
  }

  /** Each has seen each object come once, whatever became of the servers, and everything in order. */
  async #checkFollowers(stored: readonly string[], restarted: boolean): Promise<void> {
    const wanted = [...stored].sort();
    for (const follower of this.#followers) {
      await until('a follower has seen all', () => follower.added.length >= wanted.length, { timeoutMs: 60_000 });
      await follower.stop();
      assert.deepEqual(follower.added.toSorted(), wanted);
      if (!restarted) assert.equal(follower.relists, 0, 'a watch could not go on where it was');
      follower.revisions.reduce((before, revision) => {
        assert.ok(revision > before, `revision ${revision} came after ${before}`);
        return revision;
      }, 0);
    }
  }
}
