import {
  checkCount,
  checkNoBlock,
  readDuration,
  readInteger,
  readZone,
  readZones,
  unknownProperty,
} from '../corefile/arguments.ts';
import { CorefileError } from '../corefile/corefile-error.ts';
import type { Directive } from '../corefile/parse-corefile.ts';
import { type ForwardTarget, nameServersOf, readTarget } from '../forward/forward-targets.ts';
import { createUpstream, type Upstream, type UpstreamSettings } from '../forward/upstream.ts';
import type { Endpoint, TlsFiles } from '../forward/upstream-connection.ts';
import { RCODE } from '../message/constants.ts';
import type { Message } from '../message/message.ts';
import { isWithin, zoneOf } from '../message/names.ts';
import { MessageWriter } from '../message/write-message.ts';
import { emptyReply, type Plugin, type PluginContext, type PluginDefinition, type Query, type Reply } from './plugin.ts';

interface ForwardSettings extends UpstreamSettings {
  readonly from: string;
  readonly targets: readonly ForwardTarget[];
  readonly except: readonly string[];
  readonly forceTcp: boolean;
  readonly preferUdp: boolean;
  readonly policy: 'random' | 'round_robin' | 'sequential';
  /** 0: any number. */
  readonly maxConcurrent: number;
  readonly failFast: boolean;
  /** Paths of PEM files for upstreams over TLS. */
  readonly tls: { readonly cert?: string; readonly key?: string; readonly ca?: string };
  readonly tlsServerName: string | undefined;
}

const MAX_UPSTREAMS = 15;
/** All attempts of one query together. */
const DEADLINE_MS = 5_000;
const NO_HEALTHY = 'no healthy proxies';

/** `forward FROM TO... { … }`: asks other servers. */
export const forwardPlugin: PluginDefinition = {
  name: 'forward',
  repeatable: true,
  read(directives) {
    const settings = directives.map(readSettings);
    return (context) => createPlugin(settings, context);
  },
};

function readSettings(directive: Directive): ForwardSettings {
  const [from, ...to] = directive.args;
  if (from === undefined || to.length === 0) throw new CorefileError(directive, 'forward takes a zone and at least one upstream');
  let settings: ForwardSettings = {
    from: readZone(directive, from),
    targets: to.map((text) => readTarget(directive, text)),
    except: [],
    forceTcp: false,
    preferUdp: false,
    policy: 'random',
    maxConcurrent: 0,
    failFast: false,
    tls: {},
    tlsServerName: undefined,
    expireMs: 10_000,
    maxFails: 2,
    checkMs: 500,
    checkName: '.',
    checkRecursion: true,
    checkTransport: 'udp',
  };
  if (settings.targets.length > MAX_UPSTREAMS)
    throw new CorefileError(directive, `more than ${MAX_UPSTREAMS} TOs configured: ${settings.targets.length}`);
  for (const property of directive.block) {
    checkNoBlock(property);
    settings = { ...settings, ...readProperty(property) };
  }
  return settings;
}

function readProperty(property: Directive): Partial<ForwardSettings> {
  const { args } = property;
  switch (property.name) {
    case 'except':
      checkCount(property, 1, Number.MAX_SAFE_INTEGER);
      return { except: readZones(property, args) };
    case 'force_tcp':
      checkCount(property, 0);
      // Who is asked over TCP alone may answer nothing else.
      return { forceTcp: true, checkTransport: 'tcp' };
    case 'prefer_udp':
      checkCount(property, 0);
      return { preferUdp: true };
    case 'expire':
      return { expireMs: readDuration(property, checkCount(property, 1)[0]!) };
    case 'max_fails':
      return { maxFails: readInteger(property, checkCount(property, 1)[0]!, 0, 0xffff_ffff) };
    case 'policy': {
      const [policy] = checkCount(property, 1);
      if (policy !== 'random' && policy !== 'round_robin' && policy !== 'sequential')
        throw new CorefileError(property, `unknown policy '${policy}'`);
      return { policy };
    }
    case 'max_concurrent':
      return { maxConcurrent: readInteger(property, checkCount(property, 1)[0]!, 0, 0x7fff_ffff) };
    case 'health_check':
      return readHealthCheck(property);
    case 'failfast_all_unhealthy_upstreams':
      checkCount(property, 0);
      return { failFast: true };
    case 'tls': {
      const files = checkCount(property, 0, 3);
      const [cert, key] = files.length > 1 ? files : [];
      const ca = files.length === 2 ? undefined : files.at(-1);
      return { tls: { ...(ca !== undefined && { ca }), ...(cert !== undefined && { cert, key: key! }) } };
    }
    case 'tls_servername':
      return { tlsServerName: checkCount(property, 1)[0]! };
    case 'max_idle_conns':
    case 'max_connect_attempts':
    case 'doh_method':
    case 'next':
    case 'next_on_nodata':
    case 'failover':
    case 'resolver':
      throw new CorefileError(property, `forward: ${property.name} is not supported`);
    default:
      throw unknownProperty(property);
  }
}

function readHealthCheck(property: Directive): Partial<ForwardSettings> {
  const [duration, ...options] = checkCount(property, 1, 4);
  let settings: Partial<ForwardSettings> = { checkMs: readDuration(property, duration!) };
  for (let i = 0; i < options.length; i++) {
    if (options[i] === 'no_rec') settings = { ...settings, checkRecursion: false };
    else if (options[i] === 'domain' && options[i + 1] !== undefined)
      settings = { ...settings, checkName: readZone(property, options[++i]!) };
    else throw new CorefileError(property, `health_check: unknown option ${options[i]}`);
  }
  return settings;
}

function createPlugin(all: readonly ForwardSettings[], context: PluginContext): Plugin {
  const forwards = all.map((settings) => ({ settings, forward: createForward(settings, context) }));
  return {
    async start(signal) {
      await Promise.all(forwards.map(({ forward }) => forward.start(signal)));
    },
    resolve: (next) => (query) => {
      const one = forwards.find(
        ({ settings: { from, except } }) => isWithin(query.name, from) && zoneOf(query.name, except) === undefined,
      );
      return one ? one.forward.ask(query) : next(query);
    },
  };
}

function createForward(settings: ForwardSettings, context: PluginContext) {
  const { clock, random, metrics, logger } = context;
  const writer = new MessageWriter();
  let upstreams: readonly Upstream[] = [];
  let turn = 0;
  let underWay = 0;

  const ordered = (): readonly Upstream[] => {
    const count = upstreams.length;
    if (settings.policy === 'sequential' || count === 1) return upstreams;
    const first = settings.policy === 'round_robin' ? turn++ % count : Math.floor(random() * count);
    return upstreams.map((_, i) => upstreams[(first + i) % count]!);
  };
  const transportOf = (query: Query) => {
    if (settings.forceTcp) return 'tcp';
    return settings.preferUdp ? 'udp' : query.transport;
  };
  const askOne = async (upstream: Upstream, message: Message, query: Query): Promise<Message> => {
    const transport = transportOf(query);
    const answer = await upstream.ask(message, transport);
    return answer.truncated && transport === 'udp' && settings.preferUdp ? upstream.ask(message, 'tcp') : answer;
  };
  const askAll = async (query: Query): Promise<Reply> => {
    const message = requestOf(query);
    const endMs = clock.now() + DEADLINE_MS;
    const candidates = ordered();
    let healthy = candidates.filter(({ down }) => !down);
    if (healthy.length === 0) {
      metrics.series('coredns_forward_healthcheck_broken_total', []).add();
      if (settings.failFast) return emptyReply(RCODE.SERVFAIL, 'forward', NO_HEALTHY);
      healthy = candidates.slice(0, 1);
    }
    let failure: unknown;
    for (let i = 0; clock.now() < endMs && i < Math.max(healthy.length, 2); i++) {
      const upstream = healthy[i % healthy.length]!;
      try {
        return replyOf(await askOne(upstream, message, query));
      } catch (error) {
        failure = error;
        upstream.checkHealth();
      }
    }
    return emptyReply(RCODE.SERVFAIL, 'forward', failure instanceof Error ? failure.message : NO_HEALTHY);
  };
  return {
    async start(signal: AbortSignal): Promise<void> {
      const endpoints = [];
      for (const target of settings.targets)
        if ('endpoint' in target) endpoints.push(target.endpoint);
        else endpoints.push(...nameServersOf(await context.readFile(target.file)));
      const tls = await readTlsFiles(settings, context);
      if (endpoints.length === 0) logger.warn('forward has no upstream: every query for it fails', { zone: settings.from });
      upstreams = endpoints
        .slice(0, MAX_UPSTREAMS)
        .map((endpoint) => createUpstream(withServerName(endpoint, settings), settings, { ...context, writer, tls }));
      const close = () => {
        for (const upstream of upstreams) upstream.close();
      };
      if (signal.aborted) close();
      else signal.addEventListener('abort', close, { once: true });
    },
    async ask(query: Query): Promise<Reply> {
      if (upstreams.length === 0) return emptyReply(RCODE.SERVFAIL, 'forward', NO_HEALTHY);
      if (settings.maxConcurrent > 0 && underWay >= settings.maxConcurrent) {
        metrics.series('coredns_forward_max_concurrent_rejects_total', []).add();
        return emptyReply(RCODE.REFUSED, 'forward', `concurrent queries exceeded maximum ${settings.maxConcurrent}`);
      }
      underWay++;
      try {
        return await askAll(query);
      } finally {
        underWay--;
      }
    },
  };
}

/** The name at an address goes before the one for all. */
function withServerName(endpoint: Endpoint, { tlsServerName }: ForwardSettings): Endpoint {
  const { tls } = endpoint;
  return tls && tls.serverName === undefined && tlsServerName !== undefined
    ? { ...endpoint, tls: { serverName: tlsServerName } }
    : endpoint;
}

async function readTlsFiles({ tls }: ForwardSettings, { readFile }: PluginContext): Promise<TlsFiles> {
  const read = async (name: 'ca' | 'cert' | 'key') => (tls[name] === undefined ? {} : { [name]: await readFile(tls[name]) });
  return { ...(await read('ca')), ...(await read('cert')), ...(await read('key')) };
}

function requestOf(query: Query): Message {
  const { opcode, recursionDesired, checkingDisabled, authenticData, question, edns } = query;
  return {
    id: 0,
    response: false,
    opcode,
    authoritative: false,
    truncated: false,
    recursionDesired,
    recursionAvailable: false,
    authenticData,
    checkingDisabled,
    rcode: 0,
    question,
    answers: [],
    authorities: [],
    additionals: [],
    edns,
  };
}

function replyOf(answer: Message): Reply {
  const { rcode, authoritative, recursionAvailable, authenticData, truncated, answers, authorities, additionals } = answer;
  return { rcode, authoritative, recursionAvailable, authenticData, truncated, answers, authorities, additionals, by: 'forward' };
}
