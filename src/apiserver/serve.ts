import { randomUUID } from 'node:crypto';
import { StatusError, serviceUnavailable } from '../api/machinery/status-error.ts';
import type { Logger } from '../std/logger.ts';
import type { Handler, RequestContext, RequestInfo, UserInfo } from './contracts.ts';
import { askedTimeoutMs } from './filters/asked-timeout.ts';
import { isLongRunning } from './filters/long-running.ts';
import type { RunningRequests } from './filters/running-requests.ts';
import type { ServerMetrics } from './metrics/server-metrics.ts';
import type { IncomingRequest, OutgoingResponse } from './request/incoming-request.ts';
import { parseRequestInfo } from './request/request-info.ts';
import { sendError, sendText, statusOf } from './response/send.ts';

export interface ServeDeps {
  /** All filters and what they lead to. */
  readonly chain: Handler;
  readonly running: RunningRequests;
  readonly metrics: ServerMetrics;
  /** Whether a request is for something that this server has: others share one series. */
  readonly isKnown: (info: RequestInfo) => boolean;
  readonly logger: Logger;
  /** Whether who comes after the server's last request is told to come back (`--shutdown-send-retry-after`), and not that it stops. */
  readonly shutdownSendRetryAfter?: boolean | undefined;
  /** Sent along with every answer. */
  readonly strictTransportSecurity?: string | undefined;
}

const WRITES: ReadonlySet<string> = new Set(['create', 'update', 'patch', 'delete', 'deletecollection']);

const NOBODY: UserInfo = { name: '', groups: [] };

/**
 * The outermost layer: reads what a request is about, runs it through the chain, turns every failure into a Status, ends it when its
 * time is up, and counts it. Never rejects.
 */
export function createServe(
  deps: ServeDeps,
): (request: IncomingRequest, response: OutgoingResponse, user?: UserInfo) => Promise<void> {
  const { chain, running, metrics, isKnown, logger, strictTransportSecurity, shutdownSendRetryAfter = false } = deps;
  return async (request, response, user = NOBODY) => {
    const startMs = performance.now();
    const warnings: string[] = [];
    response.warnings = warnings;
    // Who sent the request on to us has named it already; everybody hears the name.
    const auditId = request.headers['audit-id'] || randomUUID();
    const answerHeaders = response.standingHeaders;
    answerHeaders['audit-id'] = auditId;
    if (strictTransportSecurity !== undefined) answerHeaders['strict-transport-security'] = strictTransportSecurity;
    let info: RequestInfo = NO_INFO;
    let context: RequestContext = { request, info, user, warnings, auditId, answerHeaders };
    let end: (() => void) | undefined;
    let disconnected: (() => void) | undefined;
    try {
      info = parseRequestInfo(request);
      const lasting = isLongRunning(info) || request.takeOver !== undefined;
      const withinMs = lasting ? undefined : askedTimeoutMs(request.query);
      const deadline = lasting ? undefined : { deadlineMs: startMs + running.allowedMs(withinMs) };
      const known: RequestContext = { request, info, user, warnings, auditId, answerHeaders, ...deadline };
      context = known;
      const late = running.draining;
      const exempt = late && isExempt(request);
      if (late && !exempt) return refuseLate(answerHeaders, response, shutdownSendRetryAfter);
      const fail = (error: Error) => failFromOutside(known, request, response, error);
      if (lasting && isKnown(info)) disconnected = metrics.beginConnection(info);
      if (!exempt)
        end = running.begin(lasting, fail, withinMs, info.isResourceRequest && WRITES.has(info.verb), info.verb === 'watch');
      await chain(context, response);
    } catch (error) {
      // Who goes away in the midst of an answer has aborted it himself.
      if (response.headersSent && (error instanceof StatusError || !request.signal.aborted))
        metrics.noteAbort(info, isKnown(info));
      await answerFailure(context, response, error, logger);
    } finally {
      end?.();
      disconnected?.();
      const dryRun = request.query.has('dryRun');
      metrics.observe({
        info,
        known: isKnown(info),
        status: response.status,
        dryRun,
        seconds: (performance.now() - startMs) / 1000,
        waitedSeconds: context.waitedMs && context.waitedMs / 1000,
        bytes: response.contentLength,
      });
    }
  };
}

const NO_INFO: RequestInfo = {
  isResourceRequest: false,
  verb: '',
  path: '',
  group: '',
  version: '',
  namespace: '',
  resource: '',
  subresource: '',
  name: '',
};

async function answerFailure(context: RequestContext, response: OutgoingResponse, error: unknown, logger: Logger): Promise<void> {
  const { request } = context;
  const status = statusOf(error);
  if (!(error instanceof StatusError) && !request.signal.aborted)
    logger.error('request failed', {
      method: request.method,
      path: request.path,
      error: error instanceof Error ? error.stack : error,
    });
  if (response.headersSent) {
    response.destroy(); // half an answer must not look whole
    return;
  }
  try {
    await sendError(context, response, status);
  } catch (cause) {
    logger.error('cannot send an error', { path: request.path, error: cause });
    response.destroy();
  }
}

/** The request's time is up, or the server stops: whoever works on it hears of it, and its client gets an answer. */
function failFromOutside(context: RequestContext, request: IncomingRequest, response: OutgoingResponse, error: Error): void {
  if (!response.headersSent && error instanceof StatusError) void sendError(context, response, error);
  else if (!response.headersSent) void sendError(context, response, shuttingDown());
  request.abort(error);
}

const shuttingDown = () => serviceUnavailable('apiserver is shutting down');

const LATE_PATHS = ['/readyz', '/livez', '/healthz', '/metrics'];

/** Who watches the server is answered to its end (apiserver/pkg/server/filters/with_retry_after.go). */
const isExempt = ({ path, headers }: IncomingRequest) =>
  LATE_PATHS.some((prefix) => path.startsWith(prefix)) || (headers['user-agent']?.startsWith('kube-apiserver/') ?? false);

/** Another server may be there at once: clients shall not come back on this connection. */
function refuseLate(answerHeaders: Record<string, string>, response: OutgoingResponse, comeBack: boolean): void {
  answerHeaders['retry-after'] = comeBack ? '5' : '1';
  if (response.leaveConnection) response.leaveConnection();
  else answerHeaders['connection'] = 'close';
  if (!comeBack) throw shuttingDown();
  sendText(response, 429, 'The apiserver is shutting down, please try again later.\n');
}
