import { type CallOptions, createGrpcChannel, type GrpcChannel } from '../../../../std/grpc/grpc-channel.ts';
import { createMessageCodec } from '../../../../std/grpc/message-codec.ts';
import type { Message, MessageInput } from '../../../../std/grpc/message-schema.ts';
import { CONTAINER_MESSAGES } from './container-messages.ts';
import { IMAGE_MESSAGES } from './image-messages.ts';
import { RUNTIME_MESSAGES } from './runtime-messages.ts';
import { SANDBOX_MESSAGES } from './sandbox-messages.ts';

export const CRI_MESSAGES = { ...SANDBOX_MESSAGES, ...CONTAINER_MESSAGES, ...IMAGE_MESSAGES, ...RUNTIME_MESSAGES } as const;

export type CriMessages = typeof CRI_MESSAGES;
export type CriMessage<Name extends keyof CriMessages> = Message<CriMessages, Name>;
export type CriInput<Name extends keyof CriMessages> = MessageInput<CriMessages, Name>;

/** Calls whose messages are named after them: `XRequest` and `XResponse`. */
type UnaryCall = {
  [Name in keyof CriMessages]: Name extends `${infer Call}Request`
    ? `${Call}Response` extends keyof CriMessages
      ? Call
      : never
    : never;
}[keyof CriMessages];

type RequestOf<Call extends UnaryCall> = `${Call}Request` & keyof CriMessages;
type ResponseOf<Call extends UnaryCall> = `${Call}Response` & keyof CriMessages;

export interface CriClient {
  /** Rejects with a `GrpcError`. Without options, the call has the client's own time limit. */
  call<Call extends UnaryCall>(
    call: Call,
    request: CriInput<RequestOf<Call>>,
    options?: CallOptions,
  ): Promise<CriMessage<ResponseOf<Call>>>;
  /** What happens to containers from now on; `Unimplemented` where the runtime does not tell. */
  events(signal: AbortSignal): AsyncGenerator<CriMessage<'ContainerEventResponse'>, void, undefined>;
  close(): void;
}

export interface CriClientOptions {
  /** `unix:///run/containerd/containerd.sock` */
  readonly endpoint: string;
  /** Where images are kept, when another program does that (`--image-service-endpoint`). Default: `endpoint`. */
  readonly imageEndpoint?: string | undefined;
  /** `runtimeRequestTimeout`: how long one call may take. */
  readonly requestTimeoutMs: number;
}

const IMAGE_CALLS: ReadonlySet<string> = new Set(['ListImages', 'ImageStatus', 'PullImage', 'RemoveImage', 'ImageFsInfo']);
const codec = createMessageCodec(CRI_MESSAGES);

/** Speaks runtime.v1 over a unix socket; connects with the first call and again whenever the runtime was restarted. */
export function createCriClient({ endpoint, imageEndpoint = endpoint, requestTimeoutMs }: CriClientOptions): CriClient {
  const runtime = createGrpcChannel({ target: endpoint });
  const images: GrpcChannel = imageEndpoint === endpoint ? runtime : createGrpcChannel({ target: imageEndpoint });
  return {
    async call(call, request, options = { timeoutMs: requestTimeoutMs }) {
      const isImages = IMAGE_CALLS.has(call);
      const path = `/runtime.v1.${isImages ? 'ImageService' : 'RuntimeService'}/${call}`;
      const bytes = codec.encode(`${call}Request` as never, request as never);
      const answer = await (isImages ? images : runtime).unary(path, bytes, options);
      return codec.decode(`${call}Response` as never, answer) as never;
    },
    async *events(signal) {
      const path = '/runtime.v1.RuntimeService/GetContainerEvents';
      for await (const bytes of runtime.stream(path, codec.encode('GetEventsRequest', {}), { signal }))
        yield codec.decode('ContainerEventResponse', bytes);
    },
    close() {
      runtime.close();
      if (images !== runtime) images.close();
    },
  };
}
