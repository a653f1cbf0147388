import { StatusError } from '../../api/machinery/status-error.ts';
import type { Clock } from '../../std/clock.ts';
import { StoreError } from '../../store/store.ts';
import { attributesOf } from '../authorization/authorization-filter.ts';
import { quote } from '../authorization/forbidden.ts';
import type { Filter, Handler, RequestContext, RequestInfo } from '../contracts.ts';
import { isLongRunning } from '../filters/long-running.ts';
import type { IncomingRequest, OutgoingResponse } from '../request/incoming-request.ts';
import { sendText, statusOf } from '../response/send.ts';
import type { AuditBackend } from './audit-backend.ts';
import type { AuditMetrics } from './audit-metrics.ts';
import type { AuditPolicy, AuditStage } from './audit-policy.ts';
import { AuditedRequest, AuditedResponse } from './audited-exchange.ts';
import { RequestRecord } from './request-record.ts';

export interface AuditFilterDeps {
  readonly policy: AuditPolicy;
  readonly backend: AuditBackend;
  readonly metrics: AuditMetrics;
  readonly clock: Clock;
}

export interface AuditFilters {
  /** Stands right behind authentication. */
  readonly requests: Filter;
  /** Stands around authentication: records those whom nobody knows. */
  readonly failedAuthentication: Filter;
}

/** Whoever it was, it is not known: not even that it is nobody (`system:anonymous`). */
const NOBODY = { name: '', groups: [] };

const CLOSED_EARLY = { status: 'Success', message: 'Connection closed early', code: 200 } as const;

/** Records requests as the policy wants it (apiserver/pkg/endpoints/filters/audit.go, authn_audit.go). */
export function createAuditFilters(deps: AuditFilterDeps): AuditFilters {
  const { policy, backend, metrics, clock } = deps;
  const authenticated = new WeakSet<RequestContext>();

  const send = async (record: RequestRecord, stage: AuditStage): Promise<boolean> => {
    const event = record.event(stage, clock.now());
    if (!event) return true;
    metrics.recorded();
    return backend.process([event]);
  };
  const begin = (context: RequestContext): RequestRecord | undefined => {
    const decision = policy.decide(attributesOf(context));
    metrics.level(decision.level);
    return decision.level === 'None' ? undefined : new RequestRecord(context, decision, clock.now());
  };

  const requests: Filter = (next) => async (context, response) => {
    authenticated.add(context);
    const record = begin(context);
    if (!record) return next(context, response);
    if (!(await send(record, 'RequestReceived'))) {
      metrics.rejected();
      const { uri, path } = context.request;
      return sendText(response, 500, `Internal Server Error: ${quote(uri ?? path)}: failed to store audit event\n`);
    }
    const longRunning = isLongRunning(context.info);
    // What a watch has begun to send cannot wait for the log; events go there in order all the same.
    const started = longRunning ? send.bind(undefined, record, 'ResponseStarted') : undefined;
    const audited = new AuditedResponse(response, record, () => void started?.());
    const request = readsBody(context.info) && record.wants('Request') ? new AuditedRequest(context.request) : undefined;
    context.audit = record;
    const stage = await run(next, request ? { ...context, request } : context, audited, record);
    try {
      await request?.note(record);
      await audited.note();
      if (stage.stage === 'ResponseComplete' && !record.hasStatus) {
        const { status } = response as OutgoingResponse; // of an answer that was given past the handler: its time was up
        if (status) record.responseCode(status);
        else record.responseStatus(CLOSED_EARLY);
        await started?.();
      }
      await send(record, stage.stage);
    } finally {
      audited.release();
    }
    if ('error' in stage) throw stage.error;
  };

  const failedAuthentication: Filter = (next) => async (context, response) => {
    try {
      await next(context, response);
    } catch (error) {
      if (!authenticated.has(context) && error instanceof StatusError && error.code === 401) {
        const record = begin({ ...context, user: NOBODY });
        if (record) {
          record.responseStatus({ message: attemptedMethods(context), code: 401 });
          await send(record, 'ResponseStarted');
        }
      }
      throw error;
    }
  };
  return { requests, failedAuthentication };
}

type End = { readonly stage: AuditStage } | { readonly stage: AuditStage; readonly error: unknown };

async function run(next: Handler, context: RequestContext, response: AuditedResponse, record: RequestRecord): Promise<End> {
  try {
    await next(context, response);
    return { stage: 'ResponseComplete' };
  } catch (error) {
    const expected = error instanceof StatusError || error instanceof StoreError;
    if (expected) {
      const { status } = statusOf(error);
      if (!response.started) record.responseStatus(status);
      if (record.wants('RequestResponse')) record.responseJson(JSON.stringify(status));
      return { stage: 'ResponseComplete', error };
    }
    if (context.request.signal.aborted) return { stage: 'ResponseComplete', error };
    const message = `APIServer panic'd: ${error instanceof Error ? error.message : String(error)}`;
    record.responseStatus({ status: 'Failure', message, reason: 'InternalError', code: 500 });
    return { stage: 'Panic', error };
  }
}

const WITH_BODY: ReadonlySet<string> = new Set(['create', 'update', 'patch', 'delete', 'deletecollection']);

const readsBody = ({ isResourceRequest, verb }: RequestInfo) => isResourceRequest && WITH_BODY.has(verb);

/** Which kinds of credentials were shown, never the credentials. */
function attemptedMethods({ request }: RequestContext): string {
  const [scheme, rest] = (request.headers['authorization'] ?? '').trim().split(/\s+/);
  const methods: string[] = [];
  if (scheme?.toLowerCase() === 'basic' && rest) methods.push('basic');
  if (scheme?.toLowerCase() === 'bearer' && rest) methods.push('bearer');
  if (request.query.get('access_token')?.trim()) methods.push('access_token');
  if (request.peerCertificate ?? (request as IncomingRequest).peerCertificateError) methods.push('x509');
  return methods.length
    ? `Authentication failed, attempted: ${methods.join(', ')}`
    : 'Authentication failed, no credentials provided';
}
