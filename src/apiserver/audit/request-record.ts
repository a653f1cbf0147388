import type { Status } from '../../api/machinery/status-error.ts';
import { exactJsonText, parseExactJson } from '../../std/exact-json.ts';
import type { AuditNotes, RequestContext, UserInfo } from '../contracts.ts';
import { type AuditEvent, type AuditObjectReference, describeRequest } from './audit-event.ts';
import type { AuditDecision, AuditLevel, AuditStage } from './audit-policy.ts';

const RANK: Readonly<Record<AuditLevel, number>> = { None: 0, Metadata: 1, Request: 2, RequestResponse: 3 };

/** Verbs whose request is an object; a patch, and the options of a deletion, are kept as they were sent. */
const OBJECT_VERBS: ReadonlySet<string> = new Set(['create', 'update']);

type StatusFields = Partial<Pick<Status, 'status' | 'message' | 'reason' | 'details' | 'code'>>;

/** Gathers what the audit log will say of one request. */
export class RequestRecord implements AuditNotes {
  readonly decision: AuditDecision;
  readonly #about: ReturnType<typeof describeRequest>;
  readonly #auditId: string;
  readonly #user: UserInfo;
  readonly #receivedMs: number;
  readonly #annotations = new Map<string, string>();
  #impersonated: UserInfo | undefined;
  #constraint = '';
  #reference: AuditObjectReference | undefined;
  #requestObject: string | undefined;
  #responseObject: string | undefined;
  #status: StatusFields | undefined;

  constructor({ request, info, user, auditId }: RequestContext, decision: AuditDecision, receivedMs: number) {
    this.decision = decision;
    this.#about = describeRequest(request, info);
    this.#reference = this.#about.objectRef;
    this.#auditId = auditId ?? '';
    this.#user = user;
    this.#receivedMs = receivedMs;
  }

  /** Whether this much is to be recorded of a resource request. */
  wants(level: 'Request' | 'RequestResponse'): boolean {
    return this.#reference !== undefined && RANK[this.decision.level] >= RANK[level];
  }

  get verb(): string {
    return this.#about.verb;
  }

  get hasStatus(): boolean {
    return this.#status !== undefined;
  }

  addAuditAnnotation(key: string, value: string): void {
    if (!this.#annotations.has(key)) this.#annotations.set(key, value);
  }

  addRequestAnnotation(key: string, value: () => string): void {
    if (RANK[this.decision.level] >= RANK.Request) this.addAuditAnnotation(key, value());
  }

  impersonated(user: UserInfo, constraint: string): void {
    this.#impersonated = user;
    this.#constraint = constraint;
  }

  requestObject(object: object): void {
    if (!OBJECT_VERBS.has(this.#about.verb)) return;
    const { metadata } = object as { metadata?: AuditObjectReference };
    const known = this.#reference ?? {};
    this.#reference = {
      ...known,
      ...(!known.namespace && metadata?.namespace && { namespace: metadata.namespace }),
      ...(!known.name && metadata?.name && { name: metadata.name }),
      ...(metadata?.uid && { uid: metadata.uid }),
      ...(metadata?.resourceVersion && { resourceVersion: metadata.resourceVersion }),
    };
    // As text, since admission changes the object.
    if (this.wants('Request')) this.#requestObject = this.#encode(object);
  }

  /** The body as it was sent; an object that was decoded from it says more. */
  requestBody(parsed: unknown): void {
    this.#requestObject ??= this.#encode(parsed);
  }

  get hasRequestObject(): boolean {
    return this.#requestObject !== undefined;
  }

  /** The answer's JSON, on one line when it can be taken as it is. */
  responseJson(text: string): void {
    const mustParse = this.decision.omitManagedFields || text.includes('\n');
    this.#responseObject = mustParse ? this.#encode(parseExactJson(text)) : text;
  }

  responseObject(json: () => Buffer): void {
    if (this.wants('RequestResponse')) this.responseJson(json().toString('utf8').trim());
  }

  get hasResponseObject(): boolean {
    return this.#responseObject !== undefined;
  }

  responseCode(code: number): void {
    this.#status = { ...this.#status, code };
  }

  responseStatus(status: Status | StatusFields): void {
    const { status: outcome, message, reason, details, code } = status;
    this.#status = {
      ...(outcome && { status: outcome }),
      ...(message && { message }),
      ...(reason && { reason }),
      ...(details && Object.keys(details).length && { details }),
      code: code ?? this.#status?.code ?? 0,
    };
  }

  /** The event of a stage; undefined where the policy omits it. */
  event(stage: AuditStage, nowMs: number): AuditEvent | undefined {
    if (this.decision.omitStages.has(stage)) return undefined;
    return {
      ...this.#about,
      level: this.decision.level,
      auditID: this.#auditId,
      stage,
      user: this.#user,
      ...(this.#impersonated && { impersonatedUser: this.#impersonated }),
      ...(this.#constraint && { impersonationConstraint: this.#constraint }),
      ...(this.#reference && { objectRef: this.#reference }),
      ...(this.#status && { responseStatus: this.#status }),
      ...(this.#requestObject !== undefined && { requestObject: this.#requestObject }),
      ...(this.#responseObject !== undefined && { responseObject: this.#responseObject }),
      requestReceivedMs: this.#receivedMs,
      stageMs: stage === 'RequestReceived' ? this.#receivedMs : nowMs,
      annotations: new Map(this.#annotations),
    };
  }

  #encode(value: unknown): string | undefined {
    if (value === undefined) return undefined;
    return exactJsonText(this.decision.omitManagedFields ? withoutManagedFields(value) : value);
  }
}

type Holder = { metadata?: { managedFields?: unknown } | null; items?: unknown; rows?: unknown; object?: unknown };

/** A copy of an object, list or table in which nobody owns fields. */
export function withoutManagedFields(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const { metadata, items, rows, ...rest } = value as Holder;
  const strip = (inner: unknown) => (Array.isArray(inner) ? inner.map(withoutManagedFields) : inner);
  const stripRow = (row: Holder) => ({ ...row, ...(row?.object !== undefined && { object: withoutManagedFields(row.object) }) });
  const { kind, apiVersion, ...others } = rest as Record<string, unknown>;
  return {
    ...(kind !== undefined && { kind }),
    ...(apiVersion !== undefined && { apiVersion }),
    ...(metadata !== undefined && { metadata: metadata && { ...metadata, managedFields: undefined } }),
    ...others,
    ...(items !== undefined && { items: strip(items) }),
    ...(rows !== undefined && { rows: Array.isArray(rows) ? rows.map(stripRow) : rows }),
  };
}
