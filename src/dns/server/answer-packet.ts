import type { Logger } from '../../std/logger.ts';
import { countedTypeName, OPCODE, RCODE, rcodeName, typeName } from '../message/constants.ts';
import type { Header, Message } from '../message/message.ts';
import { readHeader, readMessage, type SectionLimits } from '../message/read-message.ts';
import type { MessageWriter } from '../message/write-message.ts';
import type { DnsMetrics, Histogram, Series } from '../metrics/dns-metrics.ts';
import { emptyReply, type Query, type Reply } from '../plugins/plugin.ts';
import { LEAST_UDP_BYTES, largestResponse, responseOf } from '../plugins/response.ts';
import { isRefused, type ServedZone, zoneFor } from './generation.ts';

export interface Packet {
  readonly bytes: Buffer;
  readonly transport: 'udp' | 'tcp';
  readonly remoteAddress: string;
  readonly remotePort: number;
}

export interface AnswerContext {
  readonly metrics: DnsMetrics;
  readonly writer: MessageWriter;
  readonly logger: Logger;
}

/** What strangers may send: a question, perhaps with OPT and a signature (as miekg/dns accepts). */
const REQUEST_LIMITS: SectionLimits = { answers: 1, authorities: 1, additionals: 2 };

/** Answers packets at one place. What was not foreseen becomes SERVFAIL and a line in the log. */
export function createPacketAnswerer(context: AnswerContext) {
  const { writer, logger, metrics } = context;
  const counters = new Map<string, PathCounters>();
  const countersOf = (server: string, zone: string, transport: string, address: string): PathCounters => {
    const family = address.includes(':') && !address.startsWith('::ffff:') ? '2' : '1';
    const key = `${server}\n${zone}\n${transport}${family}`;
    let found = counters.get(key);
    if (!found) {
      found = createCounters(metrics, [server, zone, ''], transport, family);
      counters.set(key, found);
    }
    return found;
  };

  /** Undefined: nothing is to be said. */
  return (packet: Packet, zones: readonly ServedZone[] | undefined): Buffer | undefined | Promise<Buffer | undefined> => {
    const { bytes, transport } = packet;
    let header: Header;
    try {
      header = readHeader(bytes);
    } catch {
      return undefined;
    }
    // An answer to an answer would go round between two servers.
    if (header.response) return undefined;
    if (header.opcode !== OPCODE.QUERY) return writer.write(refusal(header, RCODE.NOTIMP), LEAST_UDP_BYTES);
    let query: Query;
    try {
      const message = readMessage(bytes, REQUEST_LIMITS);
      if (!message.question) return writer.write(refusal(header, RCODE.FORMERR), LEAST_UDP_BYTES);
      query = queryOf(message, packet);
    } catch {
      return writer.write(refusal(header, RCODE.FORMERR), LEAST_UDP_BYTES);
    }
    const startMs = performance.now();
    const served = zoneFor(zones, query.name);
    const counted = countersOf(served?.server ?? '', served?.zone ?? 'dropped', transport, packet.remoteAddress);
    const finish = (reply: Reply): Buffer => {
      const response = writer.write(responseOf(query, reply), largestResponse(query));
      counted.count(query, reply, response.length, (performance.now() - startMs) / 1000);
      return response;
    };
    const fail = (error: unknown): Buffer => {
      metrics.series('coredns_panics_total', []).add();
      logger.error('A query could not be answered', { name: query.question.name, type: typeName(query.question.type), error });
      return finish(emptyReply(RCODE.SERVFAIL));
    };
    try {
      const reply = replyTo(query, served);
      return reply instanceof Promise ? reply.then(finish).catch(fail) : finish(reply);
    } catch (error) {
      return fail(error);
    }
  };
}

function replyTo(query: Query, served: ServedZone | undefined): Reply | Promise<Reply> {
  if (query.edns && query.edns.version !== 0) return emptyReply(RCODE.BADVERS);
  if (!served || isRefused(query)) return emptyReply(RCODE.REFUSED);
  return served.resolve(query);
}

function queryOf(message: Message, packet: Packet): Query {
  const { id, opcode, recursionDesired, checkingDisabled, authenticData, edns } = message;
  const question = message.question!;
  const { transport, remoteAddress, remotePort, bytes } = packet;
  return {
    id,
    opcode,
    recursionDesired,
    checkingDisabled,
    authenticData,
    question,
    name: question.name.toLowerCase(),
    edns,
    transport,
    remoteAddress,
    remotePort,
    size: bytes.length,
  };
}

function refusal(header: Header, rcode: number): Message {
  return {
    ...header,
    response: true,
    authoritative: false,
    truncated: false,
    recursionAvailable: false,
    authenticData: false,
    rcode,
    question: undefined,
    answers: [],
    authorities: [],
    additionals: [],
    edns: undefined,
  };
}

interface PathCounters {
  count(query: Query, reply: Reply, responseBytes: number, seconds: number): void;
}

function createCounters(metrics: DnsMetrics, labels: readonly string[], transport: string, family: string): PathCounters {
  const requests = new Map<string, Series>();
  const responses = new Map<string, Series>();
  const requestSize = metrics.histogram('coredns_dns_request_size_bytes', [...labels, transport]);
  const responseSize = metrics.histogram('coredns_dns_response_size_bytes', [...labels, transport]);
  const duration: Histogram = metrics.histogram('coredns_dns_request_duration_seconds', labels);
  const dnssec = metrics.series('coredns_dns_do_requests_total', labels);
  const seriesOf = (table: Map<string, Series>, key: string, create: () => Series): Series => {
    let found = table.get(key);
    if (!found) {
      found = create();
      table.set(key, found);
    }
    return found;
  };
  return {
    count({ question, size, edns }, { rcode, by }, responseBytes, seconds) {
      const type = countedTypeName(question.type);
      seriesOf(requests, type, () => metrics.series('coredns_dns_requests_total', [...labels, transport, family, type])).add();
      const code = rcodeName(rcode);
      seriesOf(responses, `${code} ${by}`, () => metrics.series('coredns_dns_responses_total', [...labels, code, by])).add();
      if (edns?.dnssecOk) dnssec.add();
      requestSize.observe(size);
      responseSize.observe(responseBytes);
      duration.observe(seconds);
    },
  };
}
