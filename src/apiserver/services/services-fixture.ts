import assert from 'node:assert/strict';
import type { V1Service, V1ServiceSpec } from '../../api/gen/types.ts';
import { type Answer, startTestApi, type TestApi } from '../test-api.ts';

/** Where the Services of `default` are. */
export const PATH = '/api/v1/namespaces/default/services';
export type Patch = Partial<V1ServiceSpec>;

/** A Service as a client sends it. */
export const service = (name: string, spec: Patch = {}) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name },
  spec: { selector: { app: name }, ports: [{ port: 80 }], ...spec },
});

export const create = (api: TestApi, name: string, spec?: Patch, query = '') =>
  api.call<V1Service>('POST', `${PATH}${query}`, service(name, spec));
export const read = async (api: TestApi, name: string) => (await api.call<V1Service>('GET', `${PATH}/${name}`)).body;
export const patch = (api: TestApi, name: string, spec: object, query = '') =>
  api.call<V1Service>('PATCH', `${PATH}/${name}${query}`, { spec }, { 'content-type': 'application/merge-patch+json' });
export const remove = (api: TestApi, name: string) => api.call('DELETE', `${PATH}/${name}`);
export const messageOf = (answer: Answer<unknown>) => (answer.body as { message?: string }).message ?? '';

/** What was made, by an answer that must have this status. */
export function made(answer: Answer<V1Service>, status = 201): V1ServiceSpec {
  assert.equal(answer.status, status, answer.text);
  return answer.body.spec!;
}

/** An answer that must refuse in these words. */
export function refused(answer: Answer<unknown>, message: string, status = 422): void {
  assert.equal(answer.status, status, answer.text);
  assert.equal(messageOf(answer), message);
}

/** A test with an API server of its own. */
export const withApi =
  (options: Parameters<typeof startTestApi>[0], body: (api: TestApi) => Promise<void>) => async (): Promise<void> => {
    const api = await startTestApi(options);
    try {
      await body(api);
    } finally {
      await api.stop();
    }
  };
