import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KindDefinition } from '../../../api/machinery/kind.ts';
import type { DynamicObject } from '../../../api/machinery/object.ts';
import type { ObjectReader } from '../../contracts.ts';
import { createServiceAddress } from './service-address.ts';

const service = {
  metadata: { name: 'web', namespace: 'a' },
  spec: { clusterIP: '10.0.0.9', ports: [{ port: 443, name: 'tls' }] },
};
const slice = (endpoints: object[]) => ({
  metadata: { name: 's', namespace: 'a', labels: { 'kubernetes.io/service-name': 'web' } },
  ports: [{ name: 'tls', port: 8443 }],
  endpoints,
});

function addressWith(objects: { services?: object[]; endpointslices?: object[] }) {
  const list = ({ resource }: KindDefinition) => (objects[resource as keyof typeof objects] ?? []) as DynamicObject[];
  const reader: ObjectReader = {
    get: (kind, _, name) => list(kind).find(({ metadata }) => metadata.name === name),
    list,
    waitFresh: async () => undefined,
    subscribe: () => () => undefined,
  };
  return createServiceAddress(reader, () => 0);
}

test('a webhook is asked at an endpoint that is ready', () => {
  const endpoints = [
    { addresses: ['10.1.0.1'], conditions: { ready: false } },
    { addresses: ['10.1.0.2'], conditions: { ready: true } },
  ];
  assert.equal(
    addressWith({ services: [service], endpointslices: [slice(endpoints)] })('a', 'web', 443),
    'https://10.1.0.2:8443',
  );
});

test('without endpoints it is asked at the cluster address, where endpoints are somebody else\u2019s matter', () => {
  assert.equal(addressWith({ services: [service] })('a', 'web', 443), 'https://10.0.0.9:443');
});

test('what cannot be found is named', () => {
  assert.throws(() => addressWith({})('a', 'web', 443), { message: 'service "web" not found' });
  assert.throws(() => addressWith({ services: [service] })('a', 'web', 80), {
    message: 'no service port 80 found for service "web"',
  });
  assert.throws(() => addressWith({ services: [service], endpointslices: [slice([])] })('a', 'web', 443), {
    message: 'no endpoints available for service "web"',
  });
});
