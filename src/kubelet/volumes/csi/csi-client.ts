import { createGrpcChannel } from '../../../std/grpc/grpc-channel.ts';
import { createMessageCodec } from '../../../std/grpc/message-codec.ts';
import type { Message, MessageInput } from '../../../std/grpc/message-schema.ts';
import { CSI_MESSAGES, NODE_CAPABILITY, type NodeCapability } from './csi-messages.ts';

type Messages = typeof CSI_MESSAGES;

/** Calls of csi.v1.Node, whose messages are named after them. */
export type NodeCall = keyof Messages extends infer Name ? (Name extends `${infer Call}Request` ? Call : never) : never;

type RequestOf<Call extends NodeCall> = MessageInput<Messages, `${Call}Request` & keyof Messages>;
type ResponseOf<Call extends NodeCall> = Message<Messages, `${Call}Response` & keyof Messages>;

/** One CSI driver on this node. */
export interface CsiClient {
  /** Rejects with a `GrpcError`. */
  call<Call extends NodeCall>(call: Call, request: RequestOf<Call>, signal?: AbortSignal): Promise<ResponseOf<Call>>;
  /** Asked for once. */
  can(capability: NodeCapability): Promise<boolean>;
  close(): void;
}

/** As upstream's csiTimeout. */
const TIMEOUT_MS = 120_000;
const codec = createMessageCodec(CSI_MESSAGES);

export function createCsiClient(socketPath: string): CsiClient {
  const channel = createGrpcChannel({ target: `unix://${socketPath}` });
  let capabilities: Promise<ReadonlySet<number>> | undefined;

  async function call<Call extends NodeCall>(
    name: Call,
    request: RequestOf<Call>,
    signal?: AbortSignal,
  ): Promise<ResponseOf<Call>> {
    const bytes = codec.encode(`${name}Request` as never, request as never);
    const answer = await channel.unary(`/csi.v1.Node/${name}`, bytes, { timeoutMs: TIMEOUT_MS, signal });
    return codec.decode(`${name}Response` as never, answer) as never;
  }

  async function readCapabilities(): Promise<ReadonlySet<number>> {
    const answer = await call('NodeGetCapabilities', {});
    return new Set(answer.capabilities.flatMap(({ rpc }) => (rpc ? [rpc.type] : [])));
  }

  return {
    call,
    async can(capability) {
      capabilities ??= readCapabilities();
      capabilities.catch(() => {
        capabilities = undefined;
      });
      return (await capabilities).has(NODE_CAPABILITY[capability]);
    },
    close: () => channel.close(),
  };
}
