import type { Message } from '../message/message.ts';
import { MAX_MESSAGE_BYTES } from '../message/write-message.ts';
import type { Query, Reply } from './plugin.ts';

export const LEAST_UDP_BYTES = 512;
/** Larger datagrams come in fragments, if at all. */
const MOST_UDP_BYTES = 4096;

/** How many bytes a response to a query may have. */
export function largestResponse({ transport, edns }: Pick<Query, 'transport' | 'edns'>): number {
  if (transport === 'tcp') return MAX_MESSAGE_BYTES;
  return edns ? Math.min(MOST_UDP_BYTES, Math.max(LEAST_UDP_BYTES, edns.size)) : LEAST_UDP_BYTES;
}

/** The message of a reply. */
export function responseOf(query: Query, reply: Reply): Message {
  const { id, opcode, recursionDesired, checkingDisabled, question, edns } = query;
  return {
    id,
    response: true,
    opcode,
    authoritative: reply.authoritative,
    truncated: reply.truncated,
    recursionDesired,
    recursionAvailable: reply.recursionAvailable,
    authenticData: reply.authenticData && (query.authenticData || (edns?.dnssecOk ?? false)),
    checkingDisabled,
    rcode: reply.rcode,
    question,
    answers: reply.answers,
    authorities: reply.authorities,
    additionals: reply.additionals,
    edns: edns && { size: Math.max(LEAST_UDP_BYTES, edns.size), version: 0, dnssecOk: edns.dnssecOk },
  };
}
