import type { Steps } from '../../std/pauses.ts';
import type { StructureType } from '../apply/object-type.ts';
import type { DynamicObject } from './object.ts';
import type { FieldError } from './status-error.ts';

export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection';

/** What is needed to name a kind's resource on the wire. A `KindDefinition` is one. */
export interface ResourceKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** Plural, as in paths. */
  readonly resource: string;
  readonly namespaced: boolean;
}

/** A column of the server-side table (meta/v1 TableColumnDefinition) and how its cell is made. */
export interface Column {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'boolean' | 'number' | 'date';
  readonly format?: string;
  readonly description: string;
  /** 0 is shown always, 1 with `-o wide`. */
  readonly priority: number;
  /** Null is shown as nothing. */
  readonly cell: (object: DynamicObject, nowMs: number) => string | number | bigint | boolean | null;
}

/** A remark on a whole row (meta/v1 TableRowCondition). */
export interface RowCondition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
}

/** What a preparing or validating function may know besides the object. */
export interface WriteContext {
  readonly nowMs: number;
  /** Who asks: CSRs record it. */
  readonly user: {
    readonly name: string;
    readonly uid?: string;
    readonly groups: readonly string[];
    readonly extra?: Readonly<Record<string, readonly string[]>>;
  };
  /** Set when the write came by a subresource: `status`, `approval`, `scale`, … */
  readonly subresource?: string;
  /** Says something in a `Warning` header of the answer, whatever it is. */
  readonly warn?: (text: string) => void;
}

/** A subresource that reads or writes (a part of) the object itself through the generic verbs. */
export interface PartSubresource {
  /** `status`, `approval`, `finalize`. */
  readonly name: string;
  readonly verbs: readonly Verb[];
  /** Puts what this subresource may change from `requested` over `existing`, in place, into `existing`'s copy. */
  readonly merge: (existing: DynamicObject, requested: DynamicObject, context: WriteContext) => DynamicObject;
  readonly validate?: (updated: DynamicObject, existing: DynamicObject, context: WriteContext) => FieldError[];
  /** Instead, where it may take long: others have their turn at each step. */
  readonly validateInSteps?: (updated: DynamicObject, existing: DynamicObject, context: WriteContext) => Steps<FieldError[]>;
}

/** A subresource with behaviour of its own, implemented in the API server: `token`, `binding`, `eviction`, `log`, `exec`, `proxy`, `scale`. */
export interface ActionSubresource {
  readonly name: string;
  /** The kind that is sent and answered, for discovery. */
  readonly group?: string;
  readonly version?: string;
  readonly kind: string;
  readonly verbs: readonly Verb[];
}

/**
 * For a kind served in several versions that are one object: the stored form is another kind's, and objects of this one are made
 * from it on every read and turned into it before every write. Both directions are pure and leave their argument as it is.
 */
export interface StoredForm {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** Is given an object of its own, and may give back that same one when nothing had to be changed. */
  readonly fromStored: (stored: DynamicObject) => DynamicObject;
  readonly toStored: (object: DynamicObject) => DynamicObject;
  /** What lay in the store as the version has it now that it lies there in: what goes to `remote`. May change what it is given. */
  readonly readStored?: (stored: DynamicObject) => DynamicObject;
  /** For conversions between versions that somebody else makes. What they make is shown as it is; `toStored` is what goes to them. */
  readonly remote?: RemoteConversion;
  /** Of custom resources: all versions of the definition by `apiVersion`, served or not. */
  readonly versions?: ReadonlyMap<string, CustomVersion>;
}

export interface CustomVersion {
  readonly applyType: () => StructureType;
  /** Drops what the version does not know of an object that was another version's, in place. */
  readonly readConverted: (object: DynamicObject) => void;
}

export interface RemoteConversion {
  /** Converts objects, of whatever version each of them is, in one go; they come back in the same order. Throws a StatusError. */
  convert(objects: readonly DynamicObject[], apiVersion: string): Promise<readonly DynamicObject[]>;
}

/** What objects may hold where no generated schema says it: those of custom resources. */
export interface OwnSchema {
  /** Changes whenever what clients see of the schema does. */
  readonly fingerprint: string;
  /**
   * Reads a body, which it may change. Nulls that are no values are dropped, unless they are `kept`: what the server itself has put
   * together has them on purpose. Throws a DecodeFailure.
   */
  readonly decode: (
    json: Record<string, unknown>,
    nulls?: 'dropped' | 'kept',
  ) => {
    readonly object: DynamicObject;
    readonly unknownFields: readonly string[];
  };
  /** The fields as server-side apply sees them. */
  readonly applyType: () => StructureType;
  /** The schema in OpenAPI's words, version 3; with `v2`, without what version 2 has no words for. */
  readonly openApi: (form: 'v2' | 'v3') => Steps<object>;
}

/**
 * A kind of the API, whole: its names, what its objects may hold, and how they are defaulted, checked, shown and written.
 * Discovery, OpenAPI, verbs, patches, tables and the client read this record; nothing repeats it. Functions are pure and
 * get objects that they may change only where said so.
 */
export interface KindDefinition extends ResourceKind {
  readonly singular: string;
  /** What a list of its objects is; `PodList` where nothing else is said. */
  readonly listKind?: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  /** The schema's name in `gen/schema.json`: `V1Pod`. */
  readonly schema: string;
  /** Objects have no protobuf form. Custom resources have none; schemas are not written as the tables say. */
  readonly jsonOnly?: boolean;
  /** Instead of `schema`. */
  readonly ownSchema?: OwnSchema;
  /** Loads what checks of objects need and nothing else does; awaited before objects are checked. */
  readonly loadFirst?: () => Promise<void>;
  /** `stored`: the generic verbs on the store. `review`: create only, answered by the API server and not kept. */
  readonly storage: 'stored' | 'review';
  /** Verbs served. */
  readonly verbs: readonly Verb[];
  /** Below the store's prefix, without slashes at the ends: `pods`, `minions`, `services/specs`. As upstream stores it. */
  readonly storagePath: string;
  /** Absent: objects are stored in this kind's own form. `storagePath` is the same for all kinds that share a form. */
  readonly storedAs?: StoredForm;
  /** How `metadata.name` must look. */
  readonly nameRule: 'dns-subdomain' | 'dns-label' | 'dns-1035-label' | 'path-segment' | 'config-key' | 'ip-address';
  /** Finalizers without a domain in front may have any name: of kinds whose metadata upstream checks as any server's, not as its own. */
  readonly anyFinalizers?: boolean;
  /** Whether changes of anything but metadata and status raise `metadata.generation`. */
  readonly hasGeneration: boolean;
  readonly parts: readonly PartSubresource[];
  readonly actions: readonly ActionSubresource[];
  /** Field selectors besides metadata.name and metadata.namespace. */
  readonly selectableFields: Readonly<Record<string, (object: DynamicObject) => string>>;
  /** Without: Name and Created At, as upstream's default. */
  readonly columns: readonly Column[];
  /** Of the rows of a list; without, as objects come. */
  readonly rowOrder?: (a: DynamicObject, b: DynamicObject) => number;
  /** Pods that have ended say so in their row. */
  readonly rowConditions?: (object: DynamicObject) => readonly RowCondition[];
  /** Fills in defaults, in place. */
  readonly setDefaults?: (object: DynamicObject) => void;
  /** Drops what a creator may not set (status, …) and sets what the server decides, in place. */
  readonly prepareForCreate?: (object: DynamicObject, context: WriteContext) => void;
  /** The same for an update of the main resource, in place in `updated`; status has been restored already where there is a status part. */
  readonly prepareForUpdate?: (updated: DynamicObject, existing: DynamicObject, context: WriteContext) => void;
  /** `existing` is given on updates, for rules that leave alone what is stored already. */
  readonly validate?: (object: DynamicObject, context: WriteContext, existing?: DynamicObject) => FieldError[];
  /** Instead, where it may take long: others have their turn at each step. */
  readonly validateInSteps?: (object: DynamicObject, context: WriteContext, existing?: DynamicObject) => Steps<FieldError[]>;
  /** Besides `validate`: immutable fields. */
  readonly validateUpdate?: (updated: DynamicObject, existing: DynamicObject, context: WriteContext) => FieldError[];
  /** What is said in `Warning` headers of a write that is let through (strategy.go WarningsOnCreate, WarningsOnUpdate). */
  readonly warnings?: (object: DynamicObject, existing: DynamicObject | undefined) => readonly string[];
  /** Said in a `Warning` header of every request: `v1 Endpoints is deprecated in v1.33+; use …`. */
  readonly deprecation?: string;
  /** Changes an object that is about to be deleted for the first time, in place: adds what must be done before it is gone. */
  readonly prepareForDelete?: (object: DynamicObject, context: WriteContext) => void;
  /** Default and shape of deletion: the grace period in seconds that applies when none is asked for (pods), else immediate. */
  readonly gracePeriodSeconds?: (object: DynamicObject, requested: number | undefined) => number;
  /** Time to live from the last write (events), in seconds. */
  readonly ttlSeconds?: number;
  /** Deletion default when propagationPolicy is not given: upstream's 'background' for all of today's kinds, 'orphan' for old ones. */
  readonly defaultPropagation?: 'background' | 'orphan';
  /** Said in a `Warning` header of a deletion that leaves dependents behind because nobody said what is to happen to them. */
  readonly orphaningWarning?: string;
}

/** What a list of the kind's objects is. */
export const listKindOf = ({ kind, listKind }: Pick<KindDefinition, 'kind' | 'listKind'>): string => listKind ?? `${kind}List`;

/** `v1` or `apps/v1`. */
export function apiVersionOf(kind: Pick<ResourceKind, 'group' | 'version'>): string {
  return kind.group ? `${kind.group}/${kind.version}` : kind.version;
}
