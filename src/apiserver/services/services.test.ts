import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { until } from '../../../test/harness/until.ts';
import type { V1IPAddress, V1Service } from '../../api/gen/types.ts';
import { systemClock } from '../../std/clock.ts';
import { createMemoryStore } from '../../store/memory/memory-store.ts';
import { startTestApi } from '../test-api.ts';
import { create, made, messageOf, PATH, type Patch, patch, read, refused, remove, service, withApi } from './services-fixture.ts';

describe('a Service gets an address', () => {
  const ranges = { serviceClusterIpRange: '10.0.0.0/24', serviceNodePortRange: '30000-30099' };

  test(
    'of the dynamic band, with its family and policy; headless and external ones get none',
    withApi(ranges, async (api) => {
      const spec = made(await create(api, 'a'));
      assert.match(spec.clusterIP!, /^10\.0\.0\.\d+$/);
      assert.ok(Number(spec.clusterIP!.split('.')[3]) > 16);
      assert.deepEqual([spec.clusterIPs, spec.ipFamilies, spec.ipFamilyPolicy], [[spec.clusterIP], ['IPv4'], 'SingleStack']);
      const headless = made(await create(api, 'b', { clusterIP: 'None' }));
      assert.deepEqual([headless.clusterIPs, headless.ipFamilies, headless.ipFamilyPolicy], [['None'], ['IPv4'], 'SingleStack']);
      const external = made(await create(api, 'c', { type: 'ExternalName', externalName: 'example.org' }));
      assert.deepEqual([external.clusterIP, external.clusterIPs, external.ipFamilies], [undefined, undefined, undefined]);
      const bare = await api.call<V1Service>('POST', PATH, service('d', { clusterIP: 'None', selector: {} }));
      assert.deepEqual([made(bare).ipFamilies, bare.body.spec?.ipFamilyPolicy], [['IPv4', 'IPv6'], 'RequireDualStack']);
      assert.equal((await read(api, 'kubernetes')).spec?.clusterIP, '10.0.0.1');
    }),
  );

  test(
    'that it names, unless it is not there to be had',
    withApi(ranges, async (api) => {
      assert.equal(made(await create(api, 'a', { clusterIP: '10.0.0.9' })).clusterIP, '10.0.0.9');
      const failed = 'Service "b" is invalid: spec.clusterIPs: Invalid value:';
      refused(
        await create(api, 'b', { clusterIP: '10.0.0.9' }),
        `${failed} ["10.0.0.9"]: failed to allocate IP 10.0.0.9: provided IP is already allocated`,
      );
      for (const outside of ['10.0.1.1', '10.0.0.0', '10.0.0.255'])
        refused(
          await create(api, 'b', { clusterIP: outside }),
          `${failed} ["${outside}"]: failed to allocate IP ${outside}: the provided IP (${outside}) is not in the valid range. The range of valid IPs is 10.0.0.0/24`,
        );
      assert.match(
        messageOf(await create(api, 'b', { clusterIP: 'x' })),
        /spec\.clusterIPs\[0\]: Invalid value: "x": must be a valid IP/,
      );
      await remove(api, 'a');
      assert.equal(made(await create(api, 'b', { clusterIP: '10.0.0.9' })).clusterIP, '10.0.0.9');
    }),
  );

  test(
    'that stays: a manifest without it can be sent again, another one is refused, only ExternalName gives it up',
    withApi(ranges, async (api) => {
      const { clusterIP } = made(await create(api, 'a', { type: 'NodePort' }));
      const { nodePort } = (await read(api, 'a')).spec!.ports![0]!;
      const again = made(await api.call<V1Service>('PUT', `${PATH}/a`, service('a', { type: 'NodePort' })), 200);
      assert.deepEqual([again.clusterIP, again.ports?.[0]?.nodePort], [clusterIP, nodePort]);
      refused(
        await patch(api, 'a', { clusterIP: '10.0.0.77' }),
        'Service "a" is invalid: spec.clusterIPs[0]: Invalid value: ["10.0.0.77"]: may not change once set',
      );
      const external = made(await patch(api, 'a', { type: 'ExternalName', externalName: 'example.org' }), 200);
      assert.deepEqual(
        [external.clusterIP, external.clusterIPs, external.ports?.[0]?.nodePort],
        [undefined, undefined, undefined],
      );
      assert.equal(made(await create(api, 'b', { clusterIP: clusterIP! })).clusterIP, clusterIP);
      const back = made(await patch(api, 'a', { type: 'ClusterIP', externalName: null }), 200);
      assert.match(back.clusterIP!, /^10\.0\.0\./);
      assert.notEqual(back.clusterIP, clusterIP);
    }),
  );

  test(
    'in a dry run too, which keeps nothing',
    withApi({ serviceClusterIpRange: '10.0.0.0/30' }, async (api) => {
      for (const name of ['a', 'b']) assert.equal(made(await create(api, name, {}, '?dryRun=All')).clusterIP, '10.0.0.2');
      assert.equal(made(await create(api, 'c')).clusterIP, '10.0.0.2');
      refused(await create(api, 'd'), 'Internal error occurred: failed to allocate a serviceIP: range is full', 500);
      await patch(api, 'c', { type: 'ExternalName', externalName: 'x.y' }, '?dryRun=All');
      assert.equal((await create(api, 'd')).status, 500);
    }),
  );
});

describe('a Service gets ports on nodes', () => {
  const ranges = { serviceNodePortRange: '30000-30031' };

  test(
    'when its type calls for them, and gives them back when not',
    withApi(ranges, async (api) => {
      const ports = [
        { name: 'udp', port: 53, protocol: 'UDP' },
        { name: 'tcp', port: 53, protocol: 'TCP' },
        { name: 'web', port: 80 },
      ];
      const [udp, tcp, web] = made(await create(api, 'dns', { type: 'NodePort', ports })).ports!;
      assert.equal(udp?.nodePort, tcp?.nodePort);
      assert.notEqual(tcp?.nodePort, web?.nodePort);
      const bad = (name: string, nodePort: number, why: string) =>
        `Service "${name}" is invalid: spec.ports[0].nodePort: Invalid value: ${nodePort}: ${why}`;
      const ask = (nodePort: number) => create(api, 'x', { type: 'NodePort', ports: [{ port: 1, nodePort }] });
      refused(await ask(web!.nodePort!), bad('x', web!.nodePort!, 'provided port is already allocated'));
      refused(await ask(80), bad('x', 80, 'provided port is not in the valid range. The range of valid ports is 30000-30031'));
      const closed = made(await patch(api, 'dns', { type: 'ClusterIP' }), 200);
      assert.deepEqual(
        closed.ports?.map((p) => p.nodePort),
        [undefined, undefined, undefined],
      );
      assert.equal(closed.externalTrafficPolicy, undefined);
      assert.equal(made(await ask(web!.nodePort!)).ports?.[0]?.nodePort, web?.nodePort);
      refused(
        await patch(api, 'dns', { ports: [{ port: 53, nodePort: 30005 }] }),
        'Service "dns" is invalid: spec.ports[0].nodePort: Forbidden: may not be used when `type` is \'ClusterIP\'',
      );
    }),
  );

  test(
    'among them one for the health checks of local load balancers; none when it says so',
    withApi(ranges, async (api) => {
      const local: Patch = { type: 'LoadBalancer', externalTrafficPolicy: 'Local' };
      const spec = made(await create(api, 'lb', local));
      assert.ok(spec.healthCheckNodePort && spec.healthCheckNodePort !== spec.ports?.[0]?.nodePort);
      refused(
        await create(api, 'other', { ...local, healthCheckNodePort: spec.healthCheckNodePort }),
        `Internal error occurred: failed to allocate requested HealthCheck NodePort ${spec.healthCheckNodePort}: provided port is already allocated`,
        500,
      );
      refused(
        await patch(api, 'lb', { healthCheckNodePort: spec.healthCheckNodePort === 30031 ? 30030 : 30031 }),
        'Service "lb" is invalid: spec.healthCheckNodePort: Forbidden: field is immutable',
      );
      assert.equal(made(await patch(api, 'lb', { externalTrafficPolicy: 'Cluster' }), 200).healthCheckNodePort, undefined);
      made(await create(api, 'other', { ...local, healthCheckNodePort: spec.healthCheckNodePort }));
      const direct = made(await create(api, 'direct', { type: 'LoadBalancer', allocateLoadBalancerNodePorts: false }));
      assert.equal(direct.ports?.[0]?.nodePort, undefined);
    }),
  );

  test(
    'until there are no more',
    withApi({ serviceNodePortRange: '30000-30001' }, async (api) => {
      for (const name of ['a', 'b']) made(await create(api, name, { type: 'NodePort' }));
      refused(
        await create(api, 'c', { type: 'NodePort' }),
        'Internal error occurred: failed to allocate a nodePort: range is full',
        500,
      );
      await remove(api, 'a');
      made(await create(api, 'c', { type: 'NodePort' }));
    }),
  );
});

describe('a Service of a cluster with two families', () => {
  const ranges = { serviceClusterIpRange: '10.0.0.0/24,fd00:10::/108' };

  test(
    'gets one address or two, as its policy and its families say',
    withApi(ranges, async (api) => {
      const families = async (name: string, spec: Patch) => {
        const { clusterIPs, ipFamilies } = made(await create(api, name, spec));
        assert.deepEqual(
          clusterIPs?.map((ip) => (ip.startsWith('fd00:10::') ? 'IPv6' : 'IPv4')),
          ipFamilies,
        );
        return ipFamilies;
      };
      assert.deepEqual(await families('a', {}), ['IPv4']);
      assert.deepEqual(await families('b', { ipFamilies: ['IPv6'] }), ['IPv6']);
      assert.deepEqual(await families('c', { ipFamilyPolicy: 'PreferDualStack' }), ['IPv4', 'IPv6']);
      assert.deepEqual(await families('d', { ipFamilyPolicy: 'RequireDualStack', ipFamilies: ['IPv6'] }), ['IPv6', 'IPv4']);
      assert.deepEqual(await families('e', { clusterIP: 'fd00:10::9' }), ['IPv6']);
      assert.match(messageOf(await create(api, 'f', { clusterIP: 'FD00:10:0::9' })), /provided IP is already allocated/);
      assert.match(
        messageOf(await create(api, 'f', { ipFamilies: ['IPv4', 'IPv6'] })),
        /must be 'RequireDualStack' or 'PreferDualStack'/,
      );
    }),
  );

  test(
    'takes the second one later and gives it back',
    withApi(ranges, async (api) => {
      const before = made(await create(api, 'a'));
      const both = made(await patch(api, 'a', { ipFamilyPolicy: 'RequireDualStack' }), 200);
      assert.equal(both.clusterIPs?.[0], before.clusterIP);
      assert.deepEqual(both.ipFamilies, ['IPv4', 'IPv6']);
      const second = both.clusterIPs![1]!;
      assert.match(messageOf(await create(api, 'b', { clusterIP: second })), /already allocated/);
      assert.deepEqual(made(await patch(api, 'a', { ipFamilyPolicy: 'SingleStack' }), 200).clusterIPs, before.clusterIPs);
      made(await create(api, 'b', { clusterIP: second }));
    }),
  );

  test(
    'is refused what a cluster with one family has not',
    withApi({}, async (api) => {
      const dual =
        'Service "a" is invalid: spec.ipFamilyPolicy: Invalid value: "RequireDualStack": this cluster is not configured for dual-stack services';
      refused(await create(api, 'a', { ipFamilyPolicy: 'RequireDualStack' }), dual);
      assert.deepEqual(made(await create(api, 'b', { ipFamilyPolicy: 'PreferDualStack' })).ipFamilies, ['IPv4']);
      assert.match(messageOf(await create(api, 'c', { ipFamilies: ['IPv6'] })), /"IPv6": not configured on this cluster/);
    }),
  );
});

test(
  'an external name is never shown with a policy for traffic inside the cluster, which still must be one',
  withApi({}, async (api) => {
    const external = { type: 'ExternalName', externalName: 'example.org' };
    const policyOf = async (name: string) => (await read(api, name)).spec!.internalTrafficPolicy;
    made(await create(api, 'a', { ...external, internalTrafficPolicy: 'Local' }));
    assert.equal(await policyOf('a'), undefined);
    made(await create(api, 'b'));
    assert.equal(await policyOf('b'), 'Cluster');
    made(await patch(api, 'b', external), 200);
    assert.equal(await policyOf('b'), undefined);
    assert.match(
      messageOf(await create(api, 'c', { ...external, internalTrafficPolicy: 'Near' })),
      /spec\.internalTrafficPolicy: Unsupported value: "Near"/,
    );
  }),
);

test('a Service that goes by its finalizer gives back what it had', async () => {
  const store = createMemoryStore({ clock: systemClock });
  const api = await startTestApi({ store });
  try {
    const held = { ...service('a', { type: 'NodePort', clusterIP: '10.0.0.7' }), metadata: { name: 'a', finalizers: ['x.y/z'] } };
    made(await api.call<V1Service>('POST', PATH, held));
    await remove(api, 'a');
    assert.match(messageOf(await create(api, 'b', { clusterIP: '10.0.0.7' })), /already allocated/);
    await api.call('PATCH', `${PATH}/a`, { metadata: { finalizers: null } }, { 'content-type': 'application/merge-patch+json' });
    made(await create(api, 'b', { clusterIP: '10.0.0.7' }));
    assert.equal((await store.list('/registry/servicenodeports/')).entries.length, 0);
  } finally {
    await api.stop();
  }
});

test('an address is shown as an IPAddress of its Service, comes back when it is deleted, and goes with the Service', async () => {
  const api = await startTestApi();
  try {
    const { clusterIP } = made(await create(api, 'a'));
    const path = `/apis/networking.k8s.io/v1/ipaddresses/${clusterIP}`;
    const shown = (await api.call<V1IPAddress>('GET', path)).body;
    assert.deepEqual(shown.spec?.parentRef, { resource: 'services', namespace: 'default', name: 'a' });
    assert.ok(shown.metadata?.uid && shown.metadata.creationTimestamp);
    await api.call('DELETE', path);
    await until('the address is back', async () => (await api.call('GET', path)).status === 200);
    await remove(api, 'a');
    assert.equal((await api.call('GET', path)).status, 404);
  } finally {
    await api.stop();
  }
});
