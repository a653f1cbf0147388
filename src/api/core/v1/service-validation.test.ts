import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endpointSliceKind } from '../../discovery/v1/endpoint-slice.ts';
import { specimensOf } from '../../test-specimens.ts';
import { endpointsKind } from './endpoints.ts';
import { serviceKind } from './service.ts';

const services = specimensOf(serviceKind);
const ports = [{ port: 80 }];
const service = (spec: object) => services.complaints({ spec: { ports, ...spec } });
/** As it is once it has addresses. */
const made = (spec: object) => services.created({ spec: { clusterIP: '10.0.0.1', clusterIPs: ['10.0.0.1'], ports, ...spec } });
const change = (before: object, after: object) => services.refusals(made(before), made(after));

test('what is wrong with a Service is told', () => {
  const cases: [string[], ...RegExp[]][] = [
    [service({})],
    [service({ ports: [] }), /^spec\.ports: Required value$/],
    [service({ clusterIP: 'None', clusterIPs: ['None'], ports: [] })],
    [
      service({ ports: [{ port: 0, targetPort: 1 }] }),
      /^spec\.ports\[0\]\.port: Invalid value: 0: must be between 1 and 65535, inclusive/,
    ],
    [
      service({ ports: [{ port: 1 }, { port: 2 }] }),
      /^spec\.ports\[0\]\.name: Required value/,
      /^spec\.ports\[1\]\.name: Required value/,
    ],
    [
      service({
        ports: [
          { name: 'a', port: 1 },
          { name: 'a', port: 2 },
        ],
      }),
      /^spec\.ports\[1\]\.name: Duplicate value: "a"/,
    ],
    [
      service({
        ports: [
          { name: 'a', port: 1 },
          { name: 'b', port: 1 },
        ],
      }),
      /^spec\.ports\[1\]: Duplicate value: \{"Name":"","Protocol":"TCP","AppProtocol":null,"Port":1,"TargetPort":0,"NodePort":0\}/,
    ],
    [
      service({ ports: [{ port: 80, protocol: 'ICMP' }] }),
      /protocol: Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"/,
    ],
    [service({ ports: [{ port: 80, targetPort: 'no_such' }] }), /^spec\.ports\[0\]\.targetPort: Invalid value: "no_such"/],
    [
      service({ type: 'Other' }),
      /^spec\.type: Unsupported value: "Other": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"/,
    ],
    [service({ type: 'ExternalName', ports: [] }), /^spec\.externalName: Required value$/],
    [
      service({ sessionAffinity: 'Some' }),
      /^spec\.sessionAffinity: Unsupported value: "Some": supported values: "ClientIP", "None"/,
    ],
    [
      service({ sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 0 } } }),
      /^spec\.sessionAffinityConfig\.clientIP\.timeoutSeconds: Invalid value: 0: must be greater than 0 and less than 86400/,
    ],
    [
      service({ loadBalancerClass: 'a.com/b' }),
      /^spec\.loadBalancerClass: Forbidden: may only be used when `type` is 'LoadBalancer'/,
    ],
    [
      service({ externalTrafficPolicy: 'Local' }),
      /^spec\.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services/,
    ],
    [
      service({ loadBalancerSourceRanges: ['10.0.0.0/8'] }),
      /^spec\.LoadBalancerSourceRanges: Forbidden: may only be used when `type` is 'LoadBalancer'/,
    ],
    [
      service({ internalTrafficPolicy: 'Near' }),
      /^spec\.internalTrafficPolicy: Unsupported value: "Near": supported values: "Cluster", "Local"/,
    ],
    [service({ selector: { 'a b': 'c' } }), /^spec\.selector: Invalid value: "a b": name part must consist of/],
    [
      service({ externalIPs: ['127.0.0.1'] }),
      /^spec\.externalIPs\[0\]: Invalid value: "127\.0\.0\.1": may not be in the loopback range/,
    ],
  ];
  for (const [told, ...wanted] of cases) {
    assert.equal(told.length, wanted.length, `${wanted.join(' ')}\n${told.join('\n')}`);
    for (const [i, pattern] of wanted.entries()) assert.match(told[i]!, pattern);
  }
});

test('what a Service keeps, and what it may change', () => {
  assert.deepEqual(change({}, { ports: [{ port: 81 }], sessionAffinity: 'ClientIP' }), []);
  assert.deepEqual(change({}, { type: 'NodePort' }), []);
  assert.match(
    change({}, { clusterIP: '10.0.0.2', clusterIPs: ['10.0.0.2'] }).join(),
    /spec\.clusterIPs?(\[0\])?: Invalid value: .*: (may not change once set|field is immutable)/,
  );
  const balanced = { type: 'LoadBalancer', loadBalancerClass: 'example.com/a' };
  assert.match(
    change(balanced, { ...balanced, loadBalancerClass: 'example.com/b' })[0]!,
    /^spec\.loadBalancerClass: Invalid value: "example\.com\/b": may not change once set/,
  );
});

test('what is wrong with an EndpointSlice is told', () => {
  const slices = specimensOf(endpointSliceKind);
  const slice = (fields: object) => slices.complaints({ addressType: 'IPv4', endpoints: [], ...fields });
  const many = Array.from({ length: 101 }, () => '10.0.0.1');
  const cases: [string[], ...RegExp[]][] = [
    [slice({ endpoints: [{ addresses: ['10.0.0.1'] }], ports: [{ port: 80 }] })],
    [slice({ addressType: 'Mail' }), /^addressType: Unsupported value: "Mail": supported values: "FQDN", "IPv4", "IPv6"/],
    [slice({ endpoints: [{ addresses: [] }] }), /^endpoints\[0\]\.addresses: Required value: must contain at least 1 address/],
    [slice({ endpoints: [{ addresses: many }] }), /^endpoints\[0\]\.addresses: Too many: 101: must have at most 100 items/],
    [
      slice({ endpoints: [{ addresses: ['fd00::1'] }] }),
      /^endpoints\[0\]\.addresses\[0\]: Invalid value: "fd00::1": must be an IPv4 address/,
    ],
    [
      slice({ endpoints: [{ addresses: ['127.0.0.1'] }] }),
      /^endpoints\[0\]\.addresses\[0\]: Invalid value: "127\.0\.0\.1": may not be in the loopback range/,
    ],
    [
      slice({
        ports: [
          { name: 'a', port: 1 },
          { name: 'a', port: 2 },
        ],
      }),
      /^ports\[1\]\.name: Duplicate value: "a"|^ports\[1\]: Duplicate value/,
    ],
  ];
  for (const [told, ...wanted] of cases) {
    assert.equal(told.length, wanted.length, `${wanted.join(' ')}\n${told.join('\n')}`);
    for (const [i, pattern] of wanted.entries()) assert.match(told[i]!, pattern);
  }
  assert.match(
    slices.changes({ addressType: 'IPv4', endpoints: [] }, { addressType: 'IPv6', endpoints: [] })[0]!,
    /^addressType: Invalid value: "IPv6": field is immutable/,
  );
});

test('ranges of an annotation that were let through once may stay', () => {
  const key = 'service.beta.kubernetes.io/load-balancer-source-ranges';
  const annotated = (ranges: string) =>
    services.created({ spec: { type: 'LoadBalancer', ports: [{ port: 1 }] } }, { annotations: { [key]: ranges } });
  assert.deepEqual(services.refusals(annotated('10.0.0.1/8'), annotated('10.0.0.1/8')), []);
  assert.equal(services.refusals(annotated('10.0.0.1/8'), annotated('10.0.0.2/8')).length, 1);
});

test('a port on nodes that a Service cannot have is told before one that it has twice', () => {
  const twice = [
    { name: 'a', port: 1, nodePort: 30_001 },
    { name: 'b', port: 2, nodePort: 30_001 },
  ];
  const why = "Forbidden: may not be used when `type` is 'ClusterIP'";
  assert.deepEqual(services.complaints({ spec: { type: 'ClusterIP', ports: twice } }), [
    `spec.ports[0].nodePort: ${why}`,
    `spec.ports[1].nodePort: ${why}`,
    'spec.ports[1].nodePort: Duplicate value: 30001',
  ]);
});

test('Endpoints that were let through once stay while nothing of them changes', () => {
  const endpoints = specimensOf(endpointsKind);
  const of = (ip: string, port = 80) => endpoints.created({ subsets: [{ addresses: [{ ip }], ports: [{ port }] }] });
  assert.deepEqual(endpoints.refusals(of('010.0.0.1'), of('010.0.0.1')), []);
  assert.deepEqual(endpoints.refusals(of('010.0.0.1'), of('010.0.0.1', 81)), [
    'subsets[0].addresses[0].ip: Invalid value: "010.0.0.1": must not have leading 0s',
  ]);
});

test('what may not change of a Service is told before what is wrong with it', () => {
  const balanced = { type: 'LoadBalancer', loadBalancerClass: 'a.example/b' };
  const told = change(balanced, { ...balanced, loadBalancerClass: '-', sessionAffinity: 'Some' });
  assert.deepEqual(
    told.map((text) => text.replace(/: (a valid|name part|prefix part).*/, '')),
    [
      'spec.loadBalancerClass: Invalid value: "-": may not change once set',
      'spec.loadBalancerClass: Invalid value: "-"',
      'spec.sessionAffinity: Unsupported value: "Some": supported values: "ClientIP", "None"',
      'spec.loadBalancerClass: Invalid value: "-"',
    ],
  );
});

test('a change of families is told with the addresses where there are more or fewer of them', () => {
  const both = { clusterIPs: ['10.0.0.1', 'fd00::1'], ipFamilies: ['IPv4', 'IPv6'], ipFamilyPolicy: 'RequireDualStack' };
  const one = { clusterIPs: ['10.0.0.1'], ipFamilies: ['IPv6'], ipFamilyPolicy: 'SingleStack' };
  assert.equal(change(both, one)[0], 'spec.ipFamilies[0]: Invalid value: ["10.0.0.1"]: may not change once set');
  const none = { clusterIP: '', clusterIPs: [], ipFamilies: ['IPv4'], ipFamilyPolicy: 'SingleStack' };
  assert.deepEqual(change(both, none).slice(0, 2), [
    'spec.clusterIPs[0]: Invalid value: []: primary clusterIP can not be unset',
    'spec.ipFamilies[0]: Invalid value: ["IPv4"]: primary ipFamily can not be unset',
  ]);
});

test('three addresses of both families are one too many and nothing else', () => {
  const clusterIPs = ['10.0.0.1', 'fd00::1', '10.0.0.2'];
  assert.deepEqual(service({ clusterIP: '10.0.0.1', clusterIPs }), [
    'spec.clusterIPs: Invalid value: ["10.0.0.1","fd00::1","10.0.0.2"]: may only hold up to 2 values',
  ]);
});

test('what is wrong with an entrance is told in one go, before the next one', () => {
  const status = {
    loadBalancer: {
      ingress: [
        { ip: '1.2.3.4', hostname: '-' },
        { ip: 'x', ipMode: 'VIP' },
      ],
    },
  };
  const written = (spec: object) => services.refusals(made(spec), { ...made(spec), status }, 'status');
  assert.deepEqual(
    written({ type: 'LoadBalancer' }).map((text) => text.replace(/: a lowercase.*/, '')),
    [
      'status.loadBalancer.ingress[0].ipMode: Required value: must be specified when `ip` is set',
      'status.loadBalancer.ingress[0].hostname: Invalid value: "-"',
      'status.loadBalancer.ingress[1].ip: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
    ],
  );
  assert.deepEqual(written({}), ["status.loadBalancer.ingress: Forbidden: may only be used when `spec.type` is 'LoadBalancer'"]);
});
