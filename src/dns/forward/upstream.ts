import type { Clock, Timer } from '../../std/clock.ts';
import { CodedError } from '../../std/coded-error.ts';
import type { Logger } from '../../std/logger.ts';
import { CLASS, OPCODE, rcodeName, TYPE } from '../message/constants.ts';
import type { Message } from '../message/message.ts';
import type { MessageWriter } from '../message/write-message.ts';
import type { DnsMetrics } from '../metrics/dns-metrics.ts';
import { type Endpoint, openTcp, openUdp, type TlsFiles, type UpstreamConnection } from './upstream-connection.ts';

export interface UpstreamSettings {
  /** How long a connection is used. */
  readonly expireMs: number;
  /** Failed checks after which it counts as down; 0: never. */
  readonly maxFails: number;
  readonly checkMs: number;
  /** What health checks ask for. */
  readonly checkName: string;
  readonly checkRecursion: boolean;
  /** Over what a check is sent to a server that is asked without TLS. */
  readonly checkTransport: 'udp' | 'tcp';
}

export interface UpstreamContext {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
  readonly metrics: DnsMetrics;
  readonly writer: MessageWriter;
  readonly tls?: TlsFiles;
}

/** One server that is asked. */
export interface Upstream {
  /** `10.0.0.1:53` */
  readonly name: string;
  readonly down: boolean;
  ask(message: Message, transport: 'udp' | 'tcp'): Promise<Message>;
  /** Checks until it answers again. */
  checkHealth(): void;
  close(): void;
}

/** As CoreDNS's. */
const READ_TIMEOUT_MS = 2_000;
/** UDP sockets, so that answers cannot be forged for one known port. */
const SOCKETS = 4;

export function createUpstream(endpoint: Endpoint, settings: UpstreamSettings, context: UpstreamContext): Upstream {
  const { clock, random, metrics } = context;
  const name = endpoint.address.includes(':') ? `[${endpoint.address}]:${endpoint.port}` : `${endpoint.address}:${endpoint.port}`;
  const udp: (UpstreamConnection | undefined)[] = [];
  let tcp: UpstreamConnection | undefined;
  let fails = 0;
  let check: Timer | undefined;
  let closed = false;
  const retired = new Set<UpstreamConnection>();

  const isFresh = (one: UpstreamConnection | undefined): one is UpstreamConnection =>
    one !== undefined && !one.closed && clock.now() - one.openedMs < settings.expireMs;
  const count = (hit: boolean, proto: string) =>
    metrics
      .series(hit ? 'coredns_proxy_conn_cache_hits_total' : 'coredns_proxy_conn_cache_misses_total', ['forward', name, proto])
      .add();
  /** Its answers may still be on their way. */
  const retire = (one: UpstreamConnection | undefined) => {
    if (!one || one.closed) return;
    if (one.pending === 0) return one.close();
    retired.add(one);
    clock.setTimer(READ_TIMEOUT_MS, () => {
      retired.delete(one);
      one.close();
    });
  };
  const connectionFor = (transport: 'udp' | 'tcp'): UpstreamConnection => {
    // Nobody would close it again.
    if (closed) throw new CodedError(`${name}: the server ends`, { code: 'UPSTREAM_FAILED' });
    if (transport === 'tcp' || endpoint.tls) {
      count(isFresh(tcp), endpoint.tls ? 'tcp-tls' : 'tcp');
      if (isFresh(tcp)) return tcp;
      retire(tcp);
      tcp = openTcp(endpoint, context, settings.expireMs);
      return tcp;
    }
    const i = Math.floor(random() * SOCKETS);
    const known = udp[i];
    count(isFresh(known), 'udp');
    if (isFresh(known)) return known;
    retire(known);
    const opened = openUdp(endpoint, context);
    udp[i] = opened;
    return opened;
  };
  const ask = async (message: Message, transport: 'udp' | 'tcp') => {
    const startMs = clock.now();
    const answer = await connectionFor(transport).ask(message, READ_TIMEOUT_MS);
    metrics
      .histogram('coredns_proxy_request_duration_seconds', ['forward', name, rcodeName(answer.rcode)])
      .observe((clock.now() - startMs) / 1000);
    return answer;
  };
  const probe = () => {
    check = undefined;
    connectionFor(settings.checkTransport)
      .ask(healthQuestion(settings), READ_TIMEOUT_MS)
      .then(
        () => {
          if (settings.maxFails > 0 && fails >= settings.maxFails)
            context.logger.info('Upstream answers again', { upstream: name });
          fails = 0;
        },
        () => {
          fails++;
          metrics.series('coredns_proxy_healthcheck_failures_total', ['forward', name, '']).add();
          if (fails === settings.maxFails) context.logger.warn('Upstream is down', { upstream: name });
          again();
        },
      );
  };
  const again = () => {
    if (!closed && !check) check = clock.setTimer(settings.checkMs, probe);
  };
  return {
    name,
    get down() {
      return settings.maxFails > 0 && fails >= settings.maxFails;
    },
    ask,
    checkHealth() {
      if (settings.maxFails > 0 && !check && !closed) check = clock.setTimer(0, probe);
    },
    close() {
      closed = true;
      check?.cancel();
      for (const one of [...udp, tcp, ...retired]) one?.close();
    },
  };
}

function healthQuestion({ checkName, checkRecursion }: UpstreamSettings): Message {
  return {
    id: 0,
    response: false,
    opcode: OPCODE.QUERY,
    authoritative: false,
    truncated: false,
    recursionDesired: checkRecursion,
    recursionAvailable: false,
    authenticData: false,
    checkingDisabled: false,
    rcode: 0,
    question: { name: checkName, type: TYPE.NS, class: CLASS.IN },
    answers: [],
    authorities: [],
    additionals: [],
    edns: undefined,
  };
}
