import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { TestApi } from '../test-api.ts';
import { create, made, refused, remove, withApi } from './services-fixture.ts';

describe('ServiceCIDRs give addresses, too', () => {
  const CIDRS = '/apis/networking.k8s.io/v1/servicecidrs';
  const cidr = (name: string, ...cidrs: string[]) => ({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'ServiceCIDR',
    metadata: { name, finalizers: ['example.com/kept'] },
    spec: { cidrs },
  });
  const ready = (api: TestApi, name: string, status: string) => {
    const conditions = [{ type: 'Ready', status, reason: 'R', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' }];
    const type = { 'content-type': 'application/merge-patch+json' };
    return api.call('PATCH', `${CIDRS}/${name}/status`, { status: { conditions } }, type);
  };

  test(
    'when the cluster’s own are used up, or when they are asked for, and until they are deleted or not ready',
    withApi({ serviceClusterIpRange: '10.0.0.0/30' }, async (api) => {
      made(await create(api, 'a'));
      const full = 'Internal error occurred: failed to allocate a serviceIP: range is full';
      refused(await create(api, 'b'), full, 500);
      await api.call('POST', CIDRS, cidr('more', '10.9.0.0/28', '2001:db8::/64'));
      const given = made(await create(api, 'b')).clusterIP!;
      assert.match(given, /^10\.9\.0\.\d+$/);
      const asked = given === '10.9.0.9' ? '10.9.0.8' : '10.9.0.9';
      assert.equal(made(await create(api, 'c', { clusterIP: asked })).clusterIP, asked);
      refused(
        await create(api, 'd', { clusterIP: asked }),
        `Service "d" is invalid: spec.clusterIPs: Invalid value: ["${asked}"]: failed to allocate IP ${asked}: provided IP is already allocated`,
      );
      // The cluster is of one family still.
      assert.equal((await create(api, 'd', { ipFamilies: ['IPv6'] })).status, 422);
      await ready(api, 'more', 'False');
      refused(await create(api, 'd'), full, 500);
      await ready(api, 'more', 'True');
      made(await create(api, 'd'));
      await remove(api, 'd');
      await api.call('DELETE', `${CIDRS}/more`);
      refused(await create(api, 'd'), full, 500);
    }),
  );

  test(
    'what Services had of a range before it was told is known to be in use',
    withApi({ serviceClusterIpRange: '10.0.0.0/30' }, async (api) => {
      await api.call('POST', CIDRS, cidr('old', '10.9.0.0/30'));
      const had = [made(await create(api, 'a')).clusterIP, made(await create(api, 'b')).clusterIP];
      await api.call('POST', CIDRS, cidr('wider', '10.9.0.0/29'));
      for (const name of ['c', 'd', 'e', 'f']) had.push(made(await create(api, name)).clusterIP);
      assert.equal(new Set(had).size, 6);
      await remove(api, 'b');
      made(await create(api, 'g'));
    }),
  );
});
