import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Server, ServerCredentials, type ServiceDefinition, type UntypedHandleCall } from '@grpc/grpc-js';
import { createMessageCodec } from './message-codec.ts';
import type { MessageSchemas } from './message-schema.ts';

/** What a call of a test's service answers; rejecting with `{ code, details }` makes a gRPC status of it. */
export type GrpcAnswer = (request: never, signal: AbortSignal) => unknown;

export interface GrpcServiceOptions {
  readonly messages: MessageSchemas;
  /** By `package.Service/Method`: the names of its messages and what it answers; `stream` answers many messages. */
  readonly methods: Readonly<
    Record<
      string,
      { readonly request: string; readonly response: string; readonly answer: GrpcAnswer; readonly stream?: boolean }
    >
  >;
}

export interface GrpcService extends AsyncDisposable {
  /** `unix:///tmp/…` */
  readonly endpoint: string;
  stop(): Promise<void>;
  start(): Promise<void>;
}

/** A gRPC server on a unix socket of its own, for tests of clients. */
export async function startGrpcService({ messages, methods }: GrpcServiceOptions): Promise<GrpcService> {
  const codec = createMessageCodec(messages);
  const socket = join(tmpdir(), `muster-grpc-${randomBytes(6).toString('hex')}.sock`);
  let server: Server;

  const stop = () =>
    new Promise<void>((resolve) => {
      server.forceShutdown();
      rmSync(socket, { force: true });
      setImmediate(resolve);
    });
  const start = async () => {
    server = new Server({ 'grpc.max_receive_message_length': 32 << 20, 'grpc.max_send_message_length': 32 << 20 });
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
    await new Promise<void>((resolve, reject) =>
      server.bindAsync(`unix://${socket}`, ServerCredentials.createInsecure(), (error) => (error ? reject(error) : resolve())),
    );
  };
  await start();
  return { endpoint: `unix://${socket}`, start, stop, [Symbol.asyncDispose]: stop };
}

function unary(answer: GrpcAnswer): UntypedHandleCall {
  return ((call: Cancellable, callback: (error: unknown, value?: unknown) => void) => {
    Promise.resolve()
      .then(() => answer(call.request as never, signalOf(call)))
      .then(
        (value) => callback(null, value ?? {}),
        (error: unknown) => callback(error),
      );
  }) as UntypedHandleCall;
}

function streaming(answer: GrpcAnswer): UntypedHandleCall {
  return ((call: Cancellable & { write(value: unknown): void; end(): void; emit(name: string, value: unknown): void }) => {
    const send = async () => {
      for await (const value of answer(call.request as never, signalOf(call)) as AsyncIterable<unknown>) call.write(value);
      call.end();
    };
    send().catch((error: unknown) => call.emit('error', error));
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
