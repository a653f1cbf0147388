import { checkCount, checkNoBlock, readDuration, readInteger, readZones, unknownProperty } from '../corefile/arguments.ts';
import { CorefileError } from '../corefile/corefile-error.ts';
import type { Directive } from '../corefile/parse-corefile.ts';
import { RCODE, TYPE } from '../message/constants.ts';
import type { ResourceRecord } from '../message/message.ts';
import { zoneOf } from '../message/names.ts';
import {
  noMorePlugins,
  type Plugin,
  type PluginContext,
  type PluginDefinition,
  type Query,
  type Reply,
  type Resolve,
  whenReply,
} from './plugin.ts';

/** Of one of the two kinds of answers. Times in seconds. */
interface KindSettings {
  readonly capacity: number;
  readonly maxTtl: number;
  readonly minTtl: number;
  /** Zones that are not cached. */
  readonly except: readonly string[];
}

interface CacheSettings {
  readonly zones: readonly string[];
  readonly success: KindSettings;
  readonly denial: KindSettings;
  readonly servfailTtl: number;
  /** Undefined: nothing is fetched beforehand. */
  readonly prefetch: { readonly amount: number; readonly gapMs: number; readonly percentage: number } | undefined;
  /** Undefined: what has run out is not given. */
  readonly stale: { readonly ms: number; readonly verify: boolean } | undefined;
  readonly keepTtl: boolean;
}

type Kind = 'success' | 'denial';

interface Entry {
  readonly reply: Reply;
  readonly storedMs: number;
  /** Seconds. */
  readonly ttl: number;
  /** Since the last gap, and when the last was. */
  hits: number;
  lastHitMs: number;
  readonly weight: number;
}

/** Of all entries of a kind on the average, in bytes: who asks for names of his own with answers of 64 kB does not fill the memory. */
const MEAN_WEIGHT = 4096;
/** Of a record besides its data. */
const RECORD_WEIGHT = 200;

const DEFAULT_CAPACITY = 9984;

/** `cache [TTL] [ZONES...] { … }`: keeps answers for as long as they count. */
export const cachePlugin: PluginDefinition = {
  name: 'cache',
  read([directive], zones) {
    const settings = readSettings(directive!, zones);
    return (context) => createCache(settings, context);
  },
};

function readSettings(directive: Directive, blockZones: readonly string[]): CacheSettings {
  const [first, ...rest] = directive.args;
  const hasTtl = first !== undefined && /^\d+$/.test(first);
  const zones = hasTtl ? rest : directive.args;
  const maxTtl = hasTtl ? readInteger(directive, first, 1, 0x7fff_ffff) : undefined;
  let settings: CacheSettings = {
    zones: zones.length > 0 ? readZones(directive, zones) : blockZones,
    success: { capacity: DEFAULT_CAPACITY, maxTtl: maxTtl ?? 3600, minTtl: 5, except: [] },
    denial: { capacity: DEFAULT_CAPACITY, maxTtl: maxTtl ?? 1800, minTtl: 5, except: [] },
    servfailTtl: 5,
    prefetch: undefined,
    stale: undefined,
    keepTtl: false,
  };
  for (const property of directive.block) {
    checkNoBlock(property);
    settings = { ...settings, ...readProperty(property, settings) };
  }
  return settings;
}

function readProperty(property: Directive, settings: CacheSettings): Partial<CacheSettings> {
  const { name, args } = property;
  switch (name) {
    case 'success':
    case 'denial': {
      const [capacity, maxTtl, minTtl] = checkCount(property, 1, 3);
      const known = settings[name];
      const size = readInteger(property, capacity!, 0, 10_000_000);
      return {
        [name]: {
          capacity: Math.max(1024, size - (size % 256)),
          maxTtl: maxTtl === undefined ? known.maxTtl : readInteger(property, maxTtl, 1, 0x7fff_ffff),
          minTtl: minTtl === undefined ? known.minTtl : readInteger(property, minTtl, 0, 0x7fff_ffff),
          except: known.except,
        },
      };
    }
    case 'prefetch': {
      const [amount, gap = '1m', share = '10%'] = checkCount(property, 1, 3);
      const percentage = /^(\d{1,2})%$/.exec(share)?.[1];
      if (percentage === undefined || Number(percentage) < 10 || Number(percentage) > 90)
        throw new CorefileError(property, `percentage should fall in range [10, 90]: ${share}`);
      return {
        prefetch: {
          amount: readInteger(property, amount!, 0, 0x7fff_ffff),
          gapMs: readDuration(property, gap),
          percentage: Number(percentage),
        },
      };
    }
    case 'serve_stale': {
      const [duration = '1h', mode = 'immediate'] = checkCount(property, 0, 2);
      if (mode !== 'immediate' && mode !== 'verified')
        throw new CorefileError(property, `invalid value for serve_stale refresh mode: ${mode}`);
      return { stale: { ms: readDuration(property, duration), verify: mode === 'verified' } };
    }
    case 'servfail': {
      const ms = readDuration(property, checkCount(property, 1)[0]!);
      if (ms > 300_000)
        throw new CorefileError(property, `caching SERVFAIL responses over 5 minutes is not permitted: ${args[0]}`);
      return { servfailTtl: Math.floor(ms / 1000) };
    }
    case 'disable': {
      const [kind, ...zones] = checkCount(property, 1, Number.MAX_SAFE_INTEGER);
      if (kind !== 'success' && kind !== 'denial')
        throw new CorefileError(property, `cache type for disable must be success or denial`);
      return { [kind]: { ...settings[kind], except: zones.length > 0 ? readZones(property, zones) : ['.'] } };
    }
    case 'keepttl':
      checkCount(property, 0);
      return { keepTtl: true };
    default:
      throw unknownProperty(property);
  }
}

function createCache(settings: CacheSettings, context: PluginContext): Plugin {
  const { clock, metrics, server } = context;
  const zones = settings.zones.join(',');
  const entries: Record<Kind, Map<string, Entry>> = { success: new Map(), denial: new Map() };
  const weights: Record<Kind, number> = { success: 0, denial: 0 };
  const refreshing = new Set<string>();
  const series = (name: 'requests' | 'misses' | 'prefetch' | 'drops' | 'served_stale') =>
    metrics.series(`coredns_cache_${name}_total`, [server, zones, '']);
  const byKind = (name: 'coredns_cache_entries' | 'coredns_cache_hits_total' | 'coredns_cache_evictions_total') => ({
    success: metrics.series(name, [server, 'success', zones, '']),
    denial: metrics.series(name, [server, 'denial', zones, '']),
  });
  const [sizes, found, evictions] = [
    byKind('coredns_cache_entries'),
    byKind('coredns_cache_hits_total'),
    byKind('coredns_cache_evictions_total'),
  ];
  const [requests, misses] = [series('requests'), series('misses')];

  const remove = (kind: Kind, key: string) => {
    weights[kind] -= entries[kind].get(key)?.weight ?? 0;
    entries[kind].delete(key);
  };

  const store = (key: string, query: Query, reply: Reply, hits = 0): Reply => {
    const kind = kindOf(reply);
    if (!kind) return reply;
    const { capacity, except, maxTtl, minTtl } = settings[kind];
    const ttl =
      reply.rcode === RCODE.SERVFAIL ? settings.servfailTtl : Math.min(maxTtl, Math.max(minTtl, shortestTtl(reply, kind)));
    if (zoneOf(query.name, except) !== undefined) return reply;
    if (ttl > 0) {
      const table = entries[kind];
      const weight = weightOf(reply);
      remove(kind, key);
      while (table.size > 0 && (table.size >= capacity || weights[kind] + weight > capacity * MEAN_WEIGHT)) {
        // The oldest: a map keeps the order in which it was filled.
        remove(kind, table.keys().next().value!);
        evictions[kind].add();
      }
      // Told once, to who asked first.
      const kept = reply.error === undefined ? reply : withoutError(reply);
      table.set(key, { reply: kept, storedMs: clock.now(), ttl, hits, lastHitMs: clock.now(), weight });
      weights[kind] += weight;
      remove(kind === 'success' ? 'denial' : 'success', key);
      for (const one of ['success', 'denial'] as const) sizes[one].set(entries[one].size);
    }
    return withTtl(reply, ttl);
  };
  /** Asks again without anybody waiting; what was often asked for stays so. A query over TCP, so that nothing is cut off for a small datagram. */
  const refresh = (key: string, query: Query, next: Resolve, hits: number) => {
    if (refreshing.has(key)) return;
    refreshing.add(key);
    series('prefetch').add();
    Promise.resolve(next({ ...query, transport: 'tcp' })).then(
      (reply) => {
        refreshing.delete(key);
        if (reply.rcode !== RCODE.SERVFAIL) store(key, query, reply, hits);
      },
      (error: unknown) => {
        refreshing.delete(key);
        context.logger.warn('An entry of the cache cannot be refreshed', { name: query.name, error });
      },
    );
  };
  const serveStale = (entry: Entry, key: string, query: Query, next: Resolve): Reply | Promise<Reply> => {
    const stale = () => {
      series('served_stale').add();
      return withTtl(entry.reply, 0);
    };
    if (settings.stale?.verify)
      return whenReply(next(query), (reply) =>
        reply.rcode === RCODE.NOERROR || reply.rcode === RCODE.NXDOMAIN ? store(key, query, reply) : stale(),
      );
    refresh(key, query, next, entry.hits);
    return stale();
  };
  const wantsPrefetch = (entry: Entry, leftSeconds: number): boolean => {
    const { prefetch } = settings;
    if (!prefetch || prefetch.amount === 0) return false;
    const nowMs = clock.now();
    entry.hits = nowMs - entry.lastHitMs > prefetch.gapMs ? 1 : entry.hits + 1;
    entry.lastHitMs = nowMs;
    return entry.hits >= prefetch.amount && leftSeconds <= Math.max(1, (entry.ttl * prefetch.percentage) / 100);
  };
  const resolve =
    (next: Resolve): Resolve =>
    (query) => {
      const { type } = query.question;
      if (zoneOf(query.name, settings.zones) === undefined || type === TYPE.AXFR || type === TYPE.IXFR) return next(query);
      requests.add();
      const key = keyOf(query);
      const kind: Kind = entries.success.has(key) ? 'success' : 'denial';
      const entry = entries[kind].get(key);
      if (entry) {
        const left = entry.ttl - (clock.now() - entry.storedMs) / 1000;
        if (left > 0) {
          found[kind].add();
          if (wantsPrefetch(entry, left)) refresh(key, query, next, entry.hits);
          return forQuery(withTtl(entry.reply, settings.keepTtl ? entry.ttl : Math.ceil(left)), query);
        }
        if (settings.stale && -left * 1000 < settings.stale.ms && entry.reply.rcode !== RCODE.SERVFAIL)
          return whenReply(serveStale(entry, key, query, next), (reply) => forQuery(reply, query));
      }
      misses.add();
      return whenReply(next(query), (reply) => store(key, query, reply));
    };
  return { resolve: (next) => resolve(next ?? noMorePlugins) };
}

const keyOf = ({ name, question, edns, checkingDisabled }: Query) =>
  `${question.type} ${question.class} ${edns?.dnssecOk ? 1 : 0}${checkingDisabled ? 1 : 0} ${name}`;

/** Undefined: not to be kept. */
function kindOf({ rcode, answers, authorities, truncated }: Reply): Kind | undefined {
  if (truncated) return undefined;
  if (rcode === RCODE.NXDOMAIN || rcode === RCODE.SERVFAIL) return 'denial';
  if (rcode !== RCODE.NOERROR) return undefined;
  if (answers.length > 0) return 'success';
  return authorities.some(({ type }) => type === TYPE.SOA) ? 'denial' : 'success';
}

/** Of a denial, what its SOA record says (RFC 2308, 5). */
function shortestTtl({ answers, authorities, additionals }: Reply, kind: Kind): number {
  let shortest = Number.POSITIVE_INFINITY;
  for (const { ttl, type, data } of [...answers, ...authorities, ...additionals]) {
    shortest = Math.min(shortest, ttl);
    if (kind === 'denial' && type === TYPE.SOA && 'minimum' in data) shortest = Math.min(shortest, data.minimum);
  }
  return shortest === Number.POSITIVE_INFINITY ? 0 : shortest;
}

function weightOf({ answers, authorities, additionals }: Reply): number {
  let weight = RECORD_WEIGHT;
  for (const { data } of [...answers, ...authorities, ...additionals])
    weight += RECORD_WEIGHT + ('raw' in data ? data.raw.length : 0);
  return weight;
}

function withoutError({ error: _, ...reply }: Reply): Reply {
  return reply;
}

function withTtl(reply: Reply, ttl: number): Reply {
  const change = (records: readonly ResourceRecord[]) =>
    records.length === 0 ? records : records.map((record) => ({ ...record, ttl }));
  const { answers, authorities, additionals } = reply;
  return { ...reply, answers: change(answers), authorities: change(authorities), additionals: change(additionals) };
}

/** Records of the name that was asked for, in the case that it was asked in now. */
function forQuery(reply: Reply, { question }: Query): Reply {
  const lower = question.name.toLowerCase();
  const answers = reply.answers.map((record) =>
    record.name !== question.name && record.name.toLowerCase() === lower ? { ...record, name: question.name } : record,
  );
  return { ...reply, answers, by: 'cache' };
}
