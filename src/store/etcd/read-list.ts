import type { Message } from '../../std/grpc/message-schema.ts';
import type { KeyValue, ListOptions, ListResult, Revision } from '../store.ts';
import { StoreError } from '../store.ts';
import type { Endpoints } from './endpoints.ts';
import { etcdMethods } from './etcd-method.ts';
import { rangeOf } from './key-range.ts';
import type { EtcdMessages } from './messages.ts';

/** A list is read page by page, so that neither etcd nor we hold it twice. Pages become longer as long as they are small. */
const FIRST_PAGE = 500;
const LONGEST_PAGE = 10_000;
const PAGE_BYTES = 4 * 1024 * 1024;
/** Large pages take their time. */
const PAGE_TIMEOUT = { timeoutMs: 60_000, patienceMs: 15_000 };

/** A list that takes longer than history is kept is given up after so many beginnings. */
const MOST_BEGINNINGS = 3;

/** Reads a list as of one revision; again from its beginning when the newest one, which it began with, was forgotten between two pages. */
export async function readList(endpoints: Endpoints, prefix: string, options: ListOptions): Promise<ListResult> {
  for (let beginning = 1; ; beginning++) {
    try {
      return await readPages(endpoints, prefix, options);
    } catch (error) {
      const mayBegin = options.revision === undefined && beginning < MOST_BEGINNINGS;
      if (!(mayBegin && error instanceof StoreError && error.code === 'compacted')) throw error;
    }
  }
}

async function readPages(
  endpoints: Endpoints,
  prefix: string,
  { limit = 0, startKey, revision }: ListOptions,
): Promise<ListResult> {
  const entries: KeyValue[] = [];
  let range = rangeOf(prefix, startKey);
  let page = FIRST_PAGE;
  let at: Revision | undefined = revision;
  for (;;) {
    const wanted = limit > 0 ? Math.min(page, limit - entries.length) : page;
    const answer = await endpoints.call(
      etcdMethods.range,
      { ...range, limit: wanted, ...(at !== undefined && { revision: at }) },
      PAGE_TIMEOUT,
    );
    at ??= answer.header!.revision;
    const bytes = keep(answer.kvs, entries);
    const remaining = answer.count - answer.kvs.length;
    if (remaining === 0 || (limit > 0 && entries.length >= limit)) return { entries, revision: at, remaining };
    range = { ...range, key: `${entries.at(-1)!.key}\0` };
    page = nextPage(page, bytes);
  }
}

function nextPage(page: number, bytes: number): number {
  if (bytes > PAGE_BYTES) return Math.max(1, Math.floor(page / 2));
  return bytes * 2 < PAGE_BYTES ? Math.min(LONGEST_PAGE, page * 2) : page;
}

/** Adds what was read, each value in memory of its own: one that lives long is not to keep its page. Answers the bytes of all. */
function keep(kvs: Message<EtcdMessages, 'RangeResponse'>['kvs'], entries: KeyValue[]): number {
  let bytes = 0;
  for (const { key, value, createRevision, modRevision } of kvs) {
    bytes += value.length;
    entries.push({ key, value: new Uint8Array(value), createRevision, modRevision });
  }
  return bytes;
}
