import type { RequestInfo } from '../contracts.ts';

/** What there is of a kind. */
export interface StoredStats {
  readonly count: number;
  /** About how large one is. */
  readonly averageBytes: number;
}

/** As apiserver/pkg/util/flowcontrol/request since 1.34: a seat is for so many bytes that are in memory at a time. */
const SEAT_BYTES = 100_000;
/** What is read from the cache is sent piece by piece. */
const STREAMED_BYTES = 1_000_000;
const MOST_SEATS = 100;

/**
 * How many seats a request asks for: a list, and a watch that begins with what there is, as many as it has in memory; everything else one.
 *
 * @param stored what there is of its kind; undefined for kinds of other servers
 */
export function widthOf(
  info: RequestInfo,
  query: URLSearchParams,
  stored: (info: RequestInfo) => StoredStats | undefined,
): number {
  if (info.verb !== 'list' && info.verb !== 'watch') return 1;
  if (info.verb === 'watch' && !beginsWithAll(query)) return 1;
  const stats = stored(info);
  if (!stats) return 1;
  const limit = Number(query.get('limit') ?? 0);
  const read = info.name !== '' ? 1 : limit > 0 ? Math.min(limit, stats.count) : stats.count;
  // What is of another time than now is not in the cache.
  const isOfThePast = info.verb === 'list' && (query.has('continue') || query.get('resourceVersionMatch') === 'Exact');
  const isSelected = Boolean(query.get('fieldSelector') || query.get('labelSelector'));
  const loaded = isOfThePast && isSelected && info.name === '' ? Math.max(read, Math.floor(stats.count / 2)) : read;
  const bytes = loaded * stats.averageBytes;
  const seats = Math.ceil((isOfThePast ? bytes : Math.min(bytes, STREAMED_BYTES)) / SEAT_BYTES);
  return Math.max(1, Math.min(MOST_SEATS, seats));
}

function beginsWithAll(query: URLSearchParams): boolean {
  const revision = query.get('resourceVersion') ?? '';
  return ['true', '1'].includes(query.get('sendInitialEvents') ?? '') || revision === '' || revision === '0';
}
