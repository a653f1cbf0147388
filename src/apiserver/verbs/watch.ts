import type { KindDefinition } from '../../api/machinery/kind.ts';
import { internalError, resourceExpired, StatusError } from '../../api/machinery/status-error.ts';
import { deferred } from '../../std/lifecycle.ts';
import type { ServerResponse } from '../contracts.ts';
import { negotiateOutput } from '../request/negotiation.ts';
import { type ListQuery, parseListQuery, parseResourceVersion } from '../request/query-options.ts';
import { MadeLines } from '../response/made-lines.ts';
import { Representation } from '../response/representation.ts';
import type { CachedEvent, WatchItem } from '../watch-cache/cached-event.ts';
import type { CachedObject } from '../watch-cache/cached-object.ts';
import { ConvertedFeed } from '../watch-cache/converted-feed.ts';
import type { WatchStart } from '../watch-cache/kind-cache.ts';
import { showObjects } from '../watch-cache/show-objects.ts';
import { LineQueue, MOST_WAITING_BYTES } from './line-queue.ts';
import { waitForRevision } from './read-revision.ts';
import type { VerbDeps, VerbHandler } from './resource-call.ts';
import { KnownMatches, matching, type Selection, selectionOf } from './selection.ts';
import { sendBeginning } from './send-beginning.ts';
import { MOST_LINES, WatchStream } from './watch-stream.ts';

/** Bookmarks come about once a minute, as upstream. */
const BOOKMARK_MS = 60_000;
const INITIAL_EVENTS_END = { 'k8s.io/initial-events-end': 'true' };

/**
 * GET of a collection with `watch`: one line of JSON, or frame of protobuf, a change until the client goes away, the time is up or the server stops.
 * `resourceVersion` says where to begin: unset or 0, what is there comes first as ADDED.
 */
export function createWatch(deps: VerbDeps): VerbHandler {
  const { cache, clock, random } = deps;
  const made = new MadeLines();
  return async ({ context, kind }, response) => {
    const { request, info } = context;
    const output = negotiateOutput(request, 'stream');
    const query = await parseListQuery(request.query, true);
    const startMs = performance.now();
    const selection = selectionOf(kind, info, query, deps.keyspace);
    const looked = selection.matches && new KnownMatches(selection.matches);
    const representation = new Representation(kind, output, request.query, () => clock.now());
    const start = await chooseStart(deps, query);
    await makeReady(deps, kind, start, selection, looked?.matches);

    const ended = deferred();
    const stream = new WatchStream(response, () => ended.resolve());
    const line = await representation.lines(made);
    beginAnswer(response, representation.watchType);
    let beginning: (WatchItem | Buffer)[] | undefined = [];
    const counted = deps.watchEvents?.(kind);
    const late = { lines: 0, bytes: 0 };
    const item = (told: WatchItem) => {
      if (counted) counted.events++;
      const { sizeBytes } = told.object;
      if (!beginning) return lines.send(() => line(told), sizeBytes);
      beginning.push(told);
      if (!stream.isBlocked) return;
      late.lines++;
      late.bytes += sizeBytes;
      if (late.lines > MOST_LINES || late.bytes > MOST_WAITING_BYTES) stream.end();
    };
    const fail = (error: unknown) => {
      stream.send(representation.errorLine(error instanceof StatusError ? error : internalError((error as Error).message)));
      stream.end();
    };
    const lines = new LineQueue(stream, fail);
    const failed = (error: unknown) => lines.afterwards(() => fail(error));
    // What takes its time to convert comes later, in order; so does what is said in between.
    const feed = kind.storedAs && new ConvertedFeed({ kind, matches: selection.matches, item, failed });
    const inOrder = (say: () => void) => (feed ? feed.afterwards(say) : say());
    const unwatch = cache.kind(kind).watch(
      {
        kind,
        ...selection,
        ...(looked && { matches: looked.matches }),
        item,
        ...(feed && { raw: (change: CachedEvent | CachedObject) => feed.take(change) }),
        closed: () => inOrder(() => lines.afterwards(() => stream.end())),
      },
      start,
    );
    looked?.forget();
    if (!unwatch) {
      const from = start === 'now' ? 0 : start.after;
      stream.send(
        representation.errorLine(resourceExpired(`too old resource version: ${from} (${cache.kind(kind).oldestStart})`)),
      );
      stream.end();
      return ended.promise;
    }
    const bookmark = (annotations?: Readonly<Record<string, string>>) => {
      const told = representation.bookmark(cache.revision, annotations);
      inOrder(() => (beginning ? beginning.push(told) : lines.send(() => told, told.length)));
    };
    if (query.sendInitialEvents && query.allowWatchBookmarks) bookmark(INITIAL_EVENTS_END);
    // What comes in the meantime is put behind it.
    inOrder(() => {
      const sent = sendBeginning(stream, beginning!, line, () => {
        beginning = undefined;
      });
      sent?.catch(failed);
      const begun = () => context.begun?.();
      void Promise.resolve(sent).then(begun, begun);
      const known = () => deps.noteWatchList?.(info, (performance.now() - startMs) / 1000);
      if (query.sendInitialEvents) void (sent?.then(known, () => undefined) ?? known());
    });

    const bookmarks = query.allowWatchBookmarks ? repeat(deps, () => bookmark()) : undefined;
    const lastsMs = query.timeoutSeconds > 0 ? query.timeoutSeconds * 1000 : deps.minRequestTimeoutMs * (1 + random());
    const timeout = clock.setTimer(lastsMs, () => stream.end());
    const onAbort = () => stream.end();
    if (request.signal.aborted) onAbort();
    else request.signal.addEventListener('abort', onAbort, { once: true });
    await ended.promise;
    unwatch();
    feed?.end();
    timeout.cancel();
    bookmarks?.cancel();
    request.signal.removeEventListener('abort', onAbort);
  };
}

/** Does in turns what would be done at once below: objects in the form of a version, and parsed for a selector. */
async function makeReady(
  { cache }: VerbDeps,
  kind: KindDefinition,
  start: WatchStart,
  { keyPrefix, selectorBytes }: Selection,
  matches: Selection['matches'],
): Promise<void> {
  if (kind.storedAs?.remote || !(kind.storedAs || matches)) return;
  const held = cache.kind(kind);
  const found = start === 'now' ? held.objects.range(keyPrefix) : held.changedSince(start.after, keyPrefix);
  const shown = kind.storedAs ? await showObjects(kind, found) : found;
  if (matches) await matching(shown, matches, selectorBytes);
}

async function chooseStart({ cache }: VerbDeps, query: ListQuery): Promise<WatchStart> {
  const wanted = parseResourceVersion(query.resourceVersion, false);
  if (query.resourceVersionMatch === 'NotOlderThan') {
    await (wanted === undefined ? cache.fresh() : waitForRevision(cache, wanted));
    return query.sendInitialEvents ? 'now' : { after: wanted || cache.revision };
  }
  if (wanted) return { after: wanted };
  if (wanted === undefined) await cache.fresh();
  return 'now';
}

function beginAnswer(response: ServerResponse, type: string): void {
  response.writeHead(200, { 'content-type': type, 'cache-control': 'no-cache, private' });
  response.write(''); // the client shall know now that the watch is on
}

/** Calls back about once a minute, never all watches at once. */
function repeat({ clock, random }: VerbDeps, call: () => void): { cancel(): void } {
  const next = () => clock.setTimer(BOOKMARK_MS * (0.9 + 0.2 * random()), tick);
  const tick = () => {
    timer = next();
    call();
  };
  let timer = next();
  return { cancel: () => timer.cancel() };
}
