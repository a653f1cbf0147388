import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Transport, TransportRequest } from '../../client/transport/transport.ts';
import { withMetadataOnly } from './metadata-only-transport.ts';

async function acceptFor(method: string, path: string): Promise<string | undefined> {
  let seen: TransportRequest | undefined;
  const transport = {
    request: (request: TransportRequest) => {
      seen = request;
      return Promise.resolve({ status: 200, headers: {}, body: [] });
    },
    close: () => Promise.resolve(),
  } as unknown as Transport;
  await withMetadataOnly(transport).request({ method, path, headers: { accept: 'application/json' } });
  return /as=(\w+)/.exec(seen?.headers['accept'] ?? '')?.[1];
}

const table: [string, string, string | undefined][] = [
  ['GET', '/api/v1/pods', 'PartialObjectMetadataList'],
  ['GET', '/api/v1/pods?watch=true&resourceVersion=1', 'PartialObjectMetadata'],
  ['GET', '/api/v1/namespaces/x/pods', 'PartialObjectMetadataList'],
  ['GET', '/api/v1/namespaces/x/pods/y', 'PartialObjectMetadata'],
  ['GET', '/api/v1/namespaces/x', 'PartialObjectMetadata'],
  ['GET', '/apis/apps/v1/deployments', 'PartialObjectMetadataList'],
  ['GET', '/apis/apps/v1/namespaces/x/deployments/y', 'PartialObjectMetadata'],
  ['GET', '/apis', undefined],
  ['GET', '/api/v1', undefined],
  ['GET', '/apis/apps/v1', undefined],
  ['DELETE', '/api/v1/namespaces/x/pods/y', undefined],
];
for (const [method, path, expected] of table)
  test(`${method} ${path} asks for ${expected ?? 'what it did'}`, async () => {
    assert.equal(await acceptFor(method, path), expected);
  });
