import { request } from 'node:https';
import { createGrpcChannel, type GrpcTls } from '../../std/grpc/grpc-channel.ts';
import { request as requestPlain } from '../../std/http.ts';
import { REQUIRE_LEADER } from './endpoints.ts';
import { etcdMethods } from './etcd-method.ts';
import type { ServerUrl } from './server-url.ts';

const TIMEOUT_MS = 10_000;
const LONGEST_ANSWER = 4_096;

/** What a member says at `/health`: `{"health":"true"}`. Rejects when it does not answer, or with another status than 200. */
export function askHealth({ url, secure }: ServerUrl, tls: GrpcTls | undefined, timeoutMs = TIMEOUT_MS): Promise<string> {
  const { client } = tls ?? {};
  return new Promise((resolve, reject) => {
    const call = (secure ? request : requestPlain)(
      `${url}/health`,
      {
        agent: false,
        timeout: timeoutMs,
        ...(tls?.caPem !== undefined && { ca: tls.caPem }),
        ...(client && { cert: client.certificatePem, key: client.privateKeyPem }),
      },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (chunk: string) => {
          if (text.length + chunk.length > LONGEST_ANSWER) call.destroy(new Error('the answer is too long'));
          else text += chunk;
        });
        answer.on('end', () => {
          if (answer.statusCode === 200) resolve(text.trim());
          else reject(new Error(text.trim() || `HTTP probe failed with statuscode: ${answer.statusCode}`));
        });
        answer.on('error', reject);
      },
    );
    call.on('timeout', () => call.destroy(new Error('context deadline exceeded')));
    call.on('error', reject);
    call.end();
  });
}

/** The bytes of a member's database file. */
export async function askDatabaseSize(server: ServerUrl, tls: GrpcTls | undefined): Promise<number> {
  const channel = createGrpcChannel({ target: server.target, ...(server.secure && { tls: tls ?? {} }) });
  const { path, encode, decode } = etcdMethods.status;
  try {
    return decode(await channel.unary(path, encode({}), { timeoutMs: TIMEOUT_MS, metadata: REQUIRE_LEADER })).dbSize;
  } finally {
    channel.close();
  }
}
