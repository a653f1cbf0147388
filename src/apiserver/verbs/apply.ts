import { typeOfKind } from '../../api/apply/built-in-type.ts';
import { checkConfiguration, joinErrors } from '../../api/apply/check-configuration.ts';
import { type KindVersions, withVersions } from '../../api/apply/kind-versions.ts';
import type { Managers } from '../../api/apply/managed-fields.ts';
import { fieldsOutOfReach } from '../../api/apply/ownership.ts';
import { type ApplyPlan, planApply } from '../../api/apply/plan-apply.ts';
import { storedManagers } from '../../api/apply/track-update.ts';
import { cloneJson, isJsonMap } from '../../api/machinery/clone.ts';
import { duplicateKeysInSteps } from '../../api/machinery/duplicate-fields.ts';
import { requiredField } from '../../api/machinery/field-error.ts';
import { goJsonType } from '../../api/machinery/json-syntax.ts';
import { apiVersionOf, type KindDefinition } from '../../api/machinery/kind.ts';
import { type DynamicObject, formatTime } from '../../api/machinery/object.ts';
import { badRequest, conflict, isStatus, StatusError } from '../../api/machinery/status-error.ts';
import { addAll } from '../../std/add-all.ts';
import { parseInSteps } from '../../std/json-in-steps.ts';
import { Pauses, runInTime, type Steps } from '../../std/pauses.ts';
import type { ServerRequest } from '../contracts.ts';
import { BODY_LIMIT_BYTES, checkDepth } from '../request/body.ts';
import { decodeAs, PUT_TOGETHER } from '../request/decode-body.ts';
import { negotiateOutput } from '../request/negotiation.ts';
import { parseWriteQuery, type WriteQuery } from '../request/query-options.ts';
import { readYaml, type YamlDocument, yamlProblems } from '../request/yaml-body.ts';
import { Representation } from '../response/representation.ts';
import type { CachedObject } from '../watch-cache/cached-object.ts';
import { trackApply } from './field-tracking.ts';
import { shareManagedFields, withoutManagedFields } from './managed-fields-apart.ts';
import { checkName } from './prepare-update.ts';
import { requireCreate } from './require-create.ts';
import { type ResourceCall, type VerbDeps, type VerbHandler, writeScope } from './resource-call.ts';

/** An object that comes and goes while it is applied to is given up on. */
const MOST_ATTEMPTS = 10;

/** PATCH with an apply configuration (server-side apply): makes the object when there is none. */
export function createApply({ writes, authorizer, clock }: VerbDeps): VerbHandler {
  return async (call, response) => {
    const { context, kind, part } = call;
    const { request, info } = context;
    const output = negotiateOutput(request, 'object');
    const options = parseApplyQuery(request.query);
    const pauses = new Pauses();
    const sent = await readConfiguration(request, options.fieldValidation, context.warnings, pauses);
    const configuration = checkedConfiguration(kind, sent);
    await pauses.pause();
    let managers: Managers = new Map();
    const scope = { ...writeScope(call, options.dryRun), fields: trackApply(() => managers), pauses, patches: true } as const;
    const plan = async (live: DynamicObject): Promise<ApplyPlan> => {
      const subresource = part?.name ?? '';
      const except = fieldsOutOfReach(kind, subresource, { ...live, ...configuration });
      const versions = writes.versionsOf(kind);
      const target = { kind, versions, subresource, managers: storedManagers(live.metadata.managedFields), except };
      await pauses.pause();
      const bare = withoutManagedFields(live);
      const situation = { live: bare, configuration, nowMs: clock.now() };
      const decided = await withVersions(versions, () => pauses.run(planFor(target, options, situation)));
      managers = decided.managers;
      return decided;
    };
    const change = async (existing: CachedObject): Promise<DynamicObject> => {
      const { object } = await plan(existing.object);
      if (object) {
        const made = decodeAs(kind, object, 'Ignore', [], PUT_TOGETHER);
        shareManagedFields(made, existing.object);
        return made;
      }
      return pauses.large ? pauses.run(existing.decodeInSteps()) : existing.decode();
    };
    const create = async (): Promise<CachedObject> => {
      const { object } = await plan({ apiVersion: apiVersionOf(kind), kind: kind.kind, metadata: {} });
      const made = decodeAs(kind, object ?? cloneJson(configuration), 'Ignore', [], PUT_TOGETHER);
      if (made.metadata.uid) throw conflict(kind, info.name, uidMismatch(made.metadata.uid));
      if (!made.metadata.name) throw nameless(info.name);
      checkName(made.metadata, info.name);
      return writes.create(scope, made);
    };
    let status = 200;
    let object: CachedObject | undefined;
    for (let attempt = 1; !object; attempt++) {
      try {
        ({ object } = await writes.update(scope, info.name, change));
        break;
      } catch (error) {
        if (part || !isMissing(error, call)) throw error;
      }
      await requireCreate(authorizer, context);
      try {
        object = await create();
        status = 201;
      } catch (error) {
        if (!isStatus(error, 'AlreadyExists') || attempt === MOST_ATTEMPTS) throw error;
      }
    }
    await new Representation(kind, output, request.query, () => clock.now()).sendObject(context, response, status, object);
  };
}

/** Whether it is the object itself that is not there. */
function isMissing(error: unknown, { kind, context }: ResourceCall): boolean {
  if (!isStatus(error, 'NotFound')) return false;
  const { details } = error.status;
  return details?.kind === kind.resource && details.name === context.info.name;
}

const nameless = (name: string) =>
  badRequest(`the name of the object (${name} based on URL) was undeterminable: name must be provided`);

const uidMismatch = (uid: string) => `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`;

interface Situation {
  readonly live: DynamicObject;
  readonly configuration: DynamicObject;
  readonly nowMs: number;
}

/** What is applied to. */
export interface ApplyTarget {
  readonly kind: KindDefinition;
  readonly versions: KindVersions;
  readonly subresource: string;
  readonly managers: Managers;
  /** Top-level fields that the request has no say in. */
  readonly except: readonly string[];
}

/** @throws StatusError 409 that names the fields that others own, unless forced */
export function planFor(
  { kind, versions, subresource, managers, except }: ApplyTarget,
  options: WriteQuery,
  { live, configuration, nowMs }: Situation,
): Steps<ApplyPlan> {
  return planApply({
    type: typeOfKind(kind),
    versions,
    live,
    managers,
    configuration,
    writer: {
      manager: options.fieldManager,
      operation: 'Apply',
      apiVersion: apiVersionOf(kind),
      subresource,
      time: formatTime(nowMs),
    },
    force: options.force,
    except,
  });
}

/** The options of an apply. Throws 422 without a fieldManager. */
export function parseApplyQuery(query: URLSearchParams): WriteQuery {
  const missing = query.get('fieldManager') ? [] : [requiredField('fieldManager', 'is required for apply patch')];
  return parseWriteQuery(query, 'PatchOptions', missing);
}

/** The body of an apply, JSON or YAML. Takes `pauses` between its passes. Throws 400 and 413. */
export async function readConfiguration(
  request: ServerRequest,
  fieldValidation: WriteQuery['fieldValidation'],
  warnings: string[],
  pauses?: Pauses,
): Promise<unknown> {
  const bytes = await request.readBody(BODY_LIMIT_BYTES);
  pauses?.heed(bytes.length);
  const { value, repeated } = await readJsonOrYaml(bytes, pauses);
  await pauses?.pause();
  if (fieldValidation === 'Strict' && repeated.length)
    throw badRequest(`error strict decoding YAML: error converting YAML to JSON: ${yamlProblems(repeated)}`);
  if (fieldValidation === 'Warn') addAll(warnings, repeated);
  return value;
}

async function readJsonOrYaml(bytes: Buffer, pauses: Pauses | undefined): Promise<YamlDocument> {
  const text = bytes.toString('utf8');
  if (text.trimStart().startsWith('{')) checkDepth(bytes);
  let value: unknown;
  try {
    // JSON is YAML, and is what clients send.
    value = await runInTime(pauses, parseInSteps(text));
  } catch {
    return readYaml(bytes).catch((error: StatusError) => {
      throw error.code === 400 ? badRequest(`error decoding YAML: ${error.message}`) : error;
    });
  }
  await pauses?.pause();
  const repeated = await runInTime(pauses, duplicateKeysInSteps(text));
  return {
    value,
    repeated: repeated.map(({ key, at }) => `line ${lineAt(text, at)}: key ${JSON.stringify(key)} already set in map`),
  };
}

function lineAt(text: string, at: number): number {
  let line = 1;
  for (let end = text.indexOf('\n'); end >= 0 && end < at; end = text.indexOf('\n', end + 1)) line++;
  return line;
}

/** The configuration, if it is one of the kind; times and quantities in it are put into their canonical form. */
export function checkedConfiguration(kind: KindDefinition, json: unknown): DynamicObject {
  // An empty document is one of no kind.
  if (!isJsonMap(json ?? {}))
    throw badRequest(
      `error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal ${goJsonType(json)} into Go value of type map[string]interface {}`,
    );
  const configuration = (json ?? {}) as DynamicObject;
  if (configuration.kind !== kind.kind || configuration.apiVersion !== apiVersionOf(kind))
    throw badRequest(`invalid object type: ${describeType(configuration)}`);
  configuration.metadata ??= {};
  const { metadata } = configuration;
  if (isJsonMap(metadata) && metadata.managedFields !== undefined && metadata.managedFields !== null)
    throw badRequest('metadata.managedFields must be nil');
  const errors = checkConfiguration(typeOfKind(kind), configuration);
  if (errors.length) throw typeFailure(configuration, joinErrors(errors));
  return configuration;
}

/** As Go writes a GroupVersionKind: `apps/v1, Kind=Deployment`, `/v1, Kind=Pod`. */
function describeType({ apiVersion, kind }: Partial<DynamicObject>): string {
  const version = typeof apiVersion === 'string' ? apiVersion : '';
  return `${version.includes('/') ? version : `/${version}`}, Kind=${typeof kind === 'string' ? kind : ''}`;
}

/** Upstream has no better name for it than a failure of the server's. */
function typeFailure(configuration: DynamicObject, why: string): StatusError {
  const { metadata } = configuration;
  // What is no text is no name.
  const textOf = (value: unknown) => (typeof value === 'string' ? value : '');
  const { namespace, name } = (isJsonMap(metadata) ? metadata : {}) as Record<string, unknown>;
  return new StatusError({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: `failed to create typed patch object (${textOf(namespace)}/${textOf(name)}; ${describeType(configuration)}): ${why}`,
    code: 500,
  });
}
