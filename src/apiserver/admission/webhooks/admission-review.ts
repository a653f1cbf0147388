/** AdmissionReviews: what is sent to webhooks, and what their answers must look like (apiserver/pkg/admission/plugin/webhook/request). */
import { isJsonMap } from '../../../api/machinery/clone.ts';
import { goJsonType, jsonSyntaxError } from '../../../api/machinery/json-syntax.ts';
import type { KindDefinition } from '../../../api/machinery/kind.ts';
import type { DynamicObject } from '../../../api/machinery/object.ts';
import type { Status } from '../../../api/machinery/status-error.ts';
import type { PatchOperation } from '../../../api/patch/json-patch.ts';
import { exactJsonText, parseExactJson } from '../../../std/exact-json.ts';
import type { AdmissionAttributes } from '../../contracts.ts';
import { admissionRequest } from '../matching/admission-request.ts';
import { type DecodedReview, decodeReview, type ReviewResponse, UndecodableAnswer } from './decode-review.ts';

export type ReviewVersion = 'v1' | 'v1beta1';

export interface Answer {
  readonly allowed: boolean;
  readonly result?: Partial<Status>;
  /** Of a mutating webhook. */
  readonly patch?: Patch;
  readonly warnings: readonly string[];
  readonly auditAnnotations: Readonly<Record<string, string>>;
}

/** RFC 6902, unless `type` says otherwise. */
export interface Patch {
  readonly bytes: Buffer;
  readonly type: string;
}

/** What is wrong with an answer, with what was tried. */
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
  const { dryRun, options, ...asked } = admissionRequest(attributes, kind);
  // In the order of upstream's fields.
  const request = { uid, ...asked, object: object ?? null, oldObject: oldObject ?? null, dryRun, options };
  return exactJsonText({ kind: 'AdmissionReview', apiVersion: `admission.k8s.io/${version}`, request });
}

const shownKind = (apiVersion: string, kind: string) => `${apiVersion || '/'}, Kind=${kind}`;

/** What was parsed of a webhook's answer. Throws BadAnswer in upstream's words. */
export function readAnswer(body: unknown, expected: { version: ReviewVersion; uid: string; mutating: boolean }): Answer {
  const { apiVersion, kind, response } = decodedReview(body, expected.version);
  if (!response) throw invalid('webhook response was absent');
  const { allowed = false, status, warnings = [], auditAnnotations = {} } = response;
  if (expected.version === 'v1') {
    const uid = response.uid ?? '';
    if (uid !== expected.uid) throw invalid(`expected response.uid=${JSON.stringify(expected.uid)}, got ${JSON.stringify(uid)}`);
    const wanted = 'admission.k8s.io/v1';
    if (apiVersion !== wanted || kind !== 'AdmissionReview')
      throw invalid(`expected webhook response of ${shownKind(wanted, 'AdmissionReview')}, got ${shownKind(apiVersion, kind)}`);
  }
  const patch = patchOf(response, expected);
  return { allowed, ...(status && { result: status }), ...(patch && { patch }), warnings, auditAnnotations };
}

function decodedReview(body: unknown, version: ReviewVersion): DecodedReview {
  try {
    return decodeReview(body, version);
  } catch (error) {
    if (error instanceof UndecodableAnswer) throw new BadAnswer(`failed to call webhook: ${error.message}`, { cause: error });
    throw error;
  }
}

const invalid = (why: string) => new BadAnswer(`received invalid webhook response: ${why}`);

/** Older reviews are not held to say what kind of patch they have. */
function patchOf(
  { patch, patchType }: ReviewResponse,
  { version, mutating }: { version: ReviewVersion; mutating: boolean },
): Patch | undefined {
  const given = patch !== undefined && patch.length > 0;
  if (version === 'v1beta1') return mutating && given ? { bytes: patch, type: 'JSONPatch' } : undefined;
  if (!mutating) {
    if (given) throw invalid('validating webhook may not return response.patch');
    if (patchType !== undefined) throw invalid('validating webhook may not return response.patchType');
    return undefined;
  }
  if (given && patchType === undefined) throw invalid('webhook returned response.patch but not response.patchType');
  if (!given && patchType !== undefined) throw invalid('webhook returned response.patchType but not response.patch');
  if (patchType === '') throw invalid('webhook returned invalid response.patchType of ""');
  return given ? { bytes: patch, type: patchType! } : undefined;
}

/** The operations of a patch. Throws BadAnswer. */
export function readPatch({ bytes }: Patch): readonly PatchOperation[] {
  const text = bytes.toString('utf8');
  const undecodable = (why: string) => new BadAnswer(`received undecodable patch in webhook response: ${why}`);
  let parsed: unknown;
  try {
    parsed = parseExactJson(text);
  } catch (error) {
    throw undecodable(jsonSyntaxError(text) ?? (error as Error).message);
  }
  const refuse = (value: unknown, type: string) =>
    undecodable(`json: cannot unmarshal ${goJsonType(value)} into Go value of type jsonpatch.${type}`);
  if (parsed === null) return [];
  if (!Array.isArray(parsed)) throw refuse(parsed, 'Patch');
  for (const operation of parsed) if (operation !== null && !isJsonMap(operation)) throw refuse(operation, 'Operation');
  return parsed;
}
