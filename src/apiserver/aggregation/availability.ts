import { type ApiServiceCondition, AVAILABLE, apiServiceKind } from '../../api/apiregistration/v1/api-service.ts';
import type { V1APIService } from '../../api/gen/types.ts';
import { isJsonMap } from '../../api/machinery/clone.ts';
import { formatTime } from '../../api/machinery/object.ts';
import { isStatus } from '../../api/machinery/status-error.ts';
import type { Clock } from '../../std/clock.ts';
import type { Logger } from '../../std/logger.ts';
import type { ObjectReader, ObjectWriter } from '../contracts.ts';
import { readText } from '../outgoing/webhook-client.ts';
import type { ExtensionConnections } from './extension-connections.ts';
import { identityHeaders } from './request-headers.ts';
import { type ServiceReference, UnresolvedService } from './service-resolver.ts';

const CHECK_TIMEOUT_MS = 5_000;

/** Whom the checks come from, as upstream. */
const CHECKER = identityHeaders({ name: 'system:kube-aggregator', groups: ['system:masters'] });

/** What an extension server says of a group version (meta/v1 APIResourceList). */
export interface ResourceListDocument {
  readonly resources?: readonly (Readonly<Record<string, unknown>> & { readonly name: string })[];
}

export interface AvailabilityDeps {
  readonly reader: ObjectReader;
  readonly writer: ObjectWriter;
  readonly resolve: (service: ServiceReference) => string;
  readonly connections: ExtensionConnections;
  readonly clock: Clock;
  readonly logger: Logger;
}

const DOCUMENT_LIMIT_BYTES = 4 * 1024 * 1024;

interface Finding extends Pick<ApiServiceCondition, 'status' | 'reason' | 'message'> {
  /** What it serves, when it said so. */
  readonly document?: ResourceListDocument;
}

/** Asks an extension server for what it serves, and says what came of it (kube-aggregator/pkg/controllers/status/remote). */
export async function checkAvailability(
  service: V1APIService,
  { resolve, connections }: Pick<AvailabilityDeps, 'resolve' | 'connections'>,
): Promise<Finding> {
  const { spec } = service;
  if (!spec?.service) return { status: 'True', reason: 'Local', message: 'Local APIServices are always available' };
  let url: string;
  try {
    url = resolve(referenceOf(service)!);
  } catch (error) {
    if (error instanceof UnresolvedService) return { status: 'False', reason: error.reason, message: error.message };
    throw error;
  }
  const path = `/apis/${spec.group}/${spec.version}`;
  try {
    const signal = AbortSignal.timeout(CHECK_TIMEOUT_MS);
    const answer = await connections
      .to(url, spec)
      .request({ method: 'GET', path, headers: {}, repeatedHeaders: CHECKER, signal });
    const text = await readText(answer, DOCUMENT_LIMIT_BYTES);
    if (answer.status < 200 || answer.status > 299) throw new Error(`bad status from ${url}${path}: ${answer.status}`);
    return { status: 'True', reason: 'Passed', message: 'all checks passed', ...readDocument(text) };
  } catch (error) {
    const message = `failing or missing response from ${url}${path}: ${(error as Error).message}`;
    return { status: 'False', reason: 'FailedDiscoveryCheck', message };
  }
}

/** Any answer proves that the server is there; only one that can be read tells what it serves. */
function readDocument(text: string): { readonly document?: ResourceListDocument } {
  try {
    const document = readResourceList(JSON.parse(text));
    return document ? { document } : {};
  } catch {
    return {};
  }
}

/** What can be read as an APIResourceList, with those of its resources that are some. */
export function readResourceList(json: unknown): ResourceListDocument | undefined {
  if (!isJsonMap(json) || !Array.isArray(json['resources'])) return undefined;
  const resources = json['resources'].filter(
    (each) => isJsonMap(each) && typeof each['name'] === 'string' && typeof each['kind'] === 'string',
  );
  return { resources: resources as NonNullable<ResourceListDocument['resources']> };
}

export function referenceOf({ spec }: V1APIService): ServiceReference | undefined {
  const service = spec?.service;
  return service && { namespace: service.namespace ?? '', name: service.name ?? '', port: service.port ?? 443 };
}

/** Checks one APIService and writes what has changed. Returns what the server says that it serves. */
export async function updateAvailability(name: string, deps: AvailabilityDeps): Promise<ResourceListDocument | undefined> {
  const { reader, writer, clock, logger } = deps;
  const service = reader.get(apiServiceKind, '', name) as V1APIService | undefined;
  if (!service?.spec) return undefined;
  const finding = await checkAvailability(service, deps);
  const { status: available, reason, message } = finding;
  const before = service.status?.conditions?.find(({ type }) => type === AVAILABLE);
  if (before && before.status === finding.status && before.reason === finding.reason && before.message === finding.message)
    return finding.document;
  const sameStatus = before?.status === finding.status && before.lastTransitionTime;
  const lastTransitionTime = sameStatus || formatTime(clock.now());
  logger.info('APIService availability changed', { name, status: finding.status, reason: finding.reason });
  try {
    await writer.modify(
      apiServiceKind,
      '',
      name,
      (existing) => {
        const { status } = existing as V1APIService;
        const others = (status?.conditions ?? []).filter(({ type }) => type !== AVAILABLE);
        existing['status'] = {
          ...status,
          conditions: [...others, { type: AVAILABLE, status: available, reason, message, lastTransitionTime }],
        };
        return existing;
      },
      'status',
    );
  } catch (error) {
    if (!isStatus(error, 'NotFound')) throw error; // deleted meanwhile
  }
  return finding.document;
}
