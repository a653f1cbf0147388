import type { Client } from '../../client/client.ts';
import type { Clock } from '../../std/clock.ts';
import type { Logger } from '../../std/logger.ts';
import { CLASS, RCODE, TYPE } from '../message/constants.ts';
import { isWithin } from '../message/names.ts';
import type { DnsMetrics } from '../metrics/dns-metrics.ts';
import {
  emptyReply,
  noMorePlugins,
  type Page,
  type Plugin,
  type Query,
  type Reply,
  type Resolve,
  withQuestion,
} from '../plugins/plugin.ts';
import type { ServerConfig } from './server-config.ts';

export interface GenerationContext {
  /** Where blocks listen that bind nothing. */
  readonly listenAddresses: readonly string[];
  /** The machine's own, which are meant where a server listens on all. */
  readonly localAddresses: readonly string[];
  readonly client: (kubeconfig?: { readonly path: string; readonly context?: string }) => Promise<Client>;
  readonly readFile: (path: string) => Promise<string>;
  readonly metrics: DnsMetrics;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
  readonly fail: (error: Error) => void;
}

/** A zone as it is served at one place. */
export interface ServedZone {
  readonly zone: string;
  /** `dns://10.0.0.10:53` */
  readonly server: string;
  readonly resolve: Resolve;
}

/** All that one Corefile made: it works until its signal is aborted. */
export interface Generation {
  /** By address and port: `10.0.0.10 53`. */
  readonly zones: ReadonlyMap<string, readonly ServedZone[]>;
  readonly pages: readonly Page[];
  readonly lameduckMs: number;
  readonly ready: () => readonly string[];
  start(signal: AbortSignal): Promise<void>;
  onListening(signal: AbortSignal): void;
}

/** Where a server listens, as a key. */
export const placeOf = (address: string, port: number) => `${address} ${port}`;

/** Addresses that stand for all. */
const WILDCARDS: ReadonlySet<string> = new Set(['::', '0.0.0.0']);

/** How deep the server may ask itself: one ExternalName leads to another. */
const MAX_LOOKUPS = 8;

/** Makes the plugins of a Corefile that was read. Nothing works before `start`. */
export function createGeneration(config: ServerConfig, context: GenerationContext): Generation {
  const zones = new Map<string, ServedZone[]>();
  const plugins: { name: string; plugin: Plugin }[] = [];
  const depths = new WeakMap<Query, number>();
  for (const block of config.blocks) {
    const addresses = block.bind.length > 0 ? block.bind : context.listenAddresses;
    const server = `dns://${block.bind.length > 0 ? formatHost(block.bind[0]!) : ''}:${block.port}`;
    const lookup = async (query: Query, name: string, type: number): Promise<Reply> => {
      const depth = (depths.get(query) ?? 0) + 1;
      if (depth > MAX_LOOKUPS) return emptyReply(RCODE.SERVFAIL);
      const next = withQuestion(query, { name, type, class: CLASS.IN });
      depths.set(next, depth);
      const served = zoneFor(zones.get(placeOf(addresses[0]!, block.port)), next.name);
      return served ? served.resolve(next) : emptyReply(RCODE.REFUSED);
    };
    const created = block.plugins.map(({ name, create }) => ({
      name,
      plugin: create({
        ...context,
        zones: block.zones,
        server,
        addresses: addresses.flatMap((one) => (WILDCARDS.has(one) ? context.localAddresses : [one])),
        lookup,
      }),
    }));
    plugins.push(...created);
    const resolve = created.reduceRight<Resolve>((next, { plugin }) => plugin.resolve?.(next) ?? next, noMorePlugins);
    for (const zone of block.zones) {
      for (const { name } of created) context.metrics.series('coredns_plugin_enabled', [server, zone, '', name]).set(1);
      for (const address of addresses) {
        const place = placeOf(address, block.port);
        zones.set(place, [...(zones.get(place) ?? []), { zone, server, resolve }]);
      }
    }
  }
  return {
    zones,
    pages: plugins.flatMap(({ plugin }) => plugin.pages ?? []),
    lameduckMs: Math.max(0, ...plugins.map(({ plugin }) => plugin.lameduckMs ?? 0)),
    ready: () => plugins.filter(({ plugin }) => plugin.ready?.() === false).map(({ name }) => name),
    async start(signal) {
      await Promise.all(plugins.map(({ plugin }) => plugin.start?.(signal)));
    },
    onListening(signal) {
      for (const { plugin } of plugins) plugin.onListening?.(signal);
    },
  };
}

const formatHost = (address: string) => (address.includes(':') ? `[${address}]` : address);

/** The zone that a name belongs to, the longest. A DS record is its parent's (RFC 4035, 3.1.4.1), which makes no difference without DNSSEC. */
export function zoneFor(zones: readonly ServedZone[] | undefined, name: string): ServedZone | undefined {
  let best: ServedZone | undefined;
  for (const one of zones ?? [])
    if (isWithin(name, one.zone) && (best === undefined || one.zone.length > best.zone.length)) best = one;
  return best;
}

/** What no server block is asked. */
export function isRefused({ question }: Query): boolean {
  return question.class === CLASS.CH || question.type === TYPE.AXFR || question.type === TYPE.IXFR;
}
