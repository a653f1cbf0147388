import { isIP } from 'node:net';
import { checkServerIdentity } from 'node:tls';
import {
  type ChannelCredentials,
  Client,
  type ClientDuplexStream,
  credentials,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
import { GrpcError, grpcStatusName } from './grpc-error.ts';

export interface GrpcChannelOptions {
  /** `unix:///run/containerd/containerd.sock`, or `host:port`. */
  readonly target: string;
  /** Absent: without TLS. */
  readonly tls?: GrpcTls;
  /** The peer is asked whether it is there when a running call has brought nothing for so long. Default: never. */
  readonly keepalive?: { readonly timeMs: number; readonly timeoutMs: number };
  /** The largest message taken and sent. Default 16 MB. */
  readonly messageLimitBytes?: number;
  readonly userAgent?: string;
}

export interface GrpcTls {
  /** Who the peer's certificate must be from; absent: one of the authorities that Node knows. */
  readonly caPem?: string;
  /** What is shown to the peer. */
  readonly client?: { readonly certificatePem: string; readonly privateKeyPem: string };
}

/** A call that streams both ways, for as long as both sides like. */
export interface GrpcDuplex {
  send(message: Buffer): void;
  /** What the peer sends, until it ends the stream; a `GrpcError` otherwise. To be read once. Leaving the loop cancels the call. */
  readonly messages: AsyncGenerator<Buffer, void, undefined>;
  cancel(): void;
}

export interface CallOptions {
  /** Absent: no limit. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

/** One gRPC peer. It connects with the first call and again, with growing pauses up to 3 s, whenever the connection was lost. */
export interface GrpcChannel {
  /** `path` is `/package.Service/Method`. Rejects with a `GrpcError`. */
  unary(path: string, request: Buffer, options?: CallOptions): Promise<Buffer>;
  /** Messages of the server until it ends the stream; ends with a `GrpcError` otherwise. Leaving the loop cancels the call. */
  stream(path: string, request: Buffer, options?: CallOptions): AsyncGenerator<Buffer, void, undefined>;
  /** A call that streams both ways: resolves with all that was answered to the messages sent. */
  exchange(path: string, requests: readonly Buffer[], options?: CallOptions): Promise<readonly Buffer[]>;
  /** Begins a call of which nobody knows the end yet. What a failed beginning says is told by `messages`. */
  duplex(path: string, options?: Pick<CallOptions, 'metadata'>): GrpcDuplex;
  close(): void;
}

const SIXTEEN_MB = 16 * 1024 * 1024;

/** Opens no connection yet. */
export function createGrpcChannel(options: GrpcChannelOptions): GrpcChannel {
  const limit = options.messageLimitBytes ?? SIXTEEN_MB;
  const { tls, keepalive } = options;
  const client = new Client(options.target, tls ? tlsCredentials(tls, hostOf(options.target)) : credentials.createInsecure(), {
    'grpc.max_receive_message_length': limit,
    'grpc.max_send_message_length': limit,
    // As upstream's kubelet dials its runtime.
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 3000,
    ...(!tls && { 'grpc.default_authority': 'localhost' }),
    // TLS has no way to ask for an address (RFC 6066, section 3); whose the certificate must be is checked below all the same.
    ...(tls && isIP(hostOf(options.target)) > 0 && { 'grpc.ssl_target_name_override': 'localhost' }),
    ...(keepalive && { 'grpc.keepalive_time_ms': keepalive.timeMs, 'grpc.keepalive_timeout_ms': keepalive.timeoutMs }),
    'grpc.enable_retries': 0,
    'grpc.enable_http_proxy': 0,
    'grpc.service_config_disable_resolution': 1,
    // Channels of one process share nothing.
    'grpc.use_local_subchannel_pool': 1,
    'grpc.enable_channelz': 0,
    ...(options.userAgent && { 'grpc.primary_user_agent': options.userAgent }),
  });
  return {
    unary(path, request, { timeoutMs, signal, metadata } = {}) {
      return new Promise((resolve, reject) => {
        if (signal?.aborted) {
          reject(canceled(signal));
          return;
        }
        const call = client.makeUnaryRequest(
          path,
          asIs,
          asIs,
          request,
          metadataOf(metadata),
          deadlineOf(timeoutMs),
          (error, answer) => {
            signal?.removeEventListener('abort', cancel);
            if (error) reject(toGrpcError(error));
            else resolve(answer!);
          },
        );
        const cancel = () => call.cancel();
        signal?.addEventListener('abort', cancel, { once: true });
      });
    },
    async *stream(path, request, { timeoutMs, signal, metadata } = {}) {
      if (signal?.aborted) throw canceled(signal);
      const call = client.makeServerStreamRequest(path, asIs, asIs, request, metadataOf(metadata), deadlineOf(timeoutMs));
      const cancel = () => call.cancel();
      signal?.addEventListener('abort', cancel, { once: true });
      try {
        for await (const message of call) yield message as Buffer;
      } catch (error) {
        throw toGrpcError(error as ServiceError);
      } finally {
        signal?.removeEventListener('abort', cancel);
        call.cancel();
      }
    },
    exchange(path, requests, { timeoutMs, signal, metadata } = {}) {
      return new Promise((resolve, reject) => {
        const call = client.makeBidiStreamRequest(path, asIs, asIs, metadataOf(metadata), deadlineOf(timeoutMs));
        const answers: Buffer[] = [];
        const cancel = () => call.cancel();
        signal?.addEventListener('abort', cancel, { once: true });
        call.on('data', (answer: Buffer) => answers.push(answer));
        call.once('error', (error) => {
          signal?.removeEventListener('abort', cancel);
          reject(toGrpcError(error as ServiceError));
        });
        call.once('end', () => {
          signal?.removeEventListener('abort', cancel);
          resolve(answers);
        });
        for (const request of requests) call.write(request);
        call.end();
      });
    },
    duplex(path, { metadata } = {}) {
      const call = client.makeBidiStreamRequest(path, asIs, asIs, metadataOf(metadata));
      // Who cancels before reading wants to hear of nothing.
      call.on('error', () => undefined);
      return { send: (message) => void call.write(message), messages: messagesOf(call), cancel: () => call.cancel() };
    },
    close: () => client.close(),
  };
}

async function* messagesOf(call: ClientDuplexStream<Buffer, Buffer>): AsyncGenerator<Buffer, void, undefined> {
  try {
    for await (const message of call) yield message as Buffer;
  } catch (error) {
    throw toGrpcError(error as ServiceError);
  } finally {
    call.cancel();
  }
}

function tlsCredentials({ caPem, client }: GrpcTls, host: string): ChannelCredentials {
  const buffer = (pem: string | undefined) => (pem === undefined ? null : Buffer.from(pem));
  return credentials.createSsl(buffer(caPem), buffer(client?.privateKeyPem), buffer(client?.certificatePem), {
    checkServerIdentity: (_name, certificate) => checkServerIdentity(host, certificate),
  });
}

/** `::1` of `[::1]:2379`. */
const hostOf = (target: string) => target.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');

function deadlineOf(timeoutMs: number | undefined): { deadline?: number } {
  return timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs };
}

function metadataOf(entries: Readonly<Record<string, string>> | undefined): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(entries ?? {})) metadata.set(name, value);
  return metadata;
}

function asIs(bytes: Buffer): Buffer {
  return bytes;
}

function canceled(signal: AbortSignal): GrpcError {
  return new GrpcError('Canceled', 'context canceled', signal.reason);
}

/** What the library says of its own accord is said in the words that users know from Go. */
function toGrpcError(error: ServiceError): GrpcError {
  const { code, details = error.message } = error;
  const status = typeof code === 'number' ? grpcStatusName(code) : 'Unknown';
  if (status === 'DeadlineExceeded' && details.startsWith('Deadline exceeded'))
    return new GrpcError(status, 'context deadline exceeded', error);
  if (status === 'Canceled' && details === 'Cancelled on client') return new GrpcError(status, 'context canceled', error);
  const dialing = /^No connection established\. Last error: (?:Error: )?(.*?)(?:\. Resolution note:.*)?$/.exec(details);
  if (dialing)
    return new GrpcError(status, `connection error: desc = "transport: Error while dialing: ${dialFailure(dialing[1]!)}"`, error);
  return new GrpcError(status, details, error);
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  ECONNREFUSED: 'connection refused',
  EACCES: 'permission denied',
};

/** `connect ENOENT /run/x.sock` as Go says it. */
function dialFailure(words: string): string {
  const [, code = '', address = ''] = /^connect (E\w+) (\S+)/.exec(words) ?? [];
  const reason = REASONS[code];
  return reason === undefined ? words : `dial ${address.startsWith('/') ? 'unix' : 'tcp'} ${address}: connect: ${reason}`;
}
