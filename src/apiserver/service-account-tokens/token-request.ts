import { randomUUID } from 'node:crypto';
import { nodeKind } from '../../api/core/v1/node.ts';
import { podKind } from '../../api/core/v1/pod.ts';
import { secretKind } from '../../api/core/v1/secret.ts';
import { serviceAccountKind } from '../../api/core/v1/service-account.ts';
import type { AuthenticationV1TokenRequest, V1BoundObjectReference, V1Pod } from '../../api/gen/types.ts';
import { invalidField } from '../../api/machinery/field-error.ts';
import type { KindDefinition } from '../../api/machinery/kind.ts';
import { type DynamicObject, formatTime } from '../../api/machinery/object.ts';
import { badRequest, conflict, type FieldError, invalid, methodNotAllowed, notFound } from '../../api/machinery/status-error.ts';
import type { TokenSigner } from '../../pki/service-account-token.ts';
import type { Clock } from '../../std/clock.ts';
import type { ActionHandler, Admission, ObjectReader } from '../contracts.ts';
import { type BoundObjects, tokenClaims } from './token-claims.ts';

export interface TokenRequestOptions {
  readonly issuer: string;
  readonly apiAudiences: readonly string[];
  /** Longer tokens than this are not made; who asks for one gets this. */
  readonly maxExpirationMs?: number;
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

/**
 * `serviceaccounts/token` (pkg/registry/core/serviceaccount/storage/token.go). A token lives exactly as long as asked for: unlike
 * upstream, the tokens of pods are not stretched to a year (`--service-account-extend-token-expiration=false` there).
 */
export function createTokenRequest(options: TokenRequestOptions, deps: TokenRequestDeps): ActionHandler {
  return {
    group: '',
    resource: 'serviceaccounts',
    subresource: 'token',
    async handle({ info, user, warnings, request, audit }, body) {
      if (info.verb !== 'create') throw methodNotAllowed(serviceAccountKind, info.verb);
      if (!body) throw badRequest('a token request must have a body');
      const wanted = readTokenRequest(body, info.name, options);
      const attributes = {
        operation: 'CREATE' as const,
        kind: serviceAccountKind,
        subresource: 'token',
        namespace: info.namespace,
        name: info.name,
        object: wanted as unknown as DynamicObject,
        oldObject: undefined,
        user,
        dryRun: request.query.getAll('dryRun').includes('All'),
        warnings,
        ...(audit && { audit }),
      };
      await deps.admission.admit(attributes);
      await deps.admission.validate(attributes);
      return { status: 201, object: await issue(wanted, info, options, deps) };
    },
  };
}

type ReadRequest = AuthenticationV1TokenRequest & { spec: { audiences: string[]; expirationSeconds: number } };

/** Checks and completes the body. Throws 400 and 422. */
function readTokenRequest(body: DynamicObject, accountName: string, options: TokenRequestOptions): ReadRequest {
  const request = body as unknown as AuthenticationV1TokenRequest;
  if (body.kind && body.kind !== 'TokenRequest') throw badRequest(`unexpected kind "${body.kind}", a TokenRequest is needed`);
  if (body.apiVersion && body.apiVersion !== 'authentication.k8s.io/v1') {
    throw badRequest(`unexpected apiVersion "${body.apiVersion}", authentication.k8s.io/v1 is needed`);
  }
  if (body.metadata.name && body.metadata.name !== accountName) {
    throw badRequest(
      `the name of the TokenRequest (${body.metadata.name}) does not match that of the service account (${accountName})`,
    );
  }
  const seconds: unknown = request.spec?.expirationSeconds ?? DEFAULT_SECONDS;
  const audiences: unknown = request.spec?.audiences ?? [];
  const errors: FieldError[] = [];
  const field = 'spec.expirationSeconds';
  if (typeof seconds !== 'number' || !Number.isSafeInteger(seconds))
    errors.push(invalidField(field, seconds, 'must be an integer'));
  else if (seconds < SHORTEST_SECONDS)
    errors.push(invalidField(field, seconds, 'may not specify a duration less than 10 minutes'));
  else if (seconds > LONGEST_SECONDS)
    errors.push(invalidField(field, seconds, 'may not specify a duration larger than 2^32 seconds'));
  if (!Array.isArray(audiences) || !audiences.every((audience) => typeof audience === 'string')) {
    errors.push(invalidField('spec.audiences', audiences, 'must be a list of strings'));
  }
  if (errors.length) throw invalid({ group: 'authentication.k8s.io', kind: 'TokenRequest' }, accountName, errors);
  const most = options.maxExpirationMs === undefined ? Number.POSITIVE_INFINITY : Math.floor(options.maxExpirationMs / 1000);
  return {
    ...request,
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: {
      ...request.spec,
      audiences: audiences as string[],
      expirationSeconds: Math.min(seconds as number, most),
    },
  };
}

async function issue(
  request: ReadRequest,
  place: { readonly namespace: string; readonly name: string },
  options: TokenRequestOptions,
  deps: TokenRequestDeps,
): Promise<AuthenticationV1TokenRequest> {
  const { spec } = request;
  const account = await find(deps.reader, serviceAccountKind, place.namespace, place.name);
  if (!account) throw notFound(serviceAccountKind, place.name);
  const bound = spec.boundObjectRef ? await findBound(spec.boundObjectRef, place, deps.reader) : {};
  const nowMs = deps.clock.now();
  const audiences = spec.audiences.length ? spec.audiences : [...options.apiAudiences];
  const claims = tokenClaims({
    issuer: options.issuer,
    audiences,
    nowMs,
    seconds: spec.expirationSeconds,
    id: randomUUID(),
    account,
    bound,
  });
  return {
    ...request,
    metadata: { name: place.name, namespace: place.namespace, creationTimestamp: formatTime(nowMs) },
    spec: { ...spec, audiences },
    status: { token: deps.signer.sign(claims), expirationTimestamp: formatTime(claims.exp! * 1000) },
  };
}

/** What the token shall live and die with. Throws when it is not there, is another of the same name, or cannot be bound to. */
async function findBound(
  ref: V1BoundObjectReference,
  { namespace, name }: { readonly namespace: string; readonly name: string },
  reader: ObjectReader,
): Promise<BoundObjects> {
  const kind = BINDABLE[`${ref.apiVersion}/${ref.kind}`];
  if (!kind) throw badRequest(`cannot bind token to object of type ${ref.apiVersion}, Kind=${ref.kind}`);
  const [, key] = kind;
  const target = await find(reader, kind[0], key === 'node' ? '' : namespace, ref.name ?? '', ref.uid);
  if (!target) throw notFound(kind[0], ref.name ?? '');
  const podSpec = key === 'pod' ? (target as unknown as V1Pod).spec : undefined;
  if (podSpec && podSpec.serviceAccountName !== name) {
    throw badRequest(
      `cannot bind token for serviceaccount ${JSON.stringify(name)} to pod running with different serviceaccount name.`,
    );
  }
  if (ref.uid && ref.uid !== target.metadata.uid) {
    throw conflict(
      kind[0],
      ref.name ?? '',
      `the UID in the bound object reference (${ref.uid}) does not match the UID in record. The object might have been deleted and then recreated`,
    );
  }
  // A pod's token also says on which node the pod is.
  const node = podSpec?.nodeName
    ? (reader.get(nodeKind, '', podSpec.nodeName) ?? { metadata: { name: podSpec.nodeName } })
    : undefined;
  return { [key]: target, ...(node && { node }) };
}

const BINDABLE: Readonly<Record<string, readonly [KindDefinition, 'pod' | 'secret' | 'node']>> = {
  'v1/Pod': [podKind, 'pod'],
  'v1/Secret': [secretKind, 'secret'],
  'v1/Node': [nodeKind, 'node'],
};

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
