/**
 * Reads the text of a webhook's answer as upstream's client does: JSON or YAML, each field of its type, what is not in Go's words
 * (apimachinery/pkg/runtime/serializer).
 */
import { DecodeFailure, decodeScalar, describeValue } from '../../../api/machinery/decode-scalar.ts';
import { goJsonType, jsonSyntaxError } from '../../../api/machinery/json-syntax.ts';
import type { Status } from '../../../api/machinery/status-error.ts';
import { parseExactJson } from '../../../std/exact-json.ts';
import { readYaml } from '../../request/yaml-body.ts';

/** The text is no AdmissionReview. */
export class UndecodableAnswer extends Error {}

export interface ReviewResponse {
  readonly uid?: string;
  readonly allowed?: boolean;
  readonly status?: Partial<Status>;
  /** What base64 stood for. */
  readonly patch?: Buffer;
  readonly patchType?: string;
  readonly auditAnnotations?: Readonly<Record<string, string>>;
  readonly warnings?: readonly string[];
}

export interface DecodedReview {
  readonly apiVersion: string;
  readonly kind: string;
  readonly response: ReviewResponse | undefined;
}

const TYPE_META = 'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }';
/** Upstream names its scheme by the line that made it. */
const SCHEME = 'k8s.io/apiserver/pkg/util/webhook/client.go:71';
const REVIEWS: ReadonlySet<string> = new Set(['admission.k8s.io/v1', 'admission.k8s.io/v1beta1']);

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const notTyped = (why: string) => new UndecodableAnswer(`couldn't get version/kind; json parse error: ${why}`);

/** What begins like an object is JSON, and anything else YAML. Rejects with UndecodableAnswer. */
export async function parseAnswer(text: string): Promise<unknown> {
  if (/^[ \t\r\n]*\{/.test(text)) {
    try {
      return parseExactJson(text);
    } catch (error) {
      throw notTyped(jsonSyntaxError(text) ?? (error as Error).message);
    }
  }
  const { value } = await readYaml(Buffer.from(text.replace(/^\ufeff/, ''))).catch((error: Error) => {
    throw new UndecodableAnswer(error.message.replace('error converting YAML to JSON: ', ''));
  });
  return value;
}

/** What was parsed, as the AdmissionReview of a version. Throws UndecodableAnswer. */
export function decodeReview(parsed: unknown, version: string): DecodedReview {
  const review = parsed ?? {};
  if (!isMap(review)) throw notTyped(`json: cannot unmarshal ${goJsonType(review)} into Go value of type ${TYPE_META}`);
  const given = typeMeta(review);
  const wanted = `admission.k8s.io/${version}`;
  const kind = given.kind || 'AdmissionReview';
  const apiVersion = given.apiVersion || wanted;
  if (apiVersion.split('/').length > 2) throw new UndecodableAnswer(`unexpected GroupVersion string: ${apiVersion}`);
  const isReview = REVIEWS.has(apiVersion) && kind === 'AdmissionReview';
  if (!isReview && !(apiVersion === 'v1' && kind === 'Status'))
    throw new UndecodableAnswer(
      `no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)} in scheme ${JSON.stringify(SCHEME)}`,
    );
  const own = apiVersion.slice(apiVersion.lastIndexOf('/') + 1);
  const response = isReview ? decodeResponse(review, own) : undefined;
  if (!isReview || own !== version)
    throw new UndecodableAnswer(`converting (${own}.${kind}) to (${version}.AdmissionReview): unknown conversion`);
  return { ...given, response };
}

function typeMeta(review: Record<string, unknown>): { readonly apiVersion: string; readonly kind: string } {
  const found = { apiVersion: '', kind: '' };
  for (const [field, value] of Object.entries(review)) {
    if ((field !== 'apiVersion' && field !== 'kind') || value === null) continue;
    if (typeof value !== 'string')
      throw notTyped(`json: cannot unmarshal ${goJsonType(value)} into Go struct field .${field} of type string`);
    found[field] = value;
  }
  return found;
}

/** A type of Go's: what it is called, and what is in it. */
interface GoType {
  readonly name: string;
  readonly scalar?: 'string' | 'boolean' | 'int32' | 'int64';
  readonly fields?: Readonly<Record<string, GoType>>;
  readonly each?: GoType;
  readonly values?: GoType;
  readonly bytes?: true;
}

const text: GoType = { name: 'string', scalar: 'string' };
const named = (name: string): GoType => ({ name, scalar: 'string' });
const int32: GoType = { name: 'int32', scalar: 'int32' };
const int64: GoType = { name: 'int64', scalar: 'int64' };
const list = (each: GoType): GoType => ({ name: `[]${each.name}`, each });

const CAUSE: GoType = { name: 'v1.StatusCause', fields: { reason: named('v1.CauseType'), message: text, field: text } };
const DETAILS: GoType = {
  name: 'v1.StatusDetails',
  fields: { name: text, group: text, kind: text, uid: named('types.UID'), causes: list(CAUSE), retryAfterSeconds: int32 },
};
const LIST_META: GoType = {
  name: 'v1.ListMeta',
  fields: { selfLink: text, resourceVersion: text, continue: text, remainingItemCount: int64 },
};
const STATUS: GoType = {
  name: 'v1.Status',
  fields: { metadata: LIST_META, status: text, message: text, reason: named('v1.StatusReason'), details: DETAILS, code: int32 },
};
const RESPONSES: Readonly<Record<string, GoType>> = Object.fromEntries(
  ['v1', 'v1beta1'].map((version): [string, GoType] => [
    version,
    {
      name: `${version}.AdmissionResponse`,
      fields: {
        uid: named('types.UID'),
        allowed: { name: 'bool', scalar: 'boolean' },
        status: STATUS,
        patch: { name: '[]uint8', bytes: true },
        patchType: named(`${version}.PatchType`),
        auditAnnotations: { name: 'map[string]string', values: text },
        warnings: list(text),
      },
    },
  ]),
);

function decodeResponse(review: Record<string, unknown>, version: string): ReviewResponse | undefined {
  const given = review['response'];
  if (given === undefined || given === null) return undefined;
  return decode(RESPONSES[version]!, given, { structure: 'AdmissionReview', path: 'response' }) as ReviewResponse;
}

interface Place {
  readonly structure: string;
  readonly path: string;
}

/** Nulls are Go's zeros, fields that the type does not have are dropped. */
function decode(type: GoType, value: unknown, at: Place): unknown {
  const { fields, each, values, bytes, scalar } = type;
  const mismatch = () =>
    new UndecodableAnswer(
      `json: cannot unmarshal ${describeValue(value, type.name)} into Go struct field ${at.structure}.${at.path} of type ${type.name}`,
    );
  if (bytes) return decodeBytes(value) ?? fail(mismatch());
  if (each) {
    if (!Array.isArray(value)) throw mismatch();
    return value.map((item) => (item === null ? zeroOf(each) : decode(each, item, at)));
  }
  if (scalar) return decodeScalar(scalar, value) ?? fail(mismatch());
  if (!isMap(value)) throw mismatch();
  const entries = Object.entries(value);
  if (values)
    return Object.fromEntries(entries.map(([key, one]) => [key, one === null ? zeroOf(values) : decode(values, one, at)]));
  const structure = type.name.slice(type.name.indexOf('.') + 1);
  return Object.fromEntries(
    entries.flatMap(([field, one]) => {
      if (one === null || !Object.hasOwn(fields!, field)) return [];
      return [[field, decode(fields![field]!, one, { structure, path: `${at.path}.${field}` })]];
    }),
  );
}

const zeroOf = ({ scalar }: GoType): unknown => (scalar ? '' : {});

function fail(error: Error): never {
  throw error;
}

/** Undefined for what is no list of bytes. */
function decodeBytes(value: unknown): Buffer | undefined {
  if (Array.isArray(value)) {
    const isByte = (item: unknown) => Number.isInteger(item) && (item as number) >= 0 && (item as number) <= 255;
    return value.every(isByte) ? Buffer.from(value) : undefined;
  }
  if (typeof value !== 'string') return undefined;
  try {
    return Buffer.from(decodeScalar('bytes', value) as string, 'base64');
  } catch (error) {
    if (error instanceof DecodeFailure) throw new UndecodableAnswer(error.message);
    throw error;
  }
}
