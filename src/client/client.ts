import type { ResourceKind } from '../api/machinery/kind.ts';
import type { DynamicObject, KubeList, KubeObject, WatchEventType } from '../api/machinery/object.ts';
import type { Transport } from './transport/transport.ts';

/** One request's choices, besides the object. */
export interface RequestOptions {
  readonly signal?: AbortSignal;
  /** A subresource of the named object: `status`, `approval`, `token`. */
  readonly subresource?: string;
  readonly dryRun?: boolean;
  readonly fieldManager?: string;
}

/** Of writes whose answer, the object as it is now, nobody looks at. */
export interface UnreadOptions {
  /** The answer is not parsed: an empty object stands for it. Failures are told as ever. */
  readonly unread?: boolean;
}

export interface ListOptions {
  readonly signal?: AbortSignal;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly limit?: number;
  readonly continue?: string;
  readonly resourceVersion?: string;
  readonly resourceVersionMatch?: 'Exact' | 'NotOlderThan';
}

export interface WatchOptions extends ListOptions {
  readonly allowWatchBookmarks?: boolean;
  readonly timeoutSeconds?: number;
}

export type WatchEvent<T> =
  | { readonly type: Exclude<WatchEventType, 'ERROR'>; readonly object: T }
  /** `object` is a Status: 410 when the resourceVersion is too old. */
  | { readonly type: 'ERROR'; readonly object: KubeObject & { code?: number; reason?: string; message?: string } };

export type PatchType = 'json' | 'merge' | 'strategic' | 'apply';

export interface PatchOptions extends RequestOptions, UnreadOptions {
  readonly type: PatchType;
  readonly force?: boolean;
}

export interface DeleteOptions extends Omit<RequestOptions, 'subresource'> {
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
}

/** The verbs on one kind, in one namespace when it was given one. Failed requests reject with a `StatusError`. */
export interface ResourceClient<T extends KubeObject = DynamicObject> {
  get(name: string, options?: RequestOptions): Promise<T>;
  /** All of it in one answer unless a limit is given. */
  list(options?: ListOptions): Promise<KubeList<T>>;
  /** Ends when the server ends the watch; rejects when it cannot begin. */
  watch(options?: WatchOptions): AsyncIterable<WatchEvent<T>>;
  /** With a subresource, `name` says of what: TokenRequest, Eviction. */
  create<R = T>(object: R, options?: RequestOptions & UnreadOptions & { readonly name?: string }): Promise<R>;
  /** The object's name, namespace and resourceVersion are taken from its metadata. */
  update(object: T, options?: RequestOptions): Promise<T>;
  patch(name: string, patch: unknown, options: PatchOptions): Promise<T>;
  /** The deleted object as the server answered it, or its Status. */
  delete(name: string, options?: DeleteOptions): Promise<KubeObject>;
  deleteCollection(options?: ListOptions & DeleteOptions): Promise<void>;
}

export interface Client {
  /** Without a namespace, a namespaced kind is read in all namespaces, and cannot be written. */
  resource<T extends KubeObject = DynamicObject>(kind: ResourceKind, namespace?: string): ResourceClient<T>;
  /** A request outside the resource verbs (`/version`, `/healthz`, node proxy). Rejects with a StatusError for statuses >= 300. */
  raw(request: {
    method?: string;
    path: string;
    body?: unknown;
    signal?: AbortSignal;
    /** Default JSON, or whatever there is. */
    accept?: string;
  }): Promise<{ status: number; text: string }>;
  readonly transport: Transport;
  /** The same client calling itself otherwise in `User-Agent`. */
  withUserAgent(userAgent: string): Client;
}
