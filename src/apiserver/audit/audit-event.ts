import type { Status } from '../../api/machinery/status-error.ts';
import type { RequestInfo, ServerRequest, UserInfo } from '../contracts.ts';
import type { AuditLevel, AuditStage } from './audit-policy.ts';

export interface AuditObjectReference {
  resource?: string;
  namespace?: string;
  name?: string;
  uid?: string;
  apiGroup?: string;
  apiVersion?: string;
  resourceVersion?: string;
  subresource?: string;
}

/** One line of the audit log (audit.k8s.io/v1 Event). Never changed once it is on its way to a backend. */
export interface AuditEvent {
  readonly level: AuditLevel;
  readonly auditID: string;
  readonly stage: AuditStage;
  readonly requestURI: string;
  readonly verb: string;
  readonly user: UserInfo;
  readonly impersonatedUser?: UserInfo;
  /** The verb of the constrained impersonation. */
  readonly impersonationConstraint?: string;
  readonly sourceIPs: readonly string[];
  readonly userAgent: string;
  readonly objectRef?: AuditObjectReference;
  readonly responseStatus?: Partial<Status>;
  /** JSON texts. */
  readonly requestObject?: string;
  readonly responseObject?: string;
  readonly requestReceivedMs: number;
  readonly stageMs: number;
  readonly annotations: ReadonlyMap<string, string>;
}

/** The event as JSON in the order of Go's fields, on one line. `named`: with kind and apiVersion, as in a log. */
export function formatEvent(event: AuditEvent, { named }: { readonly named: boolean }): string {
  const { level, auditID, stage, requestURI, verb, user, impersonatedUser, sourceIPs, userAgent, objectRef } = event;
  const head = JSON.stringify({
    ...(named && { kind: 'Event', apiVersion: 'audit.k8s.io/v1' }),
    level,
    auditID,
    stage,
    requestURI,
    verb,
    user: userFields(user),
    ...(impersonatedUser && { impersonatedUser: userFields(impersonatedUser) }),
    ...(event.impersonationConstraint && {
      authenticationMetadata: { impersonationConstraint: event.impersonationConstraint },
    }),
    ...(sourceIPs.length && { sourceIPs }),
    ...(userAgent && { userAgent }),
    ...(objectRef && { objectRef: referenceFields(objectRef) }),
    ...(event.responseStatus && { responseStatus: { metadata: {}, ...event.responseStatus } }),
  });
  const annotations = Object.fromEntries([...event.annotations].sort(([a], [b]) => (a < b ? -1 : 1)));
  const tail = JSON.stringify({
    requestReceivedTimestamp: microTime(event.requestReceivedMs),
    stageTimestamp: microTime(event.stageMs),
    ...(event.annotations.size && { annotations }),
  });
  const request = event.requestObject === undefined ? '' : `,"requestObject":${event.requestObject}`;
  const response = event.responseObject === undefined ? '' : `,"responseObject":${event.responseObject}`;
  return `${head.slice(0, -1)}${request}${response},${tail.slice(1)}`;
}

function userFields({ name, uid, groups, extra }: UserInfo): object {
  return {
    ...(name && { username: name }),
    ...(uid && { uid }),
    ...(groups.length && { groups }),
    ...(extra && Object.keys(extra).length && { extra }),
  };
}

function referenceFields(reference: AuditObjectReference): AuditObjectReference {
  const { resource, namespace, name, uid, apiGroup, apiVersion, resourceVersion, subresource } = reference;
  return {
    ...(resource && { resource }),
    ...(namespace && { namespace }),
    ...(name && { name }),
    ...(uid && { uid }),
    ...(apiGroup && { apiGroup }),
    ...(apiVersion && { apiVersion }),
    ...(resourceVersion && { resourceVersion }),
    ...(subresource && { subresource }),
  };
}

/** metav1.MicroTime: this clock knows milliseconds, and fractions of them when it is asked for more. */
function microTime(ms: number): string {
  const whole = Math.floor(ms);
  const micro = String(Math.floor((ms - whole) * 1000)).padStart(3, '0');
  return `${new Date(whole).toISOString().slice(0, -1)}${micro}Z`;
}

/** The one-line form of `--audit-log-format=legacy` (apiserver/pkg/audit/format.go). */
export function formatLegacy(event: AuditEvent): string {
  const { user, impersonatedUser } = event;
  const listed = (items: readonly string[]) => items.map((item) => JSON.stringify(item)).join(',');
  const groups = user.name && user.groups.length ? listed(user.groups) : '<none>';
  const fields: readonly (readonly [string, string])[] = [
    ['id', event.auditID],
    ['stage', event.stage],
    ['ip', event.sourceIPs[0] ?? '<unknown>'],
    ['method', event.verb],
    ['user', user.name || '<none>'],
    ['groups', groups],
    ['as', impersonatedUser ? impersonatedUser.name : '<self>'],
    ['asgroups', impersonatedUser ? listed(impersonatedUser.groups) : '<lookup>'],
    ['user-agent', event.userAgent],
    ['namespace', event.objectRef?.namespace || '<none>'],
    ['uri', event.requestURI],
    ['response', event.responseStatus ? String(event.responseStatus.code ?? 0) : '<deferred>'],
  ];
  const text = fields.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(' ');
  return `${microTime(event.requestReceivedMs)} AUDIT: ${text}`;
}

const MAX_USER_AGENT = 1024;

/** What a request says of itself before anything is done for it. */
export function describeRequest(request: ServerRequest, info: RequestInfo) {
  const agent = request.headers['user-agent'] ?? '';
  const { resource, namespace, name, group, version, subresource } = info;
  const objectRef: AuditObjectReference | undefined = info.isResourceRequest
    ? { resource, namespace, name, apiGroup: group, apiVersion: version, subresource }
    : undefined;
  return {
    requestURI: request.uri ?? uriOf(request),
    verb: info.verb,
    sourceIPs: sourceAddresses(request),
    userAgent: agent.length > MAX_USER_AGENT ? `${agent.slice(0, MAX_USER_AGENT)}...TRUNCATED` : agent,
    ...(objectRef && { objectRef }),
  };
}

function uriOf({ path, query }: ServerRequest): string {
  const text = query.toString();
  return text ? `${encodeURI(path)}?${text}` : encodeURI(path);
}

const ADDRESS = /^[0-9a-fA-F.:]+$/;

/**
 * Where a request says that it came from, and last where it did come from: all but the last can be made up
 * (apimachinery/pkg/util/net SourceIPs).
 */
export function sourceAddresses({ headers, remoteAddress }: Pick<ServerRequest, 'headers' | 'remoteAddress'>): string[] {
  const addresses: string[] = [];
  for (const part of (headers['x-forwarded-for'] ?? '').split(',')) {
    const text = part.trim();
    if (ADDRESS.test(text)) addresses.push(text);
  }
  const real = (headers['x-real-ip'] ?? '').trim();
  if (ADDRESS.test(real) && !addresses.includes(real)) addresses.push(real);
  const remote = remoteAddress.replace(/^::ffff:(?=\d+\.)/, '');
  if (remote && addresses.at(-1) !== remote) addresses.push(remote);
  return addresses;
}
