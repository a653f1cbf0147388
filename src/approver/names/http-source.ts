import { request } from 'node:https';
import { VerifyingAgent } from '../../client/transport/verifying-agent.ts';
import { CodedError } from '../../std/coded-error.ts';
import { hookQuestion, LARGEST_ANSWER_BYTES, readHookAnswer } from './hook-answer.ts';
import type { NameSource } from './name-source.ts';

export interface HttpSourceOptions {
  /** https alone. */
  readonly url: string;
  readonly timeoutMs: number;
  /** Authorities that the service's certificate must lead to; the host's own when not given. Read at every question. */
  readonly ca?: () => Promise<string>;
  /** Read at every question, so that it may be rotated. */
  readonly token?: () => Promise<string>;
}

/** A service of the operator's: the question as the body of a POST. Another status than 200, a redirect too, is "cannot tell now". */
export function createHttpSource({ url, timeoutMs, ca, token }: HttpSourceOptions): NameSource {
  return {
    name: `http ${new URL(url).host}`,
    async ask(nodeName, names, signal) {
      const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${(await token()).trim()}` }) };
      const late = AbortSignal.timeout(timeoutMs);
      const text = await post(url, hookQuestion(nodeName, names), {
        ...{ headers, ca: await ca?.() },
        ...{ connectTimeoutMs: timeoutMs, signal: AbortSignal.any([signal, late]) },
      }).catch((error: Error) => {
        throw late.aborted ? new CodedError(`it did not answer within ${timeoutMs} ms`, { code: 'HOOK_FAILED' }) : error;
      });
      return readHookAnswer(text, names);
    },
  };
}

interface PostOptions {
  readonly headers: Record<string, string>;
  readonly ca: string | undefined;
  readonly connectTimeoutMs: number;
  readonly signal: AbortSignal;
}

function post(url: string, body: string, { headers, ca, connectTimeoutMs, signal }: PostOptions): Promise<string> {
  const target = { server: new URL(url).origin, connectTimeoutMs, ...(ca !== undefined && { caPem: ca }) };
  return new Promise((resolve, reject) => {
    const asked = request(url, { method: 'POST', headers, signal, agent: new VerifyingAgent(target, {}) }, (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('error', reject);
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        bytes += chunk.length;
        if (bytes > LARGEST_ANSWER_BYTES)
          response.destroy(new CodedError('its answer is too long', { code: 'HOOK_ANSWER_INVALID' }));
      });
      response.on('end', () => {
        if (response.statusCode === 200) resolve(Buffer.concat(chunks).toString('utf8'));
        else reject(new CodedError(`it answers ${response.statusCode}`, { code: 'HOOK_FAILED' }));
      });
    });
    asked.once('error', reject);
    asked.end(body);
  });
}
