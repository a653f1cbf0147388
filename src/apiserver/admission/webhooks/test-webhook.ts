/** A webhook for tests: an HTTPS server on loopback whose answers the test decides. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TestPki } from '../../test-api.ts';

export interface ReviewRequest {
  readonly uid: string;
  readonly [field: string]: unknown;
}

/** The answer's `response` without `uid`, or a function that writes whatever it wants. */
export type TestAnswer = object | ((request: IncomingMessage, response: ServerResponse) => void);

export interface TestWebhook {
  readonly url: string;
  readonly port: number;
  /** base64, for `caBundle`. */
  readonly caBundle: string;
  /** What was asked, in order. */
  readonly asked: { readonly path: string; readonly review: { readonly apiVersion: string; readonly request: ReviewRequest } }[];
  /** Connections that were made. */
  readonly connections: () => number;
  stop(): Promise<void>;
}

export async function startTestWebhook(
  pki: TestPki,
  answer: (path: string, request: ReviewRequest) => TestAnswer,
): Promise<TestWebhook> {
  const asked: TestWebhook['asked'] = [];
  let connections = 0;
  const server = createServer({ cert: pki.serving.certificatePem, key: pki.serving.privateKeyPem }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const review = JSON.parse(Buffer.concat(chunks).toString('utf8'));
      asked.push({ path: request.url!, review });
      const made = answer(request.url!.split('?')[0]!, review.request);
      if (typeof made === 'function') return made(request, response);
      response.setHeader('content-type', 'application/json');
      const answered = { uid: review.request.uid, ...made };
      response.end(JSON.stringify({ kind: 'AdmissionReview', apiVersion: review.apiVersion, response: answered }));
    });
  });
  server.on('secureConnection', () => connections++);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `https://127.0.0.1:${port}`,
    port,
    caBundle: Buffer.from(pki.caPem).toString('base64'),
    asked,
    connections: () => connections,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export const jsonPatch = (operations: readonly object[]) => ({
  allowed: true,
  patchType: 'JSONPatch',
  patch: Buffer.from(JSON.stringify(operations)).toString('base64'),
});
