import { rm, stat } from 'node:fs/promises';
import { Server, ServerCredentials, type ServiceDefinition, status, type UntypedHandleCall } from '@grpc/grpc-js';
import { createMessageCodec } from './message-codec.ts';
import type { MessageSchemas } from './message-schema.ts';

/** What a call answers. What it rejects with is told as a status: `code` (a number) and `details`, else Unknown and the error's message. */
export type GrpcAnswer = (request: never, signal: AbortSignal) => unknown;

export interface GrpcMethod {
  /** Names of its messages. */
  readonly request: string;
  readonly response: string;
  readonly answer: GrpcAnswer;
  /** `answer` gives many messages: an async iterable. */
  readonly stream?: boolean;
}

export interface GrpcServerOptions {
  /** Whatever socket is there is replaced. */
  readonly socketPath: string;
  readonly messages: MessageSchemas;
  /** By `package.Service/Method`. */
  readonly methods: Readonly<Record<string, GrpcMethod>>;
  /** The largest message taken and sent. Default 4 MB, as Go's servers. */
  readonly messageLimitBytes?: number;
}

export interface GrpcServer {
  /** Ends calls that run, and takes the socket away. */
  stop(): Promise<void>;
}

const FOUR_MB = 4 * 1024 * 1024;

/** A gRPC server on a unix socket, without TLS. Rejects when it cannot listen there. */
export async function startGrpcServer(options: GrpcServerOptions): Promise<GrpcServer> {
  const { socketPath, messages, methods, messageLimitBytes = FOUR_MB } = options;
  const codec = createMessageCodec(messages);
  const server = new Server({
    'grpc.max_receive_message_length': messageLimitBytes,
    'grpc.max_send_message_length': messageLimitBytes,
  });
  for (const [path, { request, response, answer, stream = false }] of Object.entries(methods)) {
    const service: ServiceDefinition = {
      call: {
        path: `/${path}`,
        requestStream: false,
        responseStream: stream,
        requestSerialize: (value: unknown) => codec.encode(request, value as never),
        requestDeserialize: (bytes: Buffer) => codec.decode(request, bytes),
        responseSerialize: (value: unknown) => codec.encode(response, value as never),
        responseDeserialize: (bytes: Buffer) => codec.decode(response, bytes),
      },
    };
    server.addService(service, { call: stream ? streaming(answer) : unary(answer) });
  }
  await removeSocket(socketPath);
  await new Promise<void>((resolve, reject) =>
    server.bindAsync(`unix://${socketPath}`, ServerCredentials.createInsecure(), (error) => (error ? reject(error) : resolve())),
  );
  return {
    async stop() {
      server.forceShutdown();
      await removeSocket(socketPath);
    },
  };
}

async function removeSocket(path: string): Promise<void> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (found?.isSocket()) await rm(path, { force: true });
}

function unary(answer: GrpcAnswer): UntypedHandleCall {
  return ((call: Cancellable, callback: (error: unknown, value?: unknown) => void) => {
    Promise.resolve()
      .then(() => answer(call.request as never, signalOf(call)))
      .then(
        (value) => callback(null, value ?? {}),
        (error: unknown) => callback(statusOf(error)),
      );
  }) as UntypedHandleCall;
}

function streaming(answer: GrpcAnswer): UntypedHandleCall {
  return ((call: Cancellable & { write(value: unknown): void; end(): void; emit(name: string, value: unknown): void }) => {
    const send = async () => {
      for await (const value of answer(call.request as never, signalOf(call)) as AsyncIterable<unknown>) call.write(value);
      call.end();
    };
    send().catch((error: unknown) => call.emit('error', statusOf(error)));
  }) as unknown as UntypedHandleCall;
}

interface Cancellable {
  readonly request: unknown;
  on(name: 'cancelled', listener: () => void): void;
}

function signalOf(call: Cancellable): AbortSignal {
  const controller = new AbortController();
  call.on('cancelled', () => controller.abort());
  return controller.signal;
}

function statusOf(error: unknown): { code: number; details: string } {
  const { code, details, message } = error as { code?: unknown; details?: unknown; message?: unknown };
  const known = typeof code === 'number' && typeof details === 'string';
  return known ? { code, details } : { code: status.UNKNOWN, details: typeof message === 'string' ? message : 'unknown error' };
}
