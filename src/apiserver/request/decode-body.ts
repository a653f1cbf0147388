import { cannotBeHandled, decodeObject, strictDecodingError } from '../../api/machinery/decode.ts';
import { DecodeFailure } from '../../api/machinery/decode-scalar.ts';
import { strictProblemsInSteps, unknownField, untypedProblemsInSteps } from '../../api/machinery/duplicate-fields.ts';
import { invalidField } from '../../api/machinery/field-error.ts';
import { goJsonType } from '../../api/machinery/json-syntax.ts';
import { apiVersionOf, type KindDefinition, type OwnSchema } from '../../api/machinery/kind.ts';
import type { DynamicObject } from '../../api/machinery/object.ts';
import { badRequest, invalid, StatusError } from '../../api/machinery/status-error.ts';
import { addAll } from '../../std/add-all.ts';
import { exactJsonText, NumberOutOfRange } from '../../std/exact-json.ts';
import { type Pauses, runInTime } from '../../std/pauses.ts';
import type { ServerRequest } from '../contracts.ts';
import { BODY_LIMIT_BYTES, parseJson, parseJsonInSteps } from './body.ts';
import { bodyFormat } from './negotiation.ts';
import type { WriteQuery } from './query-options.ts';
import { readYaml, yamlProblems } from './yaml-body.ts';

const SHOWN_BYTES = 30;
const OPENING_BRACE = 0x7b;

type FieldValidation = WriteQuery['fieldValidation'];

/**
 * The body of a create or update as an object of the kind. Unknown and repeated fields are dropped, warned of or refused, as
 * `fieldValidation` says. Takes `pauses` between its passes over a large body.
 *
 * @throws StatusError 400, 413 or 415
 */
export async function decodeBody(
  request: Pick<ServerRequest, 'headers' | 'readBody'>,
  kind: KindDefinition,
  fieldValidation: FieldValidation,
  warnings: string[],
  pauses?: Pauses,
): Promise<DynamicObject> {
  const format = bodyFormat(request, kind);
  const bytes = await request.readBody(BODY_LIMIT_BYTES);
  pauses?.heed(bytes.length);
  if (format === 'protobuf') {
    const { parseProtobuf } = await import('./protobuf-body.ts');
    const object = bytes.length ? await parseProtobuf(bytes, kind.schema, pauses) : undefined;
    await pauses?.pause();
    return decodeAs(kind, object, fieldValidation, warnings, undefined, await isKnownType(kind, object));
  }
  try {
    if (format === 'json') {
      const parsed = withoutNull(kind, await parseTyped(kind, bytes, pauses));
      await pauses?.pause();
      const decoded = decodeDocument(kind, parsed, 'dropped', await isKnownType(kind, parsed));
      await pauses?.pause();
      if (fieldValidation === 'Ignore') return decoded.object;
      const problemsInSteps = kind.ownSchema ? untypedProblemsInSteps : strictProblemsInSteps;
      const problems = await runInTime(pauses, problemsInSteps(bytes.toString('utf8'), decoded.unknownFields));
      return settleProblems(kind, decoded.object, problems, fieldValidation, warnings);
    }
    const { value, repeated } = await readYaml(bytes).catch((error: StatusError) => {
      throw error.code === 400 ? notTyped(error.message) : error;
    });
    const typed = withoutNull(kind, value);
    return decodeAs(kind, typed, fieldValidation, warnings, { repeated }, await isKnownType(kind, typed));
  } catch (error) {
    if (!(error instanceof StatusError && error.cause instanceof NotTyped)) throw error;
    const isAsSent = format === 'json' && error.cause instanceof WithoutKind;
    throw unrecognized(kind, bytes, isAsSent ? kindIsMissing(bytes.toString('utf8')) : error.message);
  }
}

/** It cannot even be seen of which kind a document is. */
class NotTyped extends DecodeFailure {}
/** It says nothing of its kind. */
class WithoutKind extends NotTyped {}

const kindIsMissing = (text: string) => `Object 'Kind' is missing in '${text}'`;
const notTyped = (why: string) => new StatusError(badRequest(why).status, { cause: new NotTyped(why) });
const noVersionOrKind = (why: string) => notTyped(`couldn't get version/kind; json parse error: ${why}`);

/** To Go `null` is an object without fields, and YAML of nothing is `null`. */
function withoutNull(kind: KindDefinition, body: unknown): unknown {
  if (body === null && kind.ownSchema) throw notTyped(kindIsMissing('null'));
  return body ?? {};
}

async function parseTyped(kind: KindDefinition, bytes: Buffer, pauses: Pauses | undefined): Promise<unknown> {
  try {
    return pauses?.large ? await pauses.run(parseJsonInSteps(bytes)) : parseJson(bytes);
  } catch (error) {
    const { message, cause } = error as Error;
    throw cause instanceof NumberOutOfRange ? cannotBeHandled(kind, message) : noVersionOrKind(message);
  }
}

/** Upstream names what the body should have been, and shows how it begins (apiserver/pkg/endpoints/handlers/rest.go). */
function unrecognized(kind: KindDefinition, bytes: Buffer, why: string): StatusError {
  const shown = bytes.subarray(0, SHOWN_BYTES);
  const beginning = shown.toString(shown[0] === OPENING_BRACE ? 'utf8' : 'hex') + (bytes.length > SHOWN_BYTES ? ' ...' : '');
  return badRequest(
    `the object provided is unrecognized (must be of type ${kind.kind}): ${why} (${bytes.length ? beginning : '<empty>'})`,
  );
}

/** Where a document comes from: what strict readers look at besides its fields. */
export type DocumentSource =
  /** YAML, whose reader has found them already. */
  | { readonly repeated: readonly string[] }
  /** A patch, with what there is to be said of itself. `kept`: as of a custom object that was put together here. */
  | { readonly problems: readonly string[]; readonly nulls?: 'kept' };

/** The same as for a document of which nothing is to be said. */
export const PUT_TOGETHER: DocumentSource = { problems: [], nulls: 'kept' };

/** The same for a document that has been parsed, or patched together. `isKnown`: whether upstream knows the type that it says it is of. */
export function decodeAs(
  kind: KindDefinition,
  json: unknown,
  fieldValidation: FieldValidation,
  warnings: string[],
  source: DocumentSource = { problems: [] },
  isKnown = true,
): DynamicObject {
  const decoded = decodeDocument(kind, json, ('nulls' in source && source.nulls) || 'dropped', isKnown);
  return reportProblems(kind, decoded, fieldValidation, warnings, source);
}

type Decoded = ReturnType<typeof decodeObject>;

function decodeDocument(kind: KindDefinition, json: unknown, nulls: 'dropped' | 'kept', isKnown: boolean): Decoded {
  checkType(kind, json, isKnown);
  return kind.ownSchema ? decodeOwn(kind, kind.ownSchema, json, nulls) : decodeObject(kind, json);
}

/** The object, when what is to be said against its fields is no reason to refuse it. */
function reportProblems(
  kind: KindDefinition,
  { object, unknownFields }: Decoded,
  fieldValidation: FieldValidation,
  warnings: string[],
  source: DocumentSource,
): DynamicObject {
  if (fieldValidation === 'Ignore') return object;
  // Upstream makes JSON of YAML, with the keys of each object in order, before it looks for what it does not know.
  const unknown = 'repeated' in source && !kind.ownSchema ? unknownFields.toSorted(comparePaths) : unknownFields;
  const problems = problemsOf(source, unknown, fieldValidation === 'Strict');
  return settleProblems(kind, object, problems, fieldValidation, warnings);
}

function settleProblems(
  kind: KindDefinition,
  object: DynamicObject,
  problems: readonly string[],
  fieldValidation: FieldValidation,
  warnings: string[],
): DynamicObject {
  if (!problems.length) return object;
  if (fieldValidation === 'Strict') throw strictDecodingError(kind, problems);
  addAll(warnings, problems);
  return object;
}

function decodeOwn(
  kind: KindDefinition,
  { decode }: OwnSchema,
  json: unknown,
  nulls: 'dropped' | 'kept',
): ReturnType<OwnSchema['decode']> {
  try {
    return decode(json as Record<string, unknown>, nulls);
  } catch (error) {
    if (!(error instanceof DecodeFailure)) throw error;
    throw cannotBeHandled(kind, error.message);
  }
}

function problemsOf(source: DocumentSource, unknownFields: readonly string[], strict: boolean): readonly string[] {
  const unknown = unknownFields.map(unknownField);
  if ('problems' in source) return [...source.problems, ...unknown];
  const { repeated } = source;
  return strict && repeated.length ? [yamlProblems(repeated), ...unknown] : [...repeated, ...unknown];
}

/** Paths of fields as a walk comes to them that takes keys in order; `[10]` is after `[9]`. */
function comparePaths(a: string, b: string): number {
  const [as, bs] = [a.split(PATH_STEP), b.split(PATH_STEP)];
  const at = as.findIndex((step, i) => step !== bs[i]);
  const [x, y] = [as[at], bs[at]];
  if (x === undefined || y === undefined) return as.length - bs.length;
  return INDEX.test(x) && INDEX.test(y) ? Number.parseInt(x, 10) - Number.parseInt(y, 10) : x < y ? -1 : 1;
}

const PATH_STEP = /[.[]/;
const INDEX = /^\d+\]$/;

/** How Go names what it reads the type of an object into. */
const TYPE_META = 'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }';

/** @throws StatusError 400 for what is no object, or whose type is none */
export function checkTypeMeta(json: unknown): asserts json is Record<string, unknown> {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw noVersionOrKind(`json: cannot unmarshal ${goJsonType(json)} into Go value of type ${TYPE_META}`);
  const given = json as Record<string, unknown>;
  for (const field of ['apiVersion', 'kind']) {
    const value = given[field] ?? '';
    if (typeof value !== 'string')
      throw noVersionOrKind(`json: cannot unmarshal ${goJsonType(value)} into Go struct field .${field} of type string`);
  }
}

/** A body without apiVersion or kind is taken for what the path says; one that names something else is refused. */
function checkType(kind: KindDefinition, json: unknown, isKnown: boolean): void {
  checkTypeMeta(json);
  if (kind.ownSchema) {
    checkCustomType(kind, json);
    return;
  }
  const expected = apiVersionOf(kind);
  const { apiVersion, givenKind } = typeOf(kind, json);
  if (apiVersion === expected && givenKind === kind.kind) return;
  if (isKnown && givenKind === kind.kind)
    throw badRequest(`the API version in the data (${apiVersion}) does not match the expected API version (${expected})`);
  const version = apiVersion.slice(apiVersion.indexOf('/') + 1);
  const goPackage = (kind.group || 'core').split('.')[0];
  const why = isKnown
    ? `converting (${version}.${givenKind}) to (${goPackage}.${kind.kind}): unknown conversion`
    : `no kind ${JSON.stringify(givenKind)} is registered for version ${JSON.stringify(apiVersion)} in scheme ${JSON.stringify(SCHEMES[kind.group] ?? SCHEME)}`;
  const message = `${givenKind} in version ${JSON.stringify(version)} cannot be handled as a ${kind.kind}: ${why}`;
  throw new StatusError(badRequest(message).status, { cause: new DecodeFailure(why) });
}

function typeOf(kind: KindDefinition, given: Readonly<Record<string, unknown>>) {
  return {
    apiVersion: (given['apiVersion'] as string | undefined) || apiVersionOf(kind),
    givenKind: (given['kind'] as string | undefined) || kind.kind,
  };
}

/**
 * Whether upstream knows the type that a body says it is of, which decides in what words another one than the path's is refused. What
 * knows all of them, served or not, is loaded with the first such body.
 */
async function isKnownType(kind: KindDefinition, json: unknown): Promise<boolean> {
  if (kind.ownSchema || typeof json !== 'object' || json === null) return true;
  const { apiVersion, givenKind } = typeOf(kind, json as Record<string, unknown>);
  if (apiVersion === apiVersionOf(kind) && givenKind === kind.kind) return true;
  if (typeof apiVersion !== 'string' || typeof givenKind !== 'string') return true; // refused for that
  const { isRegisteredKind } = await import('../../api/registered-kinds.ts');
  // Servers within the server know what is theirs alone.
  return isRegisteredKind(apiVersion, givenKind) && (!SCHEMES[kind.group] || apiVersion.startsWith(`${kind.group}/`));
}

/** How upstream names the set of types that it knows. */
const SCHEME = 'pkg/api/legacyscheme/scheme.go:30';
const SCHEMES: Readonly<Record<string, string>> = {
  'apiextensions.k8s.io': 'pkg/apiserver/apiserver.go:55',
  'apiregistration.k8s.io': 'pkg/apiserver/scheme/scheme.go:32',
};

/**
 * A custom resource says itself what it is: upstream has no type to read it into. One that is of another kind is read, and then not
 * valid (apiextensions-apiserver/pkg/apiserver/customresource_handler.go, pkg/registry/customresource/validator.go).
 */
function checkCustomType(kind: KindDefinition, given: Record<string, unknown>): void {
  const apiVersion = given['apiVersion'] ?? '';
  const givenKind = given['kind'] as string | undefined;
  if (!givenKind) {
    const why = kindIsMissing(exactJsonText(given));
    throw new StatusError(badRequest(why).status, { cause: new WithoutKind(why) });
  }
  const expected = apiVersionOf(kind);
  const wrongKind = givenKind !== kind.kind;
  const wrongVersion = `the API version in the data (${apiVersion}) does not match the expected API version (${expected})`;
  const name = (given['metadata'] as { name?: unknown } | null | undefined)?.name;
  const errors = [
    ...(apiVersion !== expected ? [invalidField('apiVersion', apiVersion, `must be ${expected}`)] : []),
    ...(wrongKind ? [invalidField('kind', givenKind, `must be ${kind.kind}`)] : []),
  ];
  if (!errors.length) return;
  const told = invalid({ group: kind.group, kind: givenKind }, typeof name === 'string' ? name : '', errors);
  throw apiVersion !== expected ? new StatusError(badRequest(wrongVersion).status, { cause: told }) : told;
}
