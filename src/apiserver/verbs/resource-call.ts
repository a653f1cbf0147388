import { managerName } from '../../api/apply/manager-name.ts';
import type { KindDefinition, PartSubresource } from '../../api/machinery/kind.ts';
import type { Clock } from '../../std/clock.ts';
import type { Logger } from '../../std/logger.ts';
import type { Store } from '../../store/store.ts';
import type { Admission, Authorizer, RequestContext, RequestInfo, ServerResponse } from '../contracts.ts';
import type { StoredForms } from '../encryption/encrypting-store.ts';
import { givenWriteOptions } from '../request/query-options.ts';
import type { Keyspace } from '../store-access/keyspace.ts';
import type { ObjectStore } from '../store-access/object-store.ts';
import type { WatchCache } from '../watch-cache/watch-cache.ts';
import { type FieldManager, trackPlainWrites } from './field-tracking.ts';
import type { ObjectWrites, WriteScope } from './write-object.ts';

/** A request on a kind that is stored: the whole of an object or one of its parts. */
export interface ResourceCall {
  readonly context: RequestContext;
  readonly kind: KindDefinition;
  readonly part?: PartSubresource;
}

/** What the verbs work on. */
export interface VerbDeps {
  readonly store: Store;
  readonly keyspace: Keyspace;
  readonly cache: WatchCache;
  readonly objects: ObjectStore;
  /** With encryption at rest: which values cannot be read. */
  readonly storedForms?: StoredForms;
  readonly writes: ObjectWrites;
  /** For actions that let nobody in by themselves. */
  readonly admission: () => Admission;
  /** Hears of requests for kinds that are deprecated. */
  readonly noteDeprecated?: (kind: KindDefinition, subresource: string) => void;
  /** For what a request turns out to do besides what it was let in for. */
  readonly authorizer: Authorizer;
  /** Where watches of a kind count what they send. */
  readonly watchEvents?: (kind: KindDefinition) => { events: number };
  /** Told how long a watch took to be told all that was there. */
  readonly noteWatchList?: (info: RequestInfo, seconds: number) => void;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
  readonly minRequestTimeoutMs: number;
}

export type VerbHandler = (call: ResourceCall, response: ServerResponse) => Promise<void>;

/** Who makes a request's writes, as managed fields name it. */
export function fieldManagerOf({ request, info }: RequestContext, fieldManager: string): FieldManager {
  return { manager: managerName(fieldManager, request.headers['user-agent'] ?? ''), subresource: info.subresource };
}

/** The scope of a write that this call makes. */
export function writeScope({ context, kind, part }: ResourceCall, dryRun: boolean, fieldManager = ''): WriteScope {
  const { info, user, warnings, audit, deadlineMs } = context;
  return {
    kind,
    namespace: kind.namespaced ? info.namespace : '',
    user,
    dryRun,
    options: givenWriteOptions(context.request.query),
    warnings,
    ...(audit && { audit }),
    ...(deadlineMs !== undefined && { deadlineMs }),
    ...(part && { part }),
    admit: true,
    fields: trackPlainWrites(fieldManagerOf(context, fieldManager)),
  };
}
