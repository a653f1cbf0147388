import { request } from 'node:https';
import type { Store } from '../../store/store.ts';
import type { ComponentHealth, ProbeComponent } from './component-status-handler.ts';

/** How long a component may take to answer (pkg/registry/core/componentstatus/validator.go). */
const TIMEOUT_MS = 20_000;
const LARGEST_ANSWER_BYTES = 10 * 1024;

/** The store, and what runs beside the API server on the ports that upstream gives it. */
export function componentProbes(store: Pick<Store, 'revision'>): Readonly<Record<string, ProbeComponent>> {
  return {
    scheduler: () => probeHealthz(10_259),
    'controller-manager': () => probeHealthz(10_257),
    'etcd-0': () => probeStore(store),
  };
}

async function probeStore(store: Pick<Store, 'revision'>): Promise<ComponentHealth> {
  try {
    await store.revision();
    return { status: 'True', message: 'ok' };
  } catch (error) {
    return { status: 'False', message: messageOf(error) };
  }
}

/**
 * GET of https://127.0.0.1:{port}/healthz. The certificate is not checked, as upstream: components make their own, and nothing is
 * told to them.
 */
export function probeHealthz(port: number, timeoutMs = TIMEOUT_MS): Promise<ComponentHealth> {
  const url = `https://127.0.0.1:${port}/healthz`;
  return new Promise((resolve) => {
    const failed = (why: string) => resolve({ status: 'False', message: `Get "${url}": ${why}` });
    const call = request(url, { rejectUnauthorized: false, agent: false, timeout: timeoutMs }, (answer) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      answer.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > LARGEST_ANSWER_BYTES) call.destroy(new Error('the answer is too long'));
        else chunks.push(chunk);
      });
      answer.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        const code = answer.statusCode ?? 0;
        if (code >= 200 && code < 400) resolve({ status: 'True', message: text });
        else resolve({ status: 'False', message: `HTTP probe failed with statuscode: ${code}` });
      });
      answer.on('error', (error) => failed(messageOf(error)));
    });
    call.on('timeout', () => call.destroy(new Error('context deadline exceeded')));
    call.on('error', (error) => failed(wordsOf(error, port)));
    call.end();
  });
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

/** As Go says that nobody listens. */
function wordsOf(error: Error, port: number): string {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ECONNREFUSED' ? `dial tcp 127.0.0.1:${port}: connect: connection refused` : error.message;
}
