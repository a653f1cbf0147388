import { apiVersionOf, type ResourceKind } from '../api/machinery/kind.ts';
import type { KubeObject } from '../api/machinery/object.ts';
import { formatGroupResource } from '../api/machinery/status-error.ts';
import { isLarge, pauseBefore, runWithPauses } from '../std/pauses.ts';
import type {
  DeleteOptions,
  ListOptions,
  PatchType,
  RequestOptions,
  ResourceClient,
  UnreadOptions,
  WatchEvent,
  WatchOptions,
} from './client.ts';
import type { ObjectReader } from './object-reader.ts';
import type { Call, Caller } from './request.ts';
import { resourcePath } from './resource-path.ts';
import { readAnswer } from './response-error.ts';
import { splitLines } from './watch-lines.ts';

const PATCH_CONTENT_TYPES: Readonly<Record<PatchType, string>> = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  // JSON is YAML.
  apply: 'application/apply-patch+yaml',
};

interface Target {
  readonly name?: string;
  readonly namespace?: string;
  readonly subresource?: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
}

/** The verbs on `kind` in `namespace`, sent by `caller`; lists and watches are read by `reader`. */
export function createResourceClient<T extends KubeObject>(
  caller: Caller,
  kind: ResourceKind,
  { namespace, reader }: { readonly namespace?: string | undefined; readonly reader: ObjectReader },
): ResourceClient<T> {
  const resource = formatGroupResource(kind);

  const call = (verb: string, method: string, target: Target, more: Partial<Call> = {}): Call => {
    if (target.name === '') throw new TypeError(`cannot ${verb} ${resource}: resource name may not be empty`);
    return {
      method,
      path: resourcePath(kind, { namespace, ...target }),
      asked: { verb, resource, name: target.name },
      ...more,
    };
  };
  /** For verbs on one object: those of a namespaced kind need a namespace. */
  const callOne = (verb: string, method: string, target: Target, more: Partial<Call> = {}): Call => {
    const where = target.namespace ?? namespace;
    if (kind.namespaced && !where)
      throw new TypeError(`cannot ${verb} ${resource} ${target.name ?? ''}: a namespace is required`);
    return call(verb, method, { ...target, namespace: where }, more);
  };
  const sendFor = async <R>(sent: Call, unread = false): Promise<R> => {
    const { text } = await caller.send(sent);
    return unread ? ({} as R) : readAnswer(text, sent.asked, (json) => JSON.parse(json) as R);
  };
  const withType = <R>(object: R): R => {
    const { apiVersion, kind: ownKind } = object as KubeObject;
    return { ...object, apiVersion: apiVersion ?? apiVersionOf(kind), kind: ownKind ?? kind.kind };
  };

  return {
    get: async (name, options = {}) =>
      sendFor(callOne('get', 'GET', { name, subresource: options.subresource }, { signal: options.signal })),
    list: async (options = {}) => {
      const sent = call('list', 'GET', { query: listQuery(options) }, { signal: options.signal });
      const { text } = await caller.send(sent);
      const list = await readAnswer(text, sent.asked, (json) =>
        isLarge(json.length) ? runWithPauses(reader.listInSteps<T>(json)) : reader.list<T>(json),
      );
      // A server in Go writes an empty list of many kinds as null.
      return list.items ? list : { ...list, items: [] };
    },
    watch: (options = {}) =>
      watch<T>(caller, reader, call('watch', 'GET', { query: watchQuery(options) }, { signal: options.signal })),
    async create<R = T>(object: R, options: RequestOptions & UnreadOptions & { readonly name?: string } = {}): Promise<R> {
      const target = {
        name: options.subresource ? options.name : undefined,
        namespace: namespace ?? (object as KubeObject).metadata?.namespace,
        subresource: options.subresource,
        query: writeQuery(options),
      };
      // What is sent to a subresource is of another kind, and says so itself.
      const body = options.subresource ? object : withType(object);
      return sendFor<R>(callOne('create', 'POST', target, { body, signal: options.signal }), options.unread);
    },
    async update(object, options = {}) {
      const { name = '', namespace: own } = object.metadata ?? {};
      const target = { name, namespace: namespace ?? own, subresource: options.subresource, query: writeQuery(options) };
      return sendFor<T>(callOne('update', 'PUT', target, { body: withType(object), signal: options.signal }));
    },
    patch: async (name, patch, options) =>
      sendFor(
        callOne(
          'patch',
          'PATCH',
          { name, subresource: options.subresource, query: { ...writeQuery(options), force: options.force } },
          { body: patch, contentType: PATCH_CONTENT_TYPES[options.type], signal: options.signal },
        ),
        options.unread,
      ),
    delete: async (name, options = {}) =>
      sendFor(callOne('delete', 'DELETE', { name }, { body: deleteBody(options), signal: options.signal })),
    async deleteCollection(options = {}) {
      const { signal } = options;
      await caller.send(
        callOne('deletecollection', 'DELETE', { query: listQuery(options) }, { body: deleteBody(options), signal }),
      );
    },
  };
}

async function* watch<T extends KubeObject>(
  caller: Caller,
  reader: ObjectReader,
  call: Call,
): AsyncGenerator<WatchEvent<T>, void, undefined> {
  for await (const line of splitLines(await caller.stream(call))) {
    const rest = pauseBefore(line.length);
    if (rest === undefined) yield reader.event<T>(line);
    else {
      await rest;
      yield await runWithPauses(reader.eventInSteps<T>(line));
    }
  }
}

function listQuery(options: ListOptions): Target['query'] {
  const { labelSelector, fieldSelector, limit, resourceVersion, resourceVersionMatch } = options;
  return { labelSelector, fieldSelector, limit, continue: options.continue, resourceVersion, resourceVersionMatch };
}

function watchQuery(options: WatchOptions): Target['query'] {
  const { allowWatchBookmarks, timeoutSeconds } = options;
  return { ...listQuery(options), watch: true, allowWatchBookmarks: allowWatchBookmarks || undefined, timeoutSeconds };
}

function writeQuery(options: RequestOptions): Target['query'] {
  return { dryRun: options.dryRun ? 'All' : undefined, fieldManager: options.fieldManager };
}

function deleteBody(options: DeleteOptions): object {
  const { gracePeriodSeconds, propagationPolicy, preconditions, dryRun } = options;
  return {
    apiVersion: 'v1',
    kind: 'DeleteOptions',
    gracePeriodSeconds,
    propagationPolicy,
    preconditions,
    ...(dryRun && { dryRun: ['All'] }),
  };
}
