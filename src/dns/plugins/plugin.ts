import type { Client } from '../../client/client.ts';
import type { Clock } from '../../std/clock.ts';
import type { Logger } from '../../std/logger.ts';
import type { Directive } from '../corefile/parse-corefile.ts';
import { RCODE } from '../message/constants.ts';
import type { Edns, Question, ResourceRecord } from '../message/message.ts';
import type { DnsMetrics } from '../metrics/dns-metrics.ts';

/** One query on its way through the plugins. */
export interface Query {
  readonly id: number;
  readonly opcode: number;
  readonly recursionDesired: boolean;
  readonly checkingDisabled: boolean;
  readonly authenticData: boolean;
  readonly question: Question;
  /** The question's name in lower case. */
  readonly name: string;
  readonly edns: Edns | undefined;
  readonly transport: 'udp' | 'tcp';
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** Bytes of the request. */
  readonly size: number;
}

/** What is answered, without what a message repeats of its query. */
export interface Reply {
  readonly rcode: number;
  readonly authoritative: boolean;
  readonly recursionAvailable: boolean;
  readonly authenticData: boolean;
  readonly truncated: boolean;
  readonly answers: readonly ResourceRecord[];
  readonly authorities: readonly ResourceRecord[];
  readonly additionals: readonly ResourceRecord[];
  /** The plugin that answered, for metrics; empty for the server itself. */
  readonly by: string;
  /** Why there is no better answer, for people; an answer that another server gave has none. */
  readonly error?: string;
}

/** At once where nothing has to be waited for. */
export type Resolve = (query: Query) => Reply | Promise<Reply>;

/** What a plugin may touch. */
export interface PluginContext {
  /** Of the server block, in lower case. */
  readonly zones: readonly string[];
  /** `dns://:53`, as metrics say it. */
  readonly server: string;
  /** Addresses that the server is reached at. */
  readonly addresses: readonly string[];
  /** Of the API server for one kubeconfig or the process's own. @throws CodedError when there is none */
  readonly client: (kubeconfig?: { readonly path: string; readonly context?: string }) => Promise<Client>;
  /** Asks this server itself. */
  readonly lookup: (query: Query, name: string, type: number) => Promise<Reply>;
  /** The text of a file, by its path as written in the Corefile. */
  readonly readFile: (path: string) => Promise<string>;
  readonly metrics: DnsMetrics;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
  /** Ends the whole server: what only a person can mend. */
  readonly fail: (error: Error) => void;
}

/** A plugin of one server block, working. */
export interface Plugin {
  /** Answers, or asks the next. Undefined for those that take no part in answering. */
  readonly resolve?: (next: Resolve) => Resolve;
  /** Waits until it can work; `signal` ends it. */
  readonly start?: (signal: AbortSignal) => Promise<void>;
  /** Called when the server listens. */
  readonly onListening?: (signal: AbortSignal) => void;
  /** Undefined: ready. What it waits for otherwise. */
  readonly ready?: () => boolean;
  /** How long the server goes on answering after it was told to end. */
  readonly lameduckMs?: number;
  /** Pages that it wants served, by their address (`:8080`) and path. */
  readonly pages?: readonly Page[];
}

export interface Page {
  /** `:8181`, `localhost:9153` */
  readonly address: string;
  readonly path: string;
  readonly answer: () => { readonly status: number; readonly contentType: string; readonly text: string };
}

/** How a plugin is read from the Corefile: `read` finds every mistake, so that a Corefile that is not right changes nothing. */
export interface PluginDefinition {
  readonly name: string;
  /** May it stand in a block more than once. */
  readonly repeatable?: boolean;
  /** @throws CorefileError */
  readonly read: (directives: readonly Directive[], zones: readonly string[]) => (context: PluginContext) => Plugin;
}

export function emptyReply(rcode: number, by = '', error?: string): Reply {
  const reply: Reply = {
    rcode,
    authoritative: false,
    recursionAvailable: false,
    authenticData: false,
    truncated: false,
    answers: [],
    authorities: [],
    additionals: [],
    by,
  };
  return error === undefined ? reply : { ...reply, error };
}

/** The same query for something else. */
export function withQuestion(query: Query, question: Question): Query {
  return { ...query, question, name: question.name.toLowerCase() };
}

/** Waits only for what has to be waited for, so that an answer from memory takes no turn of the event loop. */
export function whenReply(reply: Reply | Promise<Reply>, then: (reply: Reply) => Reply): Reply | Promise<Reply> {
  return reply instanceof Promise ? reply.then(then) : then(reply);
}

/** The end of a chain in which nobody has answered. */
export const noMorePlugins: Resolve = () => emptyReply(RCODE.SERVFAIL, '', 'no next plugin found');
