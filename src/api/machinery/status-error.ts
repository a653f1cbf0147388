/** The answer to a request that failed (meta/v1 Status). */
export interface Status {
  kind: 'Status';
  apiVersion: 'v1';
  metadata: { resourceVersion?: string; continue?: string };
  status: 'Failure' | 'Success';
  message?: string;
  reason?: StatusReason;
  details?: StatusDetails;
  code?: number;
}

export interface StatusDetails {
  name?: string;
  group?: string;
  kind?: string;
  uid?: string;
  causes?: StatusCause[];
  retryAfterSeconds?: number;
}

export interface StatusCause {
  reason?: string;
  message?: string;
  field?: string;
}

/** Reasons of meta/v1 (apimachinery/pkg/apis/meta/v1/types.go). */
export type StatusReason =
  | ''
  | 'Unauthorized'
  | 'Forbidden'
  | 'NotFound'
  | 'AlreadyExists'
  | 'Conflict'
  | 'Gone'
  | 'Invalid'
  | 'ServerTimeout'
  | 'Timeout'
  | 'TooManyRequests'
  | 'BadRequest'
  | 'MethodNotAllowed'
  | 'NotAcceptable'
  | 'RequestEntityTooLarge'
  | 'UnsupportedMediaType'
  | 'InternalError'
  | 'Expired'
  | 'ServiceUnavailable'
  | 'StoreReadError';

/** A failed API request, the same on both sides of the wire. */
export class StatusError extends Error {
  readonly status: Status;

  constructor(status: Status, options?: ErrorOptions) {
    super(status.message ?? status.reason ?? 'unknown error', options);
    this.name = 'StatusError';
    this.status = status;
  }

  get code(): number {
    return this.status.code ?? 500;
  }

  get reason(): StatusReason {
    return this.status.reason ?? '';
  }
}

export function isStatus(error: unknown, reason: StatusReason): error is StatusError {
  return error instanceof StatusError && error.reason === reason;
}

/** Names a kind of object in an error: `nodes` in the core group, `certificatesigningrequests.certificates.k8s.io` elsewhere. */
export interface GroupResource {
  group: string;
  resource: string;
}

export function formatGroupResource({ group, resource }: GroupResource): string {
  return group ? `${resource}.${group}` : resource;
}

function failure(code: number, reason: StatusReason, message: string, details?: StatusDetails): StatusError {
  return new StatusError({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    reason,
    ...(details && { details }),
    code,
  });
}

const about = (gr: GroupResource, name?: string): StatusDetails => ({
  ...(name && { name }),
  ...(gr.group && { group: gr.group }),
  kind: gr.resource,
});

// Texts as in apimachinery/pkg/api/errors/errors.go.

export const notFound = (gr: GroupResource, name: string) =>
  failure(404, 'NotFound', `${formatGroupResource(gr)} "${name}" not found`, about(gr, name));

export const alreadyExists = (gr: GroupResource, name: string) =>
  failure(409, 'AlreadyExists', `${formatGroupResource(gr)} "${name}" already exists`, about(gr, name));

export const conflict = (gr: GroupResource, name: string, why: string) =>
  failure(409, 'Conflict', `Operation cannot be fulfilled on ${formatGroupResource(gr)} "${name}": ${why}`, about(gr, name));

/** The `why` of a stale resourceVersion. */
export const MODIFIED = 'the object has been modified; please apply your changes to the latest version and try again';

/** `why` says what was refused to whom; the message is prefixed as upstream does. */
export const forbidden = (gr: GroupResource, name: string, why: string) =>
  failure(
    403,
    'Forbidden',
    name ? `${formatGroupResource(gr)} "${name}" is forbidden: ${why}` : `${formatGroupResource(gr)} is forbidden: ${why}`,
    about(gr, name),
  );

export const unauthorized = (message = 'Unauthorized') => failure(401, 'Unauthorized', message);
export const badRequest = (message: string) => failure(400, 'BadRequest', message);
export const internalError = (message: string) =>
  failure(500, 'InternalError', `Internal error occurred: ${message}`, { causes: [{ message }] });
/** A failure that upstream gives no reason for. */
export const unnamedFailure = (message: string): StatusError =>
  new StatusError({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, code: 500 });
export const methodNotAllowed = (gr: GroupResource, action: string) =>
  failure(405, 'MethodNotAllowed', `${action} is not supported on resources of kind "${formatGroupResource(gr)}"`, about(gr));
export const resourceExpired = (message: string) => failure(410, 'Expired', message);
export const tooManyRequests = (message: string, retryAfterSeconds = 1) =>
  failure(429, 'TooManyRequests', message, { retryAfterSeconds });
export const requestEntityTooLarge = (message: string) => failure(413, 'RequestEntityTooLarge', message);
export const unsupportedMediaType = (message: string) => failure(415, 'UnsupportedMediaType', message);
export const notAcceptable = (message: string) => failure(406, 'NotAcceptable', message);
export const serviceUnavailable = (message: string) => failure(503, 'ServiceUnavailable', message);
/** The path is one of the API's, the method none of the path's. */
export const noSuchMethod = () =>
  failure(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource', {});
/** The path is not one of the API's. */
export const noSuchPath = () => failure(404, 'NotFound', 'the server could not find the requested resource', {});

/** What is wrong with one field, in upstream's words (apimachinery/pkg/util/validation/field/errors.go). */
export interface FieldError {
  /** `spec.containers[0].name` */
  field: string;
  reason:
    | 'FieldValueInvalid'
    | 'FieldValueRequired'
    | 'FieldValueNotFound'
    | 'FieldValueDuplicate'
    | 'FieldValueNotSupported'
    | 'FieldValueForbidden'
    | 'FieldValueTooLong'
    | 'FieldValueTooMany'
    | 'FieldValueTypeInvalid'
    | 'InternalError';
  /** Without the field: `Invalid value: "x": must …`. */
  message: string;
}

/** A list in which everything is wrong must not make an answer of a hundred megabytes. */
export const MOST_FIELD_ERRORS = 200;
/** Nor must a few complaints that each show all of a long list. In characters; the first complaint is told whatever it is. */
const LONGEST_TOLD = 1_000_000;

/** The first complaints, as many as there is room for, in words. */
function toldOf(errors: readonly FieldError[]): StatusCause[] {
  const told: StatusCause[] = [];
  let length = 0;
  for (const { reason, message, field } of errors.slice(0, MOST_FIELD_ERRORS)) {
    length += message.length + field.length;
    if (told.length && length > LONGEST_TOLD) break;
    told.push({ reason, message, field });
  }
  return told;
}

/** `qualifiedKind` is `Pod` or `Deployment.apps`, with the group and without the version. */
export function invalid(kind: { group: string; kind: string }, name: string, errors: readonly FieldError[]): StatusError {
  const qualified = kind.group ? `${kind.kind}.${kind.group}` : kind.kind;
  const told = toldOf(errors);
  // The same is said once, however many checks say it.
  const texts = [...new Set(told.map((e) => `${e.field}: ${e.message}`))];
  if (errors.length > told.length) texts.push(`and ${errors.length - told.length} more`);
  const text = texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`;
  return failure(422, 'Invalid', `${qualified} "${name}" is invalid: ${text}`, {
    ...(name && { name }),
    ...(kind.group && { group: kind.group }),
    ...(kind.kind && { kind: kind.kind }),
    causes: told,
  });
}
