import { randomUUID } from 'node:crypto';
import { builtInType } from '../../api/apply/built-in-type.ts';
import { trackCreate, type Writer } from '../../api/apply/track-update.ts';
import { nodeKind } from '../../api/core/v1/node.ts';
import { podKind } from '../../api/core/v1/pod.ts';
import { secretKind } from '../../api/core/v1/secret.ts';
import { serviceAccountKind } from '../../api/core/v1/service-account.ts';
import type { AuthenticationV1TokenRequest, V1BoundObjectReference, V1Pod } from '../../api/gen/types.ts';
import { invalidField } from '../../api/machinery/field-error.ts';
import type { KindDefinition } from '../../api/machinery/kind.ts';
import { type DynamicObject, formatTime } from '../../api/machinery/object.ts';
import { badRequest, conflict, type FieldError, invalid, notFound } from '../../api/machinery/status-error.ts';
import type { TokenSigner } from '../../pki/service-account-token.ts';
import type { Clock } from '../../std/clock.ts';
import type { ActionHandler, Admission, ObjectReader, RequestContext } from '../contracts.ts';
import { parseWriteQuery } from '../request/query-options.ts';
import { NAMESPACE_MISMATCH } from '../verbs/prepare-create.ts';
import { fieldManagerOf } from '../verbs/resource-call.ts';
import { type BoundObjects, tokenClaims } from './token-claims.ts';

export interface TokenRequestOptions {
  readonly issuer: string;
  readonly apiAudiences: readonly string[];
  /** Longer tokens than this are not made; who asks for one gets this. */
  readonly maxExpirationMs?: number;
  /** `--service-account-extend-token-expiration`: what pods are given for an hour works for a year, for programs that read it once. */
  readonly extendExpiration?: boolean;
}

export interface TokenRequestDeps {
  readonly signer: TokenSigner;
  readonly reader: ObjectReader;
  readonly admission: Admission;
  readonly clock: Pick<Clock, 'now'>;
}

const DEFAULT_SECONDS = 3600;
const SHORTEST_SECONDS = 600;
const LONGEST_SECONDS = 2 ** 32;
/** Asked for by pods whose own specification says nothing of it (the ServiceAccount admission plugin writes it). */
const PODS_SECONDS = 3607;
const EXTENDED_SECONDS = 365 * 24 * 3600;
const TOKEN_REQUEST = { group: 'authentication.k8s.io', kind: 'TokenRequest', resource: 'TokenRequest' };

/** `serviceaccounts/token` (pkg/registry/core/serviceaccount/storage/token.go). */
export function createTokenRequest(options: TokenRequestOptions, deps: TokenRequestDeps): ActionHandler {
  return {
    group: '',
    resource: 'serviceaccounts',
    subresource: 'token',
    async handle(context, body) {
      const { info, user, warnings, request, audit } = context;
      if (!body) throw badRequest('a token request must have a body');
      const read = readTokenRequest(body, info);
      const attributes = {
        operation: 'CREATE' as const,
        kind: serviceAccountKind,
        subresource: 'token',
        namespace: info.namespace,
        name: info.name,
        object: read as unknown as DynamicObject,
        oldObject: undefined,
        user,
        dryRun: request.query.getAll('dryRun').includes('All'),
        warnings,
        ...(audit && { audit }),
      };
      // Before anything is filled in: NodeRestriction tells no audience from the API server's.
      await deps.admission.admit(attributes);
      const account = await find(deps.reader, serviceAccountKind, info.namespace, info.name);
      if (!account) throw notFound(serviceAccountKind, info.name);
      const wanted = complete(read, account, managerOf(context), options, deps);
      await deps.admission.validate({ ...attributes, object: wanted as unknown as DynamicObject });
      const { object, credentialId } = await issue(wanted, account, warnings, options, deps);
      audit?.addAuditAnnotation('authentication.kubernetes.io/issued-credential-id', credentialId);
      return { status: 201, object };
    },
  };
}

type ReadRequest = AuthenticationV1TokenRequest & { spec: { audiences: readonly string[]; expirationSeconds: number } };

/** What is wrong with the request's name and namespace. Throws 400 and 422. */
function readTokenRequest(
  body: DynamicObject,
  place: { readonly namespace: string; readonly name: string },
): AuthenticationV1TokenRequest {
  const { metadata } = body;
  if (metadata.namespace && metadata.namespace !== place.namespace) throw badRequest(NAMESPACE_MISMATCH);
  if (metadata.name && metadata.name !== place.name) {
    const why = 'must match the service account name if specified';
    throw invalid(TOKEN_REQUEST, place.name, [invalidField('metadata.name', metadata.name, why)]);
  }
  return body as unknown as AuthenticationV1TokenRequest;
}

/** Who asks, as managed fields name it: nobody keeps what is asked, and still it says so, as upstream. */
function managerOf(context: RequestContext): Pick<Writer, 'manager' | 'subresource'> {
  return fieldManagerOf(context, parseWriteQuery(context.request.query, 'CreateOptions').fieldManager);
}

/** What is bound to nothing says so. */
const NOT_BOUND = null as unknown as undefined;

/** What was left open is filled in from the account. Throws 409 when another account of that name was meant, and 422. */
function complete(
  request: AuthenticationV1TokenRequest,
  { metadata: { name = '', namespace = '', uid = '' } }: DynamicObject,
  writer: Pick<Writer, 'manager' | 'subresource'>,
  { apiAudiences }: TokenRequestOptions,
  { clock }: TokenRequestDeps,
): ReadRequest {
  const wantedUid = request.metadata?.uid;
  if (wantedUid && wantedUid !== uid) {
    const why = `the UID in the token request (${wantedUid}) does not match the UID of the service account (${uid})`;
    throw conflict(TOKEN_REQUEST, name, why);
  }
  const { expirationSeconds: seconds = DEFAULT_SECONDS, audiences = [] } = request.spec ?? {};
  const errors: FieldError[] = [];
  const field = 'spec.expirationSeconds';
  if (seconds < SHORTEST_SECONDS) errors.push(invalidField(field, seconds, 'may not specify a duration less than 10 minutes'));
  if (seconds > LONGEST_SECONDS) errors.push(invalidField(field, seconds, 'may not specify a duration larger than 2^32 seconds'));
  // Upstream names none here.
  if (errors.length) throw invalid(TOKEN_REQUEST, '', errors);
  const time = formatTime(clock.now());
  const asked = { metadata: {}, spec: { ...request.spec, expirationSeconds: seconds } };
  const entry = { ...writer, operation: 'Update' as const, apiVersion: 'authentication.k8s.io/v1', time };
  const managedFields = trackCreate(builtInType('AuthenticationV1TokenRequest'), asked, entry, []);
  // That a request is bound to something is not the asker's: unbound ones say null there.
  const { 'f:spec': owned } = (managedFields?.[0]?.fieldsV1 ?? {}) as { 'f:spec'?: { 'f:boundObjectRef'?: { '.'?: object } } };
  delete owned?.['f:boundObjectRef']?.['.'];
  const { status: _, ...rest } = request;
  return {
    ...rest,
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    metadata: { ...request.metadata, name, namespace, uid, creationTimestamp: time, managedFields },
    spec: {
      boundObjectRef: NOT_BOUND,
      ...request.spec,
      audiences: audiences.length ? audiences : [...apiAudiences],
      expirationSeconds: seconds,
    },
  };
}

async function issue(
  request: ReadRequest,
  account: DynamicObject,
  warnings: string[],
  { issuer, apiAudiences, maxExpirationMs, extendExpiration }: TokenRequestOptions,
  { reader, clock, signer }: TokenRequestDeps,
): Promise<{ readonly object: AuthenticationV1TokenRequest; readonly credentialId: string }> {
  const { audiences, boundObjectRef, expirationSeconds: asked } = request.spec;
  const { name = '', namespace = '' } = account.metadata;
  const bound = boundObjectRef ? await findBound(boundObjectRef, { name, namespace }, reader) : {};
  const most = maxExpirationMs === undefined ? Number.POSITIVE_INFINITY : Math.floor(maxExpirationMs / 1000);
  if (asked > most) warnings.push(`requested expiration of ${asked} seconds shortened to ${most} seconds`);
  const expirationSeconds = Math.min(asked, most);
  const extended =
    extendExpiration &&
    bound.pod &&
    expirationSeconds === PODS_SECONDS &&
    audiences.every((audience) => apiAudiences.includes(audience));
  const nowMs = clock.now();
  const id = randomUUID();
  const claims = tokenClaims({
    issuer,
    audiences,
    nowMs,
    seconds: extended ? EXTENDED_SECONDS : expirationSeconds,
    ...(extended && { warnAfterSeconds: expirationSeconds }),
    id,
    account,
    bound,
  });
  const object = {
    ...request,
    spec: { ...request.spec, expirationSeconds },
    status: { token: signer.sign(claims), expirationTimestamp: formatTime((claims.iat! + expirationSeconds) * 1000) },
  };
  return { object, credentialId: `JTI=${id}` };
}

/** What the token shall live and die with. Throws when it is not there, is another of the same name, or cannot be bound to. */
async function findBound(
  ref: V1BoundObjectReference,
  { namespace, name }: { readonly namespace: string; readonly name: string },
  reader: ObjectReader,
): Promise<BoundObjects> {
  const [group, version] = groupVersionOf(ref.apiVersion ?? '');
  const kind = group ? undefined : BINDABLE.get(ref.kind ?? '');
  if (!kind) {
    const type = `${group || version ? `${group}/${version}` : '/'}, Kind=${ref.kind ?? ''}`;
    throw badRequest(`cannot bind token to object of type ${type}`);
  }
  if (!ref.name) throw badRequest('Name parameter required.');
  const [, key] = kind;
  const target = await find(reader, kind[0], key === 'node' ? '' : namespace, ref.name, ref.uid);
  if (!target) throw notFound(kind[0], ref.name);
  const podSpec = key === 'pod' ? (target as unknown as V1Pod).spec : undefined;
  if (podSpec && podSpec.serviceAccountName !== name) {
    throw badRequest(
      `cannot bind token for serviceaccount ${JSON.stringify(name)} to pod running with different serviceaccount name.`,
    );
  }
  if (ref.uid && ref.uid !== target.metadata.uid) {
    throw conflict(
      { group: '', resource: ref.kind ?? '' },
      ref.name,
      `the UID in the bound object reference (${ref.uid}) does not match the UID in record. The object might have been deleted and then recreated`,
    );
  }
  // A pod's token also says on which node the pod is.
  const node = podSpec?.nodeName
    ? (reader.get(nodeKind, '', podSpec.nodeName) ?? { metadata: { name: podSpec.nodeName } })
    : undefined;
  return { [key]: target, ...(node && { node }) };
}

/** What cannot be read is of no group and version. */
function groupVersionOf(apiVersion: string): readonly [group: string, version: string] {
  const parts = apiVersion === '/' ? [''] : apiVersion.split('/');
  if (parts.length > 2) return ['', ''];
  return parts.length === 2 ? [parts[0]!, parts[1]!] : ['', parts[0]!];
}

const BINDABLE: ReadonlyMap<string, readonly [KindDefinition, 'pod' | 'secret' | 'node']> = new Map([
  ['Pod', [podKind, 'pod']],
  ['Secret', [secretKind, 'secret']],
  ['Node', [nodeKind, 'node']],
]);

async function find(
  reader: ObjectReader,
  kind: KindDefinition,
  namespace: string,
  name: string,
  uid?: string,
): Promise<DynamicObject | undefined> {
  const cached = reader.get(kind, namespace, name);
  if (cached && (!uid || cached.metadata.uid === uid)) return cached;
  await reader.waitFresh(kind);
  return reader.get(kind, namespace, name);
}
