import { randomUUID } from 'node:crypto';
import { typeOfKind } from '../../api/apply/built-in-type.ts';
import { type KindVersions, sameInAllVersions, withVersions } from '../../api/apply/kind-versions.ts';
import { cloneJson } from '../../api/machinery/clone.ts';
import { apiVersionOf, type KindDefinition, type PartSubresource, type WriteContext } from '../../api/machinery/kind.ts';
import type { DynamicObject, ObjectMeta } from '../../api/machinery/object.ts';
import { alreadyExists, type FieldError, invalid, isStatus, notFound, StatusError } from '../../api/machinery/status-error.ts';
import { validateMetadata, validateMetadataUpdate } from '../../api/machinery/validate-metadata.ts';
import { addNew } from '../../std/add-all.ts';
import type { Clock } from '../../std/clock.ts';
import { type Pauses, runInTime, runWithPauses, type Steps } from '../../std/pauses.ts';
import type { Admission, AdmissionAttributes, AuditNotes, UserInfo } from '../contracts.ts';
import type { DeleteChoices } from '../request/query-options.ts';
import type { Change, ChangeResult, ObjectStore } from '../store-access/object-store.ts';
import { stampKind } from '../store-access/object-store.ts';
import { CachedObject } from '../watch-cache/cached-object.ts';
import { type Allotment, type BeginAllotment, withAllotment } from './allotment.ts';
import type { FieldTracking, TrackedUpdate } from './field-tracking.ts';
import { isNamespaceKind } from './object-rules.ts';
import { dropRepeatedOwners } from './owner-references.ts';
import { checkPreconditions, planDelete } from './plan-delete.ts';
import { checkCreatable, placeInNamespace, prepareCreate } from './prepare-create.ts';
import { checkName, checkVersion, endsDeletion, prepareUpdate, sameObject } from './prepare-update.ts';

/** A generated name that is taken is made anew this often, as upstream. */
const MOST_NAMES = 8;

/** A write as a verb hands it down. */
export interface WriteScope {
  readonly kind: KindDefinition;
  readonly namespace: string;
  readonly user: UserInfo;
  readonly dryRun: boolean;
  /** What was set of the options of the write, for admission. */
  readonly options?: Readonly<Record<string, unknown>>;
  readonly warnings: string[];
  readonly audit?: AuditNotes;
  /** When the request's time is up, by the clock of `performance`. */
  readonly deadlineMs?: number;
  /** All of a collection is deleted: admission is told no name. */
  readonly ofCollection?: true;
  /** A patch is of whatever object has the name: another uid in it is a change that is refused, and no precondition. */
  readonly patches?: true;
  /** The part that is written; undefined for the whole. */
  readonly part?: PartSubresource;
  /** The server's own writes go past admission. */
  readonly admit: boolean;
  /** Says whose the fields are; without it they stay whose they were. */
  readonly fields?: FieldTracking;
  /** Between the passes over a large object others have their turn; absent: it is written in one go. */
  readonly pauses?: Pauses;
}

/** Makes what is wanted of what is there. */
type UpdateRequest = (existing: CachedObject) => Promise<DynamicObject> | DynamicObject;

export interface ObjectWriteDeps {
  readonly objects: ObjectStore;
  readonly admission: () => Admission;
  readonly clock: Clock;
  readonly random: () => number;
  /** For fields that are managed in other versions. */
  readonly versionsOf: (kind: KindDefinition) => KindVersions;
  /** For kinds that are given what the cluster has only so many of. */
  readonly beginAllotment?: BeginAllotment;
}

/** Creates, changes and deletes objects by the rules that hold for every kind: prepared, admitted, validated, stored. */
export class ObjectWrites {
  readonly #deps: ObjectWriteDeps;

  constructor(deps: ObjectWriteDeps) {
    this.#deps = deps;
  }

  /** What writes are asked of, for actions that write a part of an object under a name of their own. */
  get admission(): Admission {
    return this.#deps.admission();
  }

  /** The versions of a kind, for who plans what managed fields become. */
  versionsOf(kind: KindDefinition): KindVersions {
    return this.#deps.versionsOf(kind);
  }

  /** Stores a new object and returns it as stored. `object` has been decoded; it may be changed and is not to be used afterwards. */
  async create(scope: WriteScope, object: DynamicObject): Promise<CachedObject> {
    const { kind } = scope;
    if (kind.loadFirst) await kind.loadFirst();
    stampKind(kind, object);
    placeInNamespace(kind, object, scope.namespace);
    checkCreatable(kind, object);
    await scope.pauses?.pause();
    kind.setDefaults?.(object);
    scope.audit?.requestObject?.(object);
    const { fields, pauses } = scope;
    if (fields) await runInTime(pauses, fields.created(kind, object, this.#deps.clock.now(), pauses?.large));
    await scope.pauses?.pause();
    const name = object.metadata.name ?? '';
    const attributes = this.#attributes(scope, 'CREATE', name, object, undefined);
    if (scope.admit) await this.#deps.admission().admit(attributes);
    dropRepeatedOwners(object, scope.warnings, true);
    const allotment = this.#deps.beginAllotment?.(kind);
    if (!allotment) return this.#insert(scope, object, attributes);
    return withAllotment(allotment, { kind, name }, async () => {
      const filled = cloneJson(object); // what is given is to be found anew when it is lost
      await allotment.fill(filled, undefined);
      return this.#insert(scope, filled, { ...attributes, object: filled });
    });
  }

  /** Stores what has been admitted, under its name or under one that is made for it. */
  async #insert(scope: WriteScope, object: DynamicObject, attributes: AdmissionAttributes): Promise<CachedObject> {
    const { kind } = scope;
    const { random } = this.#deps;
    const generated = !object.metadata.name;
    const context = this.#context(scope);
    const uid = randomUUID();
    for (let attempt = 1; ; attempt++) {
      if (generated) delete object.metadata.name;
      prepareCreate(kind, object, context, { uid, random });
      if (scope.fields) await runInTime(scope.pauses, scope.fields.prepared(kind, object, scope.pauses?.large));
      await scope.pauses?.pause();
      const name = object.metadata.name!;
      this.#refuse(kind, name, [
        ...validateMetadata(object.metadata, kind),
        ...(kind.validate?.(object, context) ?? []),
        ...(kind.validateInSteps ? await runWithPauses(kind.validateInSteps(object, context)) : []),
      ]);
      warn(scope, kind.warnings?.(object, undefined));
      await scope.pauses?.pause();
      if (scope.admit) await this.#deps.admission().validate({ ...attributes, name });
      const place = { kind, namespace: scope.namespace, name };
      const existing = scope.dryRun ? this.#deps.objects.peek(place) : undefined;
      if (scope.dryRun && !existing) return this.#unsaved(scope, object);
      const created = existing ? undefined : await this.#deps.objects.insert(place, object, scope.pauses);
      if (created) return created;
      if (!generated || attempt === MOST_NAMES) throw this.#taken(scope, object.metadata);
    }
  }

  /**
   * Changes an object to what `request` makes of a copy of it: the body of an update, or a patch applied. Called again when
   * another writer was faster and the request names no resourceVersion.
   */
  async update(scope: WriteScope, name: string, request: UpdateRequest): Promise<ChangeResult> {
    const { kind } = scope;
    const allotment = scope.part ? undefined : this.#deps.beginAllotment?.(kind);
    if (!allotment) return this.#change(scope, name, request, undefined);
    return withAllotment(allotment, { kind, name }, () => this.#change(scope, name, request, allotment));
  }

  async #change(
    scope: WriteScope,
    name: string,
    request: UpdateRequest,
    allotment: Allotment | undefined,
  ): Promise<ChangeResult> {
    const { kind, part } = scope;
    if (kind.loadFirst) await kind.loadFirst();
    let unsaved: CachedObject | undefined;
    const result = await this.#deps.objects.change(
      { kind, namespace: scope.namespace, name },
      async (existing) => {
        scope.pauses?.heed(existing.sizeBytes);
        await scope.pauses?.pause();
        const old = scope.pauses?.large ? await scope.pauses.run(existing.objectInSteps()) : existing.object;
        await scope.pauses?.pause();
        const requested = stampKind(kind, await request(existing));
        await scope.pauses?.pause();
        checkName(requested.metadata, name);
        placeInNamespace(kind, requested, scope.namespace);
        checkVersion(kind, requested.metadata, existing, scope.patches);
        kind.setDefaults?.(requested);
        scope.audit?.requestObject?.(requested);
        const attributes = this.#attributes(scope, 'UPDATE', name, requested, old);
        if (scope.admit) await this.#deps.admission().admit(attributes);
        dropRepeatedOwners(requested, scope.warnings, true);
        if (allotment) await allotment.fill(requested, old);
        const context = this.#context(scope);
        const updated = prepareUpdate(kind, part, requested, old, context);
        if (scope.fields) await this.#track(scope, scope.fields, { updated, old, nowMs: context.nowMs });
        await scope.pauses?.pause();
        this.#refuse(kind, name, [
          ...validateMetadata(updated.metadata, kind),
          ...validateMetadataUpdate(updated.metadata, old.metadata),
          ...(part ? (part.validate?.(updated, old, context) ?? []) : this.#checkWhole(kind, updated, old, context)),
          ...(await runWithPauses(inSteps(kind, part, { updated, old, context }))),
        ]);
        if (!part) warn(scope, kind.warnings?.(updated, old));
        await scope.pauses?.pause();
        // An update that names no version is of the one that is there.
        if (old.metadata.resourceVersion) updated.metadata.resourceVersion = old.metadata.resourceVersion;
        if (scope.admit) await this.#deps.admission().validate({ ...attributes, object: updated });
        await scope.pauses?.pause();
        const decided = decideUpdate(kind, updated, old);
        await scope.pauses?.pause();
        // The same object in a form of yesterday (another version, another key) is written anew.
        const rewrite = decided.type === 'none' && (existing.isStale || this.#deps.objects.isStale(existing.key));
        const change: Change = rewrite ? { type: 'put', object: updated } : decided;
        if (!scope.dryRun || change.type === 'none') return change;
        unsaved = await this.#unsaved(scope, updated, existing);
        return { type: 'none' };
      },
      scope.pauses,
    );
    return unsaved ? { object: unsaved, removed: false } : result;
  }

  /** Says who owns what of an update. Who wrote in a version that cannot be had now is asked as if it were this one. */
  async #track(
    { kind, pauses }: WriteScope,
    fields: FieldTracking,
    write: Pick<TrackedUpdate, 'updated' | 'old' | 'nowMs'>,
  ): Promise<void> {
    const track = async (versions: KindVersions) =>
      runInTime(pauses, fields.updated(kind, { ...write, versions, ...(pauses?.large && { large: true }) }));
    const versions = this.#deps.versionsOf(kind);
    if (!versions.fetch) return track(versions);
    try {
      await withVersions(versions, () => track(versions));
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      await track(sameInAllVersions(typeOfKind(kind)));
    }
  }

  /** Deletes an object or marks it as deleted. */
  async delete(scope: WriteScope, name: string, choices: DeleteChoices): Promise<ChangeResult> {
    const { kind } = scope;
    let unsaved: ChangeResult | undefined;
    let isOver = false;
    const result = await this.#deps.objects.change(
      { kind, namespace: scope.namespace, name },
      async (existing): Promise<Change> => {
        isOver = false; // an attempt before this one may have lost
        scope.pauses?.heed(existing.sizeBytes);
        if (scope.pauses?.large) await scope.pauses.run(existing.objectInSteps());
        checkPreconditions(kind, existing.object, choices.preconditions);
        await scope.pauses?.pause();
        const object = ownForDelete(kind, existing);
        await scope.pauses?.pause();
        if (!object.metadata.deletionTimestamp) kind.prepareForDelete?.(object, this.#context(scope));
        const plan = planDelete(kind, object, choices, this.#deps.clock.now());
        if (plan.type === 'wait' && isPending(kind, object)) return { type: 'none' };
        if (scope.admit) await this.#admitDeletion(scope, name, existing.object, graceOf(kind, object));
        if (plan.type === 'wait') return { type: 'none' };
        if (scope.dryRun) {
          const removed = plan.type === 'remove';
          unsaved = { object: removed ? existing : await this.#unsaved(scope, plan.object, existing), removed };
          return { type: 'none' };
        }
        const marked = plan.type === 'mark' ? plan.object : plan.marked;
        isOver = plan.type === 'remove' && marked !== undefined;
        return marked ? { type: 'put', object: marked } : { type: 'delete', object: existing.object };
      },
      scope.pauses,
    );
    return isOver ? this.#removeMarked(scope, name, choices, result) : (unsaved ?? result);
  }

  /**
   * Whoever watches is told first that an object with a grace period is going, then that it has gone; admission is asked about both, as
   * upstream does it (registry/generic/registry/store.go Delete).
   */
  async #removeMarked(
    scope: WriteScope,
    name: string,
    { preconditions }: DeleteChoices,
    marked: ChangeResult,
  ): Promise<ChangeResult> {
    const { kind, namespace } = scope;
    // The newer version is this deletion's own.
    const { resourceVersion, uid } = marked.object.object.metadata;
    const wanted =
      preconditions.resourceVersion !== undefined && resourceVersion ? { ...preconditions, resourceVersion } : preconditions;
    try {
      return await this.#deps.objects.change({ kind, namespace, name }, async (existing): Promise<Change> => {
        // While admission was asked it went, and another one has its name by now.
        if (existing.object.metadata.uid !== uid) throw notFound(kind, name);
        checkPreconditions(kind, existing.object, wanted);
        if (scope.admit) await this.#admitDeletion(scope, name, existing.object, 0);
        return { type: 'delete', object: existing.object };
      });
    } catch (error) {
      // Somebody else who saw that it was going was quicker.
      if (isStatus(error, 'NotFound')) return { ...marked, removed: true };
      throw error;
    }
  }

  /** Asked with the grace period that the object is given. */
  async #admitDeletion(scope: WriteScope, name: string, object: DynamicObject, graceSeconds: number | undefined): Promise<void> {
    const options = { ...scope.options, ...(graceSeconds !== undefined && { gracePeriodSeconds: graceSeconds }) };
    const known = scope.ofCollection ? '' : name;
    const attributes = this.#attributes({ ...scope, options }, 'DELETE', known, undefined, object);
    await this.#deps.admission().admit(attributes);
    await this.#deps.admission().validate(attributes);
  }

  #checkWhole(kind: KindDefinition, updated: DynamicObject, old: DynamicObject, context: WriteContext): FieldError[] {
    return [...(kind.validate?.(updated, context, old) ?? []), ...(kind.validateUpdate?.(updated, old, context) ?? [])];
  }

  #refuse(kind: KindDefinition, name: string, errors: readonly FieldError[]): void {
    if (errors.length) throw invalid(kind, name, errors);
  }

  #taken({ kind, namespace }: WriteScope, { name = '', generateName }: ObjectMeta): StatusError {
    const error = alreadyExists(kind, name);
    const existing = this.#deps.objects.peek({ kind, namespace, name });
    if (generateName) {
      error.status.message += ', the server was not able to generate a unique name for the object';
      error.status.details = { ...error.status.details, retryAfterSeconds: 1 };
    } else if (existing?.object.metadata.deletionTimestamp)
      error.status.message = `object is being deleted: ${error.status.message}`;
    return error;
  }

  #context(scope: WriteScope): WriteContext {
    const { user, part } = scope;
    const said = (text: string) => warn(scope, [text]);
    return { nowMs: this.#deps.clock.now(), user, ...(part && { subresource: part.name }), warn: said };
  }

  #attributes(
    { kind, namespace, part, user, patches, dryRun, options, warnings, audit, deadlineMs }: WriteScope,
    operation: AdmissionAttributes['operation'],
    name: string,
    object: DynamicObject | undefined,
    oldObject: DynamicObject | undefined,
  ): AdmissionAttributes {
    const subresource = part?.name ?? '';
    const asked = { dryRun, ...(options && { options }), ...(deadlineMs !== undefined && { deadlineMs }) };
    const who = { user, warnings, ...(audit && { audit }), ...asked };
    return { operation, kind, subresource, namespace, name, object, oldObject, ...(patches && { isPatch: true }), ...who };
  }

  /** What a dry run answers: the object as it would be stored. */
  async #unsaved({ kind, namespace, pauses }: WriteScope, object: DynamicObject, existing?: CachedObject): Promise<CachedObject> {
    const { storedAs } = kind;
    const { revision } = existing ?? {};
    const inForm = (made: DynamicObject) =>
      pauses?.large
        ? pauses.run(CachedObject.unsavedInSteps(kind, namespace, made, revision))
        : CachedObject.unsaved(kind, namespace, made, revision);
    if (storedAs?.remote && storedAs.version !== kind.version) {
      const stored = await storedAs.remote.convert([storedAs.toStored(object)], apiVersionOf(storedAs));
      const [back] = await storedAs.remote.convert(stored, apiVersionOf(kind));
      return inForm(back!);
    }
    // What the stored version has no field for is lost, and what it has a default for comes, as when it is stored.
    const shown = storedAs ? storedAs.fromStored(storedAs.toStored(object)) : object;
    return inForm(shown);
  }
}

/** Deleted before, and going at its own pace: nobody is asked about it again. */
const isPending = (kind: KindDefinition, { metadata }: DynamicObject): boolean =>
  isNamespaceKind(kind) || Boolean(kind.gracePeriodSeconds && metadata.deletionGracePeriodSeconds);

/** Undefined for kinds that go at once. */
const graceOf = (kind: KindDefinition, { metadata }: DynamicObject): number | undefined =>
  kind.gracePeriodSeconds && metadata.deletionGracePeriodSeconds;

/** What `planDelete` may change: the object itself and its metadata. To parse all of it anew would cost as much as all the rest of a deletion. */
function ownForDelete(kind: KindDefinition, existing: CachedObject): DynamicObject {
  if (kind.prepareForDelete || kind.storedAs) return existing.decode();
  const { object } = existing;
  return { ...object, metadata: { ...object.metadata } };
}

type UpdateToCheck = { readonly updated: DynamicObject; readonly old: DynamicObject; readonly context: WriteContext };

/** What is wrong with an update, for kinds that take their time to say it. */
function* inSteps(kind: KindDefinition, part: PartSubresource | undefined, update: UpdateToCheck): Steps<FieldError[]> {
  const { updated, old, context } = update;
  const steps = part ? part.validateInSteps?.(updated, old, context) : kind.validateInSteps?.(updated, context, old);
  return steps ? yield* steps : [];
}

/** Once each, however often the write is tried. */
const warn = ({ warnings }: WriteScope, more: readonly string[] = []): void => addNew(warnings, more);

/** What is stored after an update: nothing when nothing changed; nothing is left of a deleted object that lost its last hold. */
export function decideUpdate(kind: KindDefinition, updated: DynamicObject, old: DynamicObject): Change {
  if (endsDeletion(kind, updated)) return { type: 'delete', object: updated };
  return sameObject(updated, old) ? { type: 'none' } : { type: 'put', object: updated };
}
