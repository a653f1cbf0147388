/** The plugin that keeps the keys: `v2.KeyManagementService` on a unix socket (k8s.io/kms/apis/v2). Loads the gRPC library. */
import { randomUUID } from 'node:crypto';
import { createGrpcChannel } from '../../../std/grpc/grpc-channel.ts';
import { createMessageCodec } from '../../../std/grpc/message-codec.ts';

export type Annotations = Readonly<Record<string, Uint8Array>>;

/** What the plugin made of a key of ours. */
export interface EncryptedKey {
  readonly ciphertext: Uint8Array;
  readonly keyId: string;
  readonly annotations: Annotations;
}

/** Every call rejects with a GrpcError. */
export interface KmsService {
  status(): Promise<{ readonly version: string; readonly healthz: string; readonly keyId: string }>;
  encrypt(plaintext: Uint8Array): Promise<EncryptedKey>;
  decrypt(key: EncryptedKey): Promise<Buffer>;
  close(): void;
}

const MESSAGES = {
  StatusRequest: {},
  StatusResponse: { version: '1 string', healthz: '2 string', keyId: '3 string' },
  EncryptRequest: { plaintext: '1 bytes', uid: '2 string' },
  EncryptResponse: { ciphertext: '1 bytes', keyId: '2 string', annotations: '3 map bytes' },
  DecryptRequest: { ciphertext: '1 bytes', uid: '2 string', keyId: '3 string', annotations: '4 map bytes' },
  DecryptResponse: { plaintext: '1 bytes' },
} as const;

export interface KmsServiceOptions {
  /** `unix:///run/kms.sock`; `unix:///@name` is a socket without a file. */
  readonly endpoint: string;
  readonly timeoutMs: number;
}

/** Opens no connection yet. */
export function createKmsService({ endpoint, timeoutMs }: KmsServiceOptions): KmsService {
  const channel = createGrpcChannel({ target: endpoint.replace(/^unix:\/\/\/@/, 'unix-abstract:') });
  const codec = createMessageCodec(MESSAGES);
  const call = (method: string, request: Buffer) => channel.unary(`/v2.KeyManagementService/${method}`, request, { timeoutMs });
  return {
    status: async () => codec.decode('StatusResponse', await call('Status', codec.encode('StatusRequest', {}))),
    async encrypt(plaintext) {
      const request = codec.encode('EncryptRequest', { plaintext, uid: randomUUID() });
      return codec.decode('EncryptResponse', await call('Encrypt', request));
    },
    async decrypt(key) {
      const request = codec.encode('DecryptRequest', { ...key, uid: randomUUID() });
      return Buffer.from(codec.decode('DecryptResponse', await call('Decrypt', request)).plaintext);
    },
    close: () => channel.close(),
  };
}
