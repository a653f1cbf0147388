/** AdmissionReviews: what is sent to webhooks, and what their answers must look like (apiserver/pkg/admission/plugin/webhook/request). */
import { goFormat } from '../../../api/machinery/go-format.ts';
import type { KindDefinition } from '../../../api/machinery/kind.ts';
import type { DynamicObject } from '../../../api/machinery/object.ts';
import type { Status } from '../../../api/machinery/status-error.ts';
import { exactJsonText, parseExactJson } from '../../../std/exact-json.ts';
import type { AdmissionAttributes } from '../../contracts.ts';
import { admissionRequest } from '../matching/admission-request.ts';

export type ReviewVersion = 'v1' | 'v1beta1';

export interface Answer {
  readonly allowed: boolean;
  readonly result?: Partial<Status>;
  /** Of a mutating webhook: RFC 6902. */
  readonly patch?: unknown;
  readonly warnings: readonly string[];
  readonly auditAnnotations: Readonly<Record<string, string>>;
}

/** What is wrong with an answer. */
export class BadAnswer extends Error {}

/** The first version that both sides know; undefined when there is none. */
export function chooseVersion(versions: readonly string[]): ReviewVersion | undefined {
  return versions.find((version) => version === 'v1' || version === 'v1beta1') as ReviewVersion | undefined;
}

export interface ReviewParts {
  readonly version: ReviewVersion;
  readonly uid: string;
  readonly kind: KindDefinition;
  readonly object: DynamicObject | undefined;
  readonly oldObject: DynamicObject | undefined;
}

export function makeReview(attributes: AdmissionAttributes, { version, uid, kind, object, oldObject }: ReviewParts): string {
  const request = { uid, ...admissionRequest(attributes, kind), object: object ?? null, oldObject: oldObject ?? null };
  return exactJsonText({ kind: 'AdmissionReview', apiVersion: `admission.k8s.io/${version}`, request });
}

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const described = (apiVersion: unknown, kind: unknown) =>
  `${apiVersion ? `${goFormat(apiVersion)}, ` : '/, '}Kind=${kind ? goFormat(kind) : ''}`;

/** Throws BadAnswer in upstream's words. */
export function readAnswer(body: unknown, expected: { version: ReviewVersion; uid: string; mutating: boolean }): Answer {
  if (!isMap(body)) throw new BadAnswer('webhook response was absent');
  const response = body['response'];
  const apiVersion = `admission.k8s.io/${expected.version}`;
  const typed = expected.version === 'v1' || body['apiVersion'] !== undefined || body['kind'] !== undefined;
  if (typed && (body['apiVersion'] !== apiVersion || body['kind'] !== 'AdmissionReview'))
    throw new BadAnswer(
      `expected webhook response of ${described(apiVersion, 'AdmissionReview')}, got ${described(body['apiVersion'], body['kind'])}`,
    );
  if (!isMap(response)) throw new BadAnswer('webhook response was absent');
  if (expected.version === 'v1' && response['uid'] !== expected.uid)
    throw new BadAnswer(`expected response.uid=${JSON.stringify(expected.uid)}, got ${JSON.stringify(response['uid'] ?? '')}`);
  const patch = readPatch(response, expected);
  return {
    allowed: response['allowed'] === true,
    ...(isMap(response['status']) && { result: readStatus(response['status']) }),
    ...(patch !== undefined && { patch }),
    warnings: Array.isArray(response['warnings']) ? response['warnings'].filter((warning) => typeof warning === 'string') : [],
    auditAnnotations: isMap(response['auditAnnotations']) ? textsOf(response['auditAnnotations']) : {},
  };
}

const textsOf = (map: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(map).filter((entry): entry is [string, string] => typeof entry[1] === 'string'));

/** Only what a Status has, each of its type. */
function readStatus(status: Record<string, unknown>): Partial<Status> {
  const { message, reason, code, details, status: state } = status;
  return {
    ...(typeof message === 'string' && { message }),
    ...(typeof reason === 'string' && { reason: reason as NonNullable<Status['reason']> }),
    ...(typeof code === 'number' && Number.isInteger(code) && { code }),
    ...(typeof state === 'string' && { status: state as Status['status'] }),
    ...(isMap(details) && { details: readDetails(details) }),
  };
}

function readDetails({ retryAfterSeconds, causes, ...named }: Record<string, unknown>): NonNullable<Status['details']> {
  const texts = (map: Record<string, unknown>, fields: readonly string[]) =>
    Object.fromEntries(fields.flatMap((field) => (typeof map[field] === 'string' ? [[field, map[field]]] : [])));
  return {
    ...texts(named, ['name', 'group', 'kind', 'uid']),
    ...(Array.isArray(causes) && { causes: causes.filter(isMap).map((cause) => texts(cause, ['reason', 'message', 'field'])) }),
    ...(Number.isInteger(retryAfterSeconds) && { retryAfterSeconds: retryAfterSeconds as number }),
  };
}

function readPatch(
  response: Record<string, unknown>,
  { version, mutating }: { version: ReviewVersion; mutating: boolean },
): unknown {
  const { patch, patchType } = response;
  const given = typeof patch === 'string' && patch !== '';
  if (!mutating) {
    if (version === 'v1' && given) throw new BadAnswer('validating webhook may not return response.patch');
    if (version === 'v1' && patchType) throw new BadAnswer('validating webhook may not return response.patchType');
    return undefined;
  }
  if (version === 'v1') {
    if (given && !patchType) throw new BadAnswer('webhook returned response.patch but not response.patchType');
    if (!given && patchType) throw new BadAnswer('webhook returned response.patchType but not response.patch');
    if (patchType && patchType !== 'JSONPatch')
      throw new BadAnswer(`webhook returned invalid response.patchType of ${JSON.stringify(patchType)}`);
  }
  if (!given) return undefined;
  try {
    return parseExactJson(Buffer.from(patch, 'base64').toString('utf8'));
  } catch (error) {
    throw new BadAnswer(`received undecodable patch in webhook response: ${(error as Error).message}`);
  }
}
