/** What a reader of a container's log asks for (core/v1 PodLogOptions). */
import { forbiddenField, invalidField, notSupportedField, WHOLE_OBJECT } from '../../api/machinery/field-error.ts';
import { badRequest, type FieldError, invalid } from '../../api/machinery/status-error.ts';
import { readFlag } from './connect-options.ts';

export interface LogOptions {
  readonly container: string;
  readonly follow: boolean;
  readonly previous: boolean;
  readonly timestamps: boolean;
  readonly insecureSkipTLSVerifyBackend: boolean;
  readonly sinceSeconds?: bigint;
  readonly sinceTime?: Date;
  readonly tailLines?: bigint;
  readonly limitBytes?: bigint;
  readonly stream: string;
}

const STREAMS = ['All', 'Stderr', 'Stdout'];
const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;
const LARGEST = 2n ** 63n - 1n;

function integer(query: URLSearchParams, name: string): bigint | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  const problem = (what: string) => badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: ${what}`);
  if (!/^[+-]?\d{1,100}$/.test(text)) throw problem('invalid syntax');
  const value = BigInt(text.replace('+', ''));
  if (value > LARGEST || value < -LARGEST - 1n) throw problem('value out of range');
  return value;
}

function time(text: string | null): Date | undefined {
  if (!text || text === 'null') return undefined;
  const at = new Date(text);
  if (RFC3339.test(text) && !Number.isNaN(at.getTime())) return at;
  const shown = JSON.stringify(text);
  throw badRequest(`parsing time ${shown} as "2006-01-02T15:04:05Z07:00": cannot parse ${shown} as "2006"`);
}

/**
 * Reads and checks them (ValidatePodLogOptions).
 *
 * @throws StatusError 400 for values of wrong types, 422 for those that make no sense
 */
export function readLogOptions(query: URLSearchParams, podName: string): LogOptions {
  const sinceSeconds = integer(query, 'sinceSeconds');
  const sinceTime = time(query.get('sinceTime'));
  const tailLines = integer(query, 'tailLines');
  const limitBytes = integer(query, 'limitBytes');
  const options: LogOptions = {
    container: query.get('container') ?? '',
    follow: readFlag(query, 'follow'),
    previous: readFlag(query, 'previous'),
    timestamps: readFlag(query, 'timestamps'),
    insecureSkipTLSVerifyBackend: readFlag(query, 'insecureSkipTLSVerifyBackend'),
    ...(sinceSeconds !== undefined && { sinceSeconds }),
    ...(sinceTime && { sinceTime }),
    ...(tailLines !== undefined && { tailLines }),
    ...(limitBytes !== undefined && { limitBytes }),
    stream: query.get('stream') || 'All',
  };
  const errors = checkLogOptions(options);
  if (errors.length) throw invalid({ group: '', kind: 'PodLogOptions' }, podName, errors);
  return options;
}

function checkLogOptions({ tailLines, limitBytes, sinceSeconds, sinceTime, stream }: LogOptions): FieldError[] {
  const errors: FieldError[] = [];
  if (tailLines !== undefined && tailLines < 0n)
    errors.push(invalidField('tailLines', Number(tailLines), 'must be greater than or equal to 0'));
  if (limitBytes !== undefined && limitBytes < 1n)
    errors.push(invalidField('limitBytes', Number(limitBytes), 'must be greater than 0'));
  if (sinceSeconds !== undefined && sinceTime)
    errors.push(forbiddenField(WHOLE_OBJECT, 'at most one of `sinceTime` or `sinceSeconds` may be specified'));
  else if (sinceSeconds !== undefined && sinceSeconds < 1n)
    errors.push(invalidField('sinceSeconds', Number(sinceSeconds), 'must be greater than 0'));
  if (!STREAMS.includes(stream)) errors.push(notSupportedField('stream', stream, STREAMS));
  else if (stream !== 'All' && tailLines !== undefined)
    errors.push(forbiddenField(WHOLE_OBJECT, '`tailLines` and specific `stream` are mutually exclusive for now'));
  return errors;
}

/** The query that a kubelet takes, its names in order (registry/core/pod/strategy.go, LogLocation). */
export function kubeletLogQuery(options: LogOptions): string {
  const { follow, limitBytes, previous, sinceSeconds, sinceTime, stream, tailLines, timestamps } = options;
  const query = new URLSearchParams({
    ...(follow && { follow: 'true' }),
    ...(limitBytes !== undefined && { limitBytes: String(limitBytes) }),
    ...(previous && { previous: 'true' }),
    ...(sinceSeconds !== undefined && { sinceSeconds: String(sinceSeconds) }),
    ...(sinceTime && { sinceTime: sinceTime.toISOString().replace(/\.\d+Z$/, 'Z') }),
    // Kubelets before 1.32 do not know it.
    ...(stream !== 'All' && { stream }),
    ...(tailLines !== undefined && { tailLines: String(tailLines) }),
    ...(timestamps && { timestamps: 'true' }),
  });
  return query.size ? `?${query}` : '';
}
