import type { KindDefinition } from '../../api/machinery/kind.ts';
import type { ListMeta } from '../../api/machinery/object.ts';
import { badRequest, resourceExpired } from '../../api/machinery/status-error.ts';
import { nextTurn } from '../../std/next-turn.ts';
import { StoreError } from '../../store/store.ts';
import { checkPartial, negotiateOutput } from '../request/negotiation.ts';
import { type ListQuery, parseListQuery, parseResourceVersion } from '../request/query-options.ts';
import { Representation } from '../response/representation.ts';
import type { CachedObject } from '../watch-cache/cached-object.ts';
import { showObjects } from '../watch-cache/show-objects.ts';
import { formatContinue, parseContinue } from './continue-token.ts';
import { isEventKind } from './object-rules.ts';
import { tooLargeResourceVersion, waitForRevision } from './read-revision.ts';
import type { VerbDeps, VerbHandler } from './resource-call.ts';
import { matching, type Selection, selectionOf } from './selection.ts';

interface Page {
  readonly objects: readonly CachedObject[];
  readonly metadata: ListMeta;
}

/** GET of a collection. Whole lists and first pages come from the watch cache, later pages from the revision that the first one showed. */
export function createList(deps: VerbDeps): VerbHandler {
  return async ({ context, kind }, response) => {
    const { request, info } = context;
    const output = negotiateOutput(request, 'object');
    checkPartial(output, kind, true);
    const query = await parseListQuery(request.query, false);
    const selection = selectionOf(kind, info, query, deps.keyspace);
    const page = await readPage(deps, kind, query, selection);
    await new Representation(kind, output, request.query, () => deps.clock.now()).sendList(
      context,
      response,
      page.metadata,
      page.objects,
    );
  };
}

/** Reads what a list query asks for. */
export async function readPage(deps: VerbDeps, kind: KindDefinition, query: ListQuery, selection: Selection): Promise<Page> {
  const wanted = parseResourceVersion(query.resourceVersion, true);
  if (query.continueToken) {
    const token = parseContinue(query.continueToken);
    if (wanted) throw badRequest('specifying resource version is not allowed when using continue');
    return readPast(deps, kind, query, selection, token.revision < 0 ? undefined : token.revision, token.start);
  }
  const exact = query.resourceVersionMatch === 'Exact' || (query.limit > 0 && query.resourceVersionMatch === '');
  if (wanted && exact) return readPast(deps, kind, query, selection, wanted, undefined);
  const { cache } = deps;
  await (wanted === undefined ? cache.fresh() : waitForRevision(cache, wanted));
  const { revision } = cache;
  // As upstream: of what lies in the cache anyway, lists of any version are whole. Events it does not keep there.
  const limit = wanted === 0 && !isEventKind(kind) ? 0 : query.limit;
  const found = held(deps, kind, selection);
  const { matches, selectorBytes } = selection;
  const shown = async (objects: readonly CachedObject[]) => (kind.storedAs ? showObjects(kind, objects) : objects);
  if (matches) return pageOf(await matching(await shown(found), matches, selectorBytes), limit, revision, selection);
  // Only what is on the page needs to be put into another version.
  const page = pageOf(found, limit, revision, selection);
  return { ...page, objects: await shown(page.objects) };
}

/** What the cache holds now. */
function held(
  { cache, keyspace }: Pick<VerbDeps, 'cache' | 'keyspace'>,
  kind: KindDefinition,
  { keyPrefix, name }: Selection,
): readonly CachedObject[] {
  const { objects } = cache.kind(kind);
  const wholeNamespace = !kind.namespaced || keyPrefix !== keyspace.collectionPrefix(kind);
  if (name === undefined || !wholeNamespace) return objects.range(keyPrefix);
  const one = objects.get(`${keyPrefix}${name}`);
  return one ? [one] : [];
}

function pageOf(found: readonly CachedObject[], limit: number, revision: number, selection: Selection): Page {
  const metadata: ListMeta = { resourceVersion: String(revision) };
  if (limit <= 0 || found.length <= limit) return { objects: found, metadata };
  const objects = found.slice(0, limit);
  metadata.continue = formatContinue({ revision, start: startAfter(objects.at(-1)!, selection) });
  // With a selector upstream does not know how many will match, and says nothing.
  if (!selection.matches) metadata.remainingItemCount = found.length - limit;
  return { objects, metadata };
}

const startAfter = (object: CachedObject, { keyPrefix }: Selection) => `${object.key.slice(keyPrefix.length)}\0`;

/** So many are read from the store in one turn: some milliseconds. */
const PAGE = 1_000;

/** Reads a page from the store as of a revision; undefined is the newest. */
async function readPast(
  { store, cache }: VerbDeps,
  kind: KindDefinition,
  { limit }: ListQuery,
  selection: Selection,
  revision: number | undefined,
  start: string | undefined,
): Promise<Page> {
  const { keyPrefix, matches, selectorBytes } = selection;
  const objects: CachedObject[] = [];
  let startKey = start === undefined ? undefined : keyPrefix + start;
  let at = revision;
  let pageLength = limit > 0 ? Math.min(PAGE, limit) : PAGE;
  try {
    for (;;) {
      const left = limit > 0 ? limit - objects.length : Number.POSITIVE_INFINITY;
      const list = await store.list(keyPrefix, {
        limit: matches ? pageLength : Math.min(PAGE, left),
        ...(startKey !== undefined && { startKey }),
        ...(at !== undefined && { revision: at }),
      });
      at = revision ?? list.revision;
      const shown = await showObjects(
        kind,
        list.entries.flatMap((entry) => cache.decodeEntry(entry) ?? []),
      );
      const found = matches ? await matching(shown, matches, selectorBytes) : shown;
      for (const object of found.slice(0, left)) objects.push(object);
      const metadata: ListMeta = { resourceVersion: String(at) };
      // Where the limit ends it within a page, the rest of the page is read again by whoever goes on.
      const last = found.length >= left ? found[left - 1]!.key : list.entries.at(-1)?.key;
      if (last === undefined || (list.remaining === 0 && last === list.entries.at(-1)!.key)) return { objects, metadata };
      startKey = `${last}\0`;
      if (found.length < left) {
        // As upstream: where few match, more and more is read at a time.
        pageLength = Math.min(PAGE, pageLength * 2);
        await nextTurn();
        continue;
      }
      metadata.continue = formatContinue({ revision: at, start: startKey.slice(keyPrefix.length) });
      if (!matches) metadata.remainingItemCount = list.remaining;
      return { objects, metadata };
    }
  } catch (error) {
    throw readPastError(error, cache.revision, revision, start);
  }
}

function readPastError(error: unknown, current: number, revision: number | undefined, start: string | undefined): unknown {
  if (!(error instanceof StoreError)) return error;
  if (error.code === 'future-revision') return tooLargeResourceVersion(revision ?? 0, current);
  if (error.code !== 'compacted') return error;
  if (start === undefined) return resourceExpired(`The resourceVersion for the provided list is too old.`);
  const expired = resourceExpired(
    'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.',
  );
  expired.status.metadata.continue = formatContinue({ revision: -1, start });
  return expired;
}
