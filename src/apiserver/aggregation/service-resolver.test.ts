import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DynamicObject } from '../../api/machinery/object.ts';
import type { ObjectReader } from '../contracts.ts';
import { proxiedHeaders } from './request-headers.ts';
import { createServiceResolver } from './service-resolver.ts';

const service = (spec: object) => ({ metadata: { name: 's', namespace: 'n' }, spec });
const slice = (endpoints: object[], ports: object[] = [{ name: 'web', port: 8443 }]) => ({
  metadata: { labels: { 'kubernetes.io/service-name': 's' } },
  endpoints,
  ports,
});

function resolve(objects: { service?: object; slices?: object[] }, toEndpoints = false) {
  const reader = {
    get: () => objects.service as DynamicObject | undefined,
    list: () => (objects.slices ?? []) as DynamicObject[],
  } as unknown as ObjectReader;
  const resolver = createServiceResolver(reader, { toEndpoints, random: () => 0.99, ownAddress: () => 'me:6443' });
  return resolver({ namespace: 'n', name: 's', port: 443 });
}

const clusterService = service({ clusterIP: '10.0.0.7', ports: [{ name: 'web', port: 443 }] });
const ready = { addresses: ['10.1.0.1'], conditions: { ready: true } };

test('a Service is reached at its cluster address, or at one of its ready endpoints', () => {
  const slices = [slice([ready, { addresses: ['10.1.0.2'], conditions: { ready: false } }])];
  assert.equal(resolve({ service: clusterService, slices }), 'https://10.0.0.7:443');
  assert.equal(resolve({ service: clusterService, slices }, true), 'https://10.1.0.1:8443');
  const v6 = [slice([{ addresses: ['fd00::1'] }])];
  assert.equal(resolve({ service: clusterService, slices: v6 }, true), 'https://[fd00::1]:8443');
});

test('a Service that leads nowhere says why', () => {
  const reason = (objects: Parameters<typeof resolve>[0], expected: string, message: RegExp) =>
    assert.throws(() => resolve(objects), { reason: expected, message });
  reason({}, 'ServiceNotFound', /^service\/s in "n" is not present$/);
  reason({ service: service({ ports: [{ port: 80 }] }) }, 'ServicePortError', /is not listening on port 443$/);
  reason({ service: clusterService }, 'EndpointsNotFound', /^cannot find endpointslices for service\/s in "n"$/);
  reason({ service: clusterService, slices: [slice([])] }, 'MissingEndpoints', /have no addresses with port name "web"$/);
});

test('what an extension server is told of the caller cannot be bent by names with line ends or odd letters', () => {
  const user = { name: 'eve\r\nx-remote-group: system:masters', groups: ['gäste'], extra: { 'Example.com/A b': ['1'] } };
  const { repeatedHeaders } = proxiedHeaders({}, user, () => false);
  assert.deepEqual(repeatedHeaders['x-remote-user'], ['eve  x-remote-group: system:masters']);
  assert.equal(Buffer.from(repeatedHeaders['x-remote-group']![0]!, 'latin1').toString('utf8'), 'gäste');
  assert.deepEqual(repeatedHeaders['x-remote-extra-example.com%2Fa%20b'], ['1']);
});

test('credentials in a WebSocket’s subprotocols stay here', () => {
  const received = {
    'sec-websocket-protocol': 'v4.channel.k8s.io, base64url.bearer.authorization.k8s.io.c2VjcmV0',
    'my-user': 'mallory',
  };
  const { headers } = proxiedHeaders(received, { name: 'a', groups: [] }, (name) => name === 'my-user');
  assert.deepEqual(headers, { 'sec-websocket-protocol': 'v4.channel.k8s.io' });
});
