import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type GrpcServer, type GrpcServerOptions, startGrpcServer } from './grpc-server.ts';

export type { GrpcAnswer } from './grpc-server.ts';

export interface GrpcService extends AsyncDisposable {
  /** `unix:///tmp/…` */
  readonly endpoint: string;
  stop(): Promise<void>;
  start(): Promise<void>;
}

/** A gRPC server on a unix socket of its own, for tests of clients. */
export async function startGrpcService(options: Pick<GrpcServerOptions, 'messages' | 'methods'>): Promise<GrpcService> {
  const socketPath = join(tmpdir(), `muster-grpc-${randomBytes(6).toString('hex')}.sock`);
  let server: GrpcServer;
  const start = async () => {
    server = await startGrpcServer({ ...options, socketPath, messageLimitBytes: 32 << 20 });
  };
  const stop = () => server.stop();
  await start();
  return { endpoint: `unix://${socketPath}`, start, stop, [Symbol.asyncDispose]: stop };
}
