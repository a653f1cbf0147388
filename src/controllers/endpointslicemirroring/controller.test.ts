import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endpointsKind } from '../../api/core/v1/endpoints.ts';
import { serviceKind } from '../../api/core/v1/service.ts';
import { endpointSliceKind } from '../../api/discovery/v1/endpoint-slice.ts';
import type { V1EndpointSlice } from '../../api/gen/types.ts';
import { runController } from '../framework/testing-client.test-support.ts';
import { createEndpointSliceMirroringController } from './controller.ts';

test('who keeps Endpoints by hand hears of what is not mirrored', async () => {
  await using run = await runController((context) =>
    createEndpointSliceMirroringController(context, { maxEndpointsPerSubset: 2 }),
  );
  const { cluster } = run;
  const keep = (name: string, ...ips: string[]) => {
    cluster.put(serviceKind, { metadata: { name, namespace: 'a' }, spec: { ports: [{ port: 80 }] } } as never);
    const addresses = ips.map((ip) => ({ ip }));
    cluster.put(endpointsKind, { metadata: { name, namespace: 'a' }, subsets: [{ addresses, ports: [{ port: 80 }] }] } as never);
  };
  keep('many', '10.0.0.1', 'nonsense', '10.0.0.2', '10.0.0.3', '10.0.0.4');
  keep('odd', '10.0.0.1', 'nonsense');
  await run.settle();
  const mirrored = (name: string) =>
    cluster
      .list<V1EndpointSlice>(endpointSliceKind)
      .filter(({ metadata }) => metadata?.labels?.['kubernetes.io/service-name'] === name)
      .flatMap(({ endpoints }) => endpoints?.flatMap(({ addresses }) => addresses));
  assert.deepEqual(mirrored('many'), ['10.0.0.1', '10.0.0.2']);
  assert.deepEqual(mirrored('odd'), ['10.0.0.1']);
  const said = (event: string) => run.messages[run.events.indexOf(event)];
  assert.equal(said('odd InvalidIPAddress'), 'Skipped 1 invalid IP addresses when mirroring to EndpointSlices');
  assert.equal(
    said('many TooManyAddressesToMirror'),
    'A max of 2 addresses can be mirrored to EndpointSlices per Endpoints subset. 3 addresses were skipped',
  );
  assert.equal(said('odd TooManyAddressesToMirror'), undefined);
});
