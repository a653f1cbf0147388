import { typeOfKind } from '../../api/apply/built-in-type.ts';
import { sameInAllVersions } from '../../api/apply/kind-versions.ts';
import { managersAfterScale, managersOfScale } from '../../api/apply/scale-fields.ts';
import { storedManagers } from '../../api/apply/track-update.ts';
import { scaleKind, scaleOf, validateScale } from '../../api/autoscaling/v1/scale.ts';
import type { V1Scale } from '../../api/gen/types.ts';
import { apiVersionOf, type KindDefinition } from '../../api/machinery/kind.ts';
import type { DynamicObject } from '../../api/machinery/object.ts';
import { conflict, invalid, isStatus, notFound } from '../../api/machinery/status-error.ts';
import type { Clock } from '../../std/clock.ts';
import { runAtOnce } from '../../std/pauses.ts';
import type { ActionHandler, Admission, RequestContext } from '../contracts.ts';
import { decodeAs } from '../request/decode-body.ts';
import { isApplyPatch, patchFormat } from '../request/negotiation.ts';
import { parseWriteQuery } from '../request/query-options.ts';
import type { ObjectStore } from '../store-access/object-store.ts';
import { checkedConfiguration, parseApplyQuery, planFor, readConfiguration } from '../verbs/apply.ts';
import { type FieldTracking, trackApply, trackPlainWrites } from '../verbs/field-tracking.ts';
import { parsePatchQuery, readPatch } from '../verbs/patch.ts';
import { placeInNamespace } from '../verbs/prepare-create.ts';
import { checkName, preconditionFailed } from '../verbs/prepare-update.ts';
import { fieldManagerOf } from '../verbs/resource-call.ts';
import type { ObjectWrites } from '../verbs/write-object.ts';
import { actionAttributes } from './admit-action.ts';

/** autoscaling/v1 Scale: how many replicas a workload has and wants. */
export type Scale = DynamicObject & V1Scale;

/** Something that can be scaled. */
export interface ScaleTarget {
  readonly kind: KindDefinition;
  /** Where the object says how many replicas it wants: `['spec', 'replicas']`. */
  readonly path: readonly string[];
  readonly read: (object: DynamicObject) => Scale;
  /** The scale that a write starts from; absent: the same. */
  readonly readBefore?: (object: DynamicObject) => Scale;
  /** In place. */
  readonly write: (object: DynamicObject, replicas: number) => void;
  /** Whose the scale is said to be when there is no object. */
  readonly missing?: { readonly group: string; readonly resource: string };
}

export interface ScaleDeps {
  readonly objects: ObjectStore;
  readonly writes: ObjectWrites;
  readonly clock: Clock;
}

/** The `scale` subresource: reads and changes a part of an object as if it were an object of its own. */
export function createScaleHandler(targetOf: (context: RequestContext) => ScaleTarget, deps: ScaleDeps): ActionHandler['handle'] {
  return async (context, body) => {
    const answer = (object: Scale) => ({ status: 200, object, shownAs: { kind: scaleKind, nowMs: deps.clock.now() } });
    const target = targetOf(context);
    const { kind } = target;
    const { verb, name } = context.info;
    const namespace = kind.namespaced ? context.info.namespace : '';
    if (verb === 'get') {
      const { object } = await deps.objects.read({ kind, namespace, name }).catch((error) => {
        throw target.missing && isStatus(error, 'NotFound') ? notFound(target.missing, name) : error;
      });
      return answer(target.read(object));
    }
    const { change, dryRun, fields } = await readChange(target, deps.clock, context, body);
    const { user, warnings, audit } = context;
    const scope = { kind, namespace, user, dryRun, warnings, admit: false, fields, ...(audit && { audit }) };
    const { object } = await deps.writes.update(scope, name, async (existing) => {
      const scaled = existing.decode();
      const asked = change(existing.object);
      const { uid } = asked.metadata;
      // A replacement is for one object, whatever else is wrong with it; patches are checked like fields.
      if (verb === 'update' && uid && uid !== scaled.metadata.uid)
        throw preconditionFailed(kind, name, existing.key, 'UID', uid, scaled.metadata.uid);
      const wanted = await decide({ target, context, dryRun }, scaled, asked, deps.writes.admission);
      target.write(scaled, wanted.spec?.replicas ?? 0);
      scaled.metadata.resourceVersion = wanted.metadata.resourceVersion || scaled.metadata.resourceVersion!;
      return scaled;
    });
    return answer(target.read(object.object));
  };
}

const scaleBefore = ({ read, readBefore = read }: ScaleTarget, object: DynamicObject): Scale => readBefore(object);

interface Write {
  readonly target: ScaleTarget;
  readonly context: RequestContext;
  readonly dryRun: boolean;
}

/** What admission makes of the wanted scale, checked. */
async function decide(
  { target, context, dryRun }: Write,
  object: DynamicObject,
  wanted: Scale,
  admission: Admission,
): Promise<Scale> {
  const { kind } = target;
  const name = object.metadata.name!;
  checkName(wanted.metadata, name);
  placeInNamespace(kind, wanted, object.metadata.namespace ?? '');
  const attributes = actionAttributes(context, kind, { object: wanted, oldObject: scaleBefore(target, object), dryRun });
  await admission.admit(attributes);
  // What is wrong with the replicas of a custom resource is told of the resource.
  const errors = kind.ownSchema ? [] : validateScale(wanted);
  if (errors.length) throw invalid(scaleKind, name, errors);
  const { uid } = wanted.metadata;
  if (uid && uid !== object.metadata.uid)
    throw conflict(
      { group: kind.group, resource: `${kind.resource}/scale` },
      name,
      `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${object.metadata.uid}`,
    );
  // What is checked is what the object says when it has been scaled.
  target.write(object, wanted.spec?.replicas ?? 0);
  await admission.validate({ ...attributes, object: target.read(object) });
  return wanted;
}

interface WantedChange {
  readonly change: (existing: DynamicObject) => Scale;
  readonly dryRun: boolean;
  readonly fields: FieldTracking;
}

async function readChange(
  target: ScaleTarget,
  clock: Clock,
  context: RequestContext,
  body: DynamicObject | undefined,
): Promise<WantedChange> {
  const { request, info } = context;
  if (info.verb === 'update') {
    const { dryRun, fieldManager } = parseWriteQuery(request.query, 'UpdateOptions');
    // Before anybody looks whether there is such an object.
    checkName(body?.metadata ?? {}, info.name);
    const change = () => structuredClone(body) as Scale;
    return { change, dryRun, fields: trackPlainWrites(fieldManagerOf(context, fieldManager)) };
  }
  if (isApplyPatch(request)) return readApply(target, clock, context);
  // A Scale could be merged strategically, what is scaled cannot.
  patchFormat(request, target.kind);
  const options = parsePatchQuery(request.query);
  const patched = await readPatch(context, scaleKind, options);
  const fields = trackPlainWrites(fieldManagerOf(context, options.fieldManager));
  return { change: (existing) => runAtOnce(patched(scaleBefore(target, existing))) as Scale, dryRun: options.dryRun, fields };
}

/** Server-side apply of a scale: its managers are those of the object's replicas. */
async function readApply(target: ScaleTarget, clock: Clock, context: RequestContext): Promise<WantedChange> {
  const { request } = context;
  const { kind, path } = target;
  const options = parseApplyQuery(request.query);
  const sent = await readConfiguration(request, options.fieldValidation, context.warnings);
  const configuration = checkedConfiguration(scaleKind, sent);
  let after: ReturnType<typeof storedManagers> = new Map();
  const change = (existing: DynamicObject): Scale => {
    const before = storedManagers(existing.metadata.managedFields);
    const live = scaleBefore(target, existing);
    const plan = planFor(
      {
        kind: scaleKind,
        versions: sameInAllVersions(typeOfKind(scaleKind)),
        subresource: 'scale',
        managers: managersOfScale(before, path),
        except: [],
      },
      options,
      { live, configuration, nowMs: clock.now() },
    );
    const { object, managers } = runAtOnce(plan);
    after = managersAfterScale(before, managers, path, apiVersionOf(kind));
    return (object ? decodeAs(scaleKind, object, 'Ignore', []) : live) as Scale;
  };
  return { change, dryRun: options.dryRun, fields: trackApply(() => after) };
}

const SCALED = [
  ['', 'replicationcontrollers'],
  ['apps', 'deployments'],
  ['apps', 'replicasets'],
  ['apps', 'statefulsets'],
  ['extensions', 'deployments'],
  ['extensions', 'replicasets'],
] as const;

type Scalable = DynamicObject & { spec?: { replicas?: number } };

/** The `scale` subresource of the kinds that have replicas, in every version that they are served in. */
export function createScaleHandlers(kinds: readonly KindDefinition[], deps: ScaleDeps): ActionHandler[] {
  return SCALED.flatMap(([group, resource]) => {
    const versions = kinds.filter((kind) => kind.group === group && kind.resource === resource);
    const [first] = versions;
    if (!first) return [];
    const targets = new Map(versions.map((kind) => [kind.version, workloadTarget(kind)]));
    const handle = createScaleHandler(({ info }) => targets.get(info.version) ?? workloadTarget(first), deps);
    return [{ group, resource, subresource: 'scale', handle }];
  });
}

function workloadTarget(kind: KindDefinition): ScaleTarget {
  return {
    kind,
    path: ['spec', 'replicas'],
    read: (object) => scaleOf(kind, object),
    write: (object, replicas) => {
      const workload = object as Scalable;
      workload.spec = { ...workload.spec, replicas };
    },
    missing: { group: kind.group || 'autoscaling', resource: `${kind.resource}/scale` },
  };
}
