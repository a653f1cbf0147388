import { formatGoDuration } from '../../std/go-duration.ts';
import { KUBERNETES_MAJOR, KUBERNETES_MINOR } from '../../std/version.ts';
import { joinHostPort } from './probe-target.ts';

/*
 * grpc.health.v1 (https://github.com/grpc/grpc/blob/master/doc/health-checking.md). Both of its messages have one field, so they are
 * written and read by hand: HealthCheckRequest.service is string 1, HealthCheckResponse.status enum 1.
 */
const STATUS_NAMES = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];
const SERVING = 1;

export interface HealthCheck {
  readonly host: string;
  readonly port: number;
  readonly service: string;
  readonly timeoutMs: number;
  /** Milliseconds since the epoch. */
  readonly nowMs: number;
}

/** Undefined when the service is well; else why not, in upstream's words. */
export async function checkGrpcHealth({ host, port, service, timeoutMs, nowMs }: HealthCheck): Promise<string | undefined> {
  const { Client, credentials, status } = await import('@grpc/grpc-js'); // only for pods that are probed so: it is large
  const address = joinHostPort(host, port);
  const timeout = formatGoDuration(timeoutMs);
  const client = new Client(address, credentials.createInsecure(), {
    'grpc.primary_user_agent': `kube-probe/${KUBERNETES_MAJOR}.${KUBERNETES_MINOR}`,
    'grpc.enable_http_proxy': 0,
    // Each try has a connection of its own.
    'grpc.use_local_subchannel_pool': 1,
  });
  const deadline = new Date(nowMs + timeoutMs);
  try {
    try {
      await new Promise<void>((resolve, reject) => client.waitForReady(deadline, (error) => (error ? reject(error) : resolve())));
    } catch {
      return `timeout: failed to connect service "${address}" within ${timeout}: context deadline exceeded`;
    }
    const answer = await new Promise<number | Error>((resolve) => {
      client.makeUnaryRequest(
        '/grpc.health.v1.Health/Check',
        encodeRequest,
        decodeResponse,
        service,
        { deadline },
        (error, value) => resolve(error ?? value ?? new Error('empty answer')),
      );
    });
    if (typeof answer === 'number')
      return answer === SERVING ? undefined : `service unhealthy (responded with "${STATUS_NAMES[answer] ?? answer}")`;
    const { code, details } = answer as Error & { code?: number; details?: string };
    if (code === status.UNIMPLEMENTED)
      return `error: this server does not implement the grpc health protocol (grpc.health.v1.Health): ${details}`;
    if (code === status.DEADLINE_EXCEEDED) return `timeout: health rpc did not complete within ${timeout}`;
    const name = Object.entries(status).find(([, number]) => number === code)?.[0];
    return `error: health rpc probe failed: rpc error: code = ${goCode(name ?? 'UNKNOWN')} desc = ${details ?? answer.message}`;
  } finally {
    client.close();
  }
}

/** `NOT_FOUND` as Go prints it: `NotFound`. */
const goCode = (name: string) =>
  name
    .split('_')
    .map((word) => word[0] + word.slice(1).toLowerCase())
    .join('');

function encodeRequest(service: string): Buffer {
  const text = Buffer.from(service);
  if (text.length === 0) return text;
  return Buffer.concat([Buffer.from([0x0a, ...varint(text.length)]), text]);
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)];
}

/**
 * The status of a HealthCheckResponse; UNKNOWN (0) when it says none. Fields that are not known are passed over.
 *
 * @throws Error for bytes that are no message
 */
export function decodeResponse(bytes: Buffer): number {
  let at = 0;
  let found = 0;
  const number = () => {
    let value = 0;
    for (let shift = 0; shift < 64; shift += 7) {
      const byte = bytes[at++];
      if (byte === undefined) break;
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
    throw new Error('the answer is no message of the health protocol');
  };
  while (at < bytes.length) {
    const tag = number();
    const kind = tag & 7;
    if (kind === 0) {
      const value = number();
      if (tag >>> 3 === 1) found = value;
    } else if (kind === 1) at += 8;
    else if (kind === 2) {
      const length = number();
      at += length;
    } else if (kind === 5) at += 4;
    else throw new Error('the answer is no message of the health protocol');
    if (at > bytes.length) throw new Error('the answer is cut off');
  }
  return found;
}
