import { request } from 'node:https';
import { CodedError } from '../../std/coded-error.ts';
import type { Pair } from '../assets/material.ts';

/** A member of etcd's cluster, as the cluster knows it. */
export interface Member {
  /** Decimal: 64 bits, more than a number holds. */
  readonly id: string;
  /** Empty: it has not started yet. */
  readonly name: string;
  readonly peerUrls: readonly string[];
  readonly isLearner: boolean;
}

/** What a member says of itself. */
export interface MemberStatus {
  readonly version: string;
  readonly dbSizeBytes: number;
  readonly dbSizeInUseBytes: number;
  /** The id of who leads; `0`: nobody does. */
  readonly leader: string;
  /** Its own id. */
  readonly id: string;
}

/** One member's way to the cluster, by etcd's gateway for JSON (`/v3`), which keeps ids of 64 bits whole. */
export interface MemberClient {
  members(): Promise<Member[]>;
  status(): Promise<MemberStatus>;
  /** Adds one that learns and does not vote. */
  addLearner(peerUrl: string): Promise<void>;
  promote(id: string): Promise<void>;
  remove(id: string): Promise<void>;
  /** Gives the file system back what the database does not use. The member serves nobody meanwhile. */
  defragment(): Promise<void>;
  /** What lies in it from one key up to another, which is left out. In the order of the keys, at most 16 at a time. */
  range(from: string, to: string): Promise<{ readonly entries: readonly StoredEntry[]; readonly more: boolean }>;
}

export interface StoredEntry {
  readonly key: string;
  readonly value: Buffer;
}

export interface MemberClientOptions {
  /** `https://127.0.0.1:PORT`: a tunnel. */
  readonly server: string;
  readonly caPem: string;
  readonly client: Pair;
  readonly signal: AbortSignal;
}

const TIMEOUT_MS = 30_000;
const DEFRAGMENT_MS = 300_000;
const LARGEST_ANSWER = 1 << 20;
const RANGE_LIMIT = 16;
/** Values are of 1.5 MiB at most unless etcd is told otherwise; as base64, with room. */
const LARGEST_RANGE = 64 << 20;

type Json = Readonly<Record<string, unknown>>;

/** @throws (each call) CodedError ETCD_FAILED with what the member says */
export function createMemberClient(options: MemberClientOptions): MemberClient {
  const call = (path: string, body: Json = {}, timeoutMs = TIMEOUT_MS, largest = LARGEST_ANSWER) =>
    post(options, `/v3/${path}`, body, { timeoutMs, largest });
  return {
    async members() {
      const { members } = await call('cluster/member/list');
      return listOf(members).map((member) => ({
        id: textOf(member['ID']),
        name: textOf(member['name']),
        peerUrls: Array.isArray(member['peerURLs']) ? member['peerURLs'].map(textOf) : [],
        isLearner: member['isLearner'] === true,
      }));
    },
    async status() {
      const answer = await call('maintenance/status');
      const header = (answer['header'] ?? {}) as Json;
      return {
        version: textOf(answer['version']),
        dbSizeBytes: Number(textOf(answer['dbSize']) || 0),
        dbSizeInUseBytes: Number(textOf(answer['dbSizeInUse']) || 0),
        leader: textOf(answer['leader']) || '0',
        id: textOf(header['member_id']),
      };
    },
    addLearner: async (peerUrl) => void (await call('cluster/member/add', { peerURLs: [peerUrl], isLearner: true })),
    promote: async (id) => void (await call('cluster/member/promote', { ID: id })),
    remove: async (id) => void (await call('cluster/member/remove', { ID: id })),
    async range(from, to) {
      const body = { key: base64(from), range_end: base64(to), limit: String(RANGE_LIMIT) };
      const { kvs, more } = await call('kv/range', body, TIMEOUT_MS, LARGEST_RANGE);
      const entries = listOf(kvs).map(({ key, value }) => ({
        key: Buffer.from(textOf(key), 'base64').toString(),
        value: Buffer.from(textOf(value), 'base64'),
      }));
      return { entries, more: more === true };
    },
    defragment: async () => void (await call('maintenance/defragment', {}, DEFRAGMENT_MS)),
  };
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');
const listOf = (value: unknown): readonly Json[] =>
  Array.isArray(value) ? value.filter((item): item is Json => typeof item === 'object' && item !== null) : [];

function post(
  { server, caPem, client, signal }: MemberClientOptions,
  path: string,
  body: Json,
  { timeoutMs, largest }: { readonly timeoutMs: number; readonly largest: number },
): Promise<Json> {
  const failed = (why: string, cause?: unknown) =>
    new CodedError(`etcd: ${path}: ${why}`, { code: 'ETCD_FAILED', retryable: true, cause });
  return new Promise((resolve, reject) => {
    const text = JSON.stringify(body);
    const sent = request(
      `${server}${path}`,
      {
        ...{ method: 'POST', agent: false, timeout: timeoutMs, signal, ca: caPem, cert: client.certificate, key: client.key },
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) },
      },
      (answer) => {
        let said = '';
        answer.setEncoding('utf8').on('data', (chunk: string) => {
          said += chunk;
          if (said.length > largest) sent.destroy(new Error('the answer is too long'));
        });
        answer.on('error', (error) => reject(failed(error.message, error)));
        answer.on('end', () => {
          const json = parsed(said);
          if (answer.statusCode === 200 && json) resolve(json);
          else reject(failed(textOf(json?.['message']) || textOf(json?.['error']) || `status ${answer.statusCode}`));
        });
      },
    );
    sent.on('timeout', () => sent.destroy(new Error(`no answer in ${timeoutMs / 1000} s`)));
    sent.on('error', (error) => reject(failed(error.message, error)));
    sent.end(text);
  });
}

function parsed(text: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Json) : undefined;
  } catch {
    // What is no JSON says nothing.
    return undefined;
  }
}
