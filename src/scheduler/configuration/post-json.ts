import { type Agent, request as httpsRequest } from 'node:https';
import { request as httpRequest } from '../../std/http.ts';

const LARGEST_ANSWER_BYTES = 32 << 20;

/** Sends JSON and gives back the JSON of the answer. Rejects for every status but 200, after the timeout, and for answers without end. `agent`: for https alone. */
export function postJson(
  url: string,
  body: object,
  { timeoutMs, agent, signal }: { timeoutMs: number; agent: Agent | undefined; signal: AbortSignal },
): Promise<unknown> {
  const text = JSON.stringify(body);
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
  const ends = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  const options = { method: 'POST', headers, signal: ends };
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const sent = agent ? httpsRequest(url, { ...options, agent }) : httpRequest(url, options);
  sent.once('error', reject);
  sent.once('upgrade', ({ statusCode }, socket) => {
    socket.destroy();
    reject(new Error(`failed ${url.slice(url.lastIndexOf('/') + 1)} with extender at URL ${url}, code ${statusCode}`));
  });
  sent.once('response', (response) => {
    const chunks: Buffer[] = [];
    let size = 0;
    response.once('error', reject);
    response.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      size += chunk.length;
      if (size > LARGEST_ANSWER_BYTES)
        sent.destroy(new Error(`the answer of ${url} is larger than ${LARGEST_ANSWER_BYTES} bytes`));
    });
    response.once('end', () => {
      if (response.statusCode !== 200) {
        reject(
          new Error(`failed ${url.slice(url.lastIndexOf('/') + 1)} with extender at URL ${url}, code ${response.statusCode}`),
        );
        return;
      }
      try {
        resolve(JSON.parse(Buffer.concat(chunks).toString() || 'null'));
      } catch (error) {
        reject(error);
      }
    });
  });
  sent.end(text);
  return promise;
}
