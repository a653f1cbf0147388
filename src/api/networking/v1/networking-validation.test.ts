/** Ingresses, their classes, network policies, addresses and ranges. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { specimensOf } from '../../test-specimens.ts';
import { ingressKind } from './ingress.ts';
import { ingressClassKind } from './ingress-class.ts';
import { ipAddressKind } from './ip-address.ts';
import { networkPolicyKind } from './network-policy.ts';
import { serviceCidrKind } from './service-cidr.ts';

const backend = { service: { name: 'web', port: { number: 80 } } };
const ingress = (spec: object) => specimensOf(ingressKind).complaints({ spec });
const path = (fields: object) => ingress({ rules: [{ http: { paths: [{ pathType: 'Prefix', backend, ...fields }] } }] });
const policy = (spec: object) => specimensOf(networkPolicyKind).complaints({ spec: { podSelector: {}, ...spec } });

test('what is wrong with an Ingress is told', () => {
  const at = 'spec.rules[0].http.paths[0]';
  const cases: [string[], ...string[]][] = [
    [ingress({ defaultBackend: backend })],
    [ingress({}), 'spec: Invalid value: null: either `defaultBackend` or `rules` must be specified'],
    [path({ path: '/a' })],
    [path({ path: 'a' }), `${at}.path: Invalid value: "a": must be an absolute path`],
    [path({ path: '/a//b' }), `${at}.path: Invalid value: "/a//b": must not contain '//'`],
    [path({ path: '/..' }), `${at}.path: Invalid value: "/..": cannot end with '/..'`],
    [path({ path: '/a%2fb' }), `${at}.path: Invalid value: "/a%2fb": must not contain '%2f'`],
    [
      path({ path: '/', pathType: 'Like' }),
      `${at}.pathType: Unsupported value: "Like": supported values: "Exact", "ImplementationSpecific", "Prefix"`,
    ],
    [
      path({ path: '/', pathType: '' }),
      `${at}.pathType: Unsupported value: "": supported values: "Exact", "ImplementationSpecific", "Prefix"`,
    ],
    [path({ path: '/', pathType: undefined }), `${at}.pathType: Required value: pathType must be specified`],
    [
      path({ path: '/', backend: { resource: { apiGroup: 'a_b', kind: '', name: 'a/b' } } }).map((text) =>
        text.replace(/: a lowercase.*/, ''),
      ),
      `${at}.backend.resource.apiGroup: Invalid value: "a_b"`,
      `${at}.backend.resource.kind: Required value: kind is required`,
      `${at}.backend.resource.name: Invalid value: "a/b": may not contain '/'`,
    ],
    [path({ path: '/', backend: {} }), `${at}.backend: Invalid value: "": resource or service backend is required`],
    [
      path({ path: '/', backend: { service: { name: 'web', port: { name: 'http', number: 80 } } } }),
      `${at}.backend: Invalid value: "": cannot set both port name & port number`,
    ],
    [
      ingress({ rules: [{ host: '10.0.0.1', http: { paths: [{ path: '/', pathType: 'Prefix', backend }] } }] }),
      'spec.rules[0].host: Invalid value: "10.0.0.1": must be a DNS name, not an IP address',
    ],
    [
      ingress({ defaultBackend: backend, ingressClassName: 'Big' }),
      "spec.ingressClassName: Invalid value: \"Big\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
    ],
  ];
  for (const [told, ...wanted] of cases) assert.deepEqual(told, wanted);
});

test("an IngressClass's controller stays, and its parameters are somewhere", () => {
  const classes = specimensOf(ingressClassKind);
  assert.deepEqual(classes.complaints({ spec: { controller: 'example.com/c' } }), []);
  assert.match(
    classes.complaints({ spec: { controller: 'c' } })[0]!,
    /^spec\.controller: Invalid value: "c": must be a domain-prefixed path/,
  );
  const inNamespace = { apiGroup: 'example.com', kind: 'P', name: 'p', scope: 'Namespace' };
  assert.deepEqual(classes.complaints({ spec: { controller: 'example.com/c', parameters: inNamespace } }), [
    "spec.parameters.namespace: Required value: `parameters.scope` is set to 'Namespace'",
  ]);
  assert.deepEqual(classes.changes({ spec: { controller: 'example.com/c' } }, { spec: { controller: 'example.com/d' } }), [
    'spec.controller: Invalid value: "example.com/d": field is immutable',
  ]);
});

test('what is wrong with a NetworkPolicy is told', () => {
  const from = (peer: object) => policy({ ingress: [{ from: [peer] }] });
  const ports = (port: object) => policy({ ingress: [{ ports: [port] }] });
  const peer = 'spec.ingress[0].from[0]';
  const port = 'spec.ingress[0].ports[0]';
  const cases: [string[], ...string[]][] = [
    [policy({})],
    [from({}), `${peer}: Required value: must specify a peer`],
    [from({ ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] } })],
    [
      from({ ipBlock: { cidr: '10.0.0.0/8', except: ['11.0.0.0/16'] } }),
      `${peer}.ipBlock.except[0]: Invalid value: "11.0.0.0/16": must be a strict subset of \`cidr\``,
    ],
    [
      from({ ipBlock: { cidr: '10.0.0.0/8' }, podSelector: {} }),
      `${peer}: Forbidden: may not specify both ipBlock and another peer`,
    ],
    [ports({ port: 0 }), `${port}.port: Invalid value: 0: must be between 1 and 65535, inclusive`],
    [ports({ port: 80, endPort: 79 }), `${port}.endPort: Invalid value: 79: must be greater than or equal to \`port\``],
    [ports({ endPort: 79 }), `${port}.endPort: Invalid value: 79: may not be specified when \`port\` is not specified`],
    [
      ports({ port: 80, protocol: 'ICMP' }),
      `${port}.protocol: Unsupported value: "ICMP": supported values: "TCP", "UDP", "SCTP"`,
    ],
    [policy({ policyTypes: ['In'] }), 'spec.policyTypes[0]: Unsupported value: "In": supported values: "Ingress", "Egress"'],
  ];
  for (const [told, ...wanted] of cases) assert.deepEqual(told, wanted);
});

test('addresses and ranges are written one way', () => {
  const parentRef = { resource: 'services', namespace: 'b', name: 'web' };
  const addresses = specimensOf(ipAddressKind);
  assert.deepEqual(addresses.complaints({ spec: { parentRef } }, { name: '10.0.0.1' }), []);
  assert.deepEqual(addresses.complaints({ spec: {} }, { name: '10.0.0.1' }), ['spec.parentRef: Required value']);
  const cidrs = specimensOf(serviceCidrKind);
  assert.deepEqual(cidrs.complaints({ spec: { cidrs: ['10.0.0.0/24', 'fd00::/64'] } }), []);
  assert.deepEqual(cidrs.complaints({ spec: {} }), ['spec.cidrs: Required value: at least one CIDR required']);
  const three = ['10.0.0.0/24', 'fd00::/64', '10.1.0.0/24'];
  assert.deepEqual(cidrs.complaints({ spec: { cidrs: three } }), [
    `spec.cidrs: Invalid value: ${JSON.stringify({ CIDRs: three })}: may only hold up to 2 values`,
  ]);
  assert.match(cidrs.complaints({ spec: { cidrs: ['10.0.0.1/24'] } })[0]!, /^spec\.cidrs\[0\]: Invalid value: "10\.0\.0\.1\/24"/);
  assert.match(
    cidrs.complaints({ spec: { cidrs: ['10.0.0.0/24', '10.1.0.0/24'] } })[0]!,
    /no more than one IP for each IP family/,
  );
  assert.deepEqual(cidrs.changes({ spec: { cidrs: ['10.0.0.0/24'] } }, { spec: { cidrs: ['10.1.0.0/24'] } }), [
    'spec.cidrs[0]: Invalid value: "10.1.0.0/24": field is immutable',
  ]);
  assert.deepEqual(cidrs.changes({ spec: { cidrs: ['10.0.0.0/24'] } }, { spec: { cidrs: ['10.0.0.0/24', 'fd00::/64'] } }), []);
});

test("a policy's ranges that are let through are spoken of, those of ingress first", () => {
  const policies = specimensOf(networkPolicyKind);
  const block = (cidr: string, ...except: string[]) => ({ ipBlock: { cidr, except } });
  const spec = {
    podSelector: {},
    egress: [{ to: [block('2001:DB8::/32')] }],
    ingress: [{ from: [block('10.0.0.0/8', '10.1.0.0/16')] }],
  };
  const odd = 'should be in RFC 5952 canonical format ("2001:db8::/32")';
  assert.deepEqual(policies.warnings({ spec }), [`spec.egress[0].to[0].ipBlock.cidr: IPv6 CIDR value "2001:DB8::/32" ${odd}`]);
  assert.deepEqual(policies.complaints({ spec }), []);
  // Such ranges come from before there was a rule against them.
  const former = policies.warnings({ spec: { ...spec, ingress: [{ from: [block('10.0.0.1/8', '010.1.0.0/16')] }] } });
  assert.deepEqual(
    former.map((each) => each.split(':')[0]),
    ['spec.ingress[0].from[0].ipBlock.cidr', 'spec.ingress[0].from[0].ipBlock.except[0]', 'spec.egress[0].to[0].ipBlock.cidr'],
  );
});

test('that the controller of an IngressClass has changed is told before what else is wrong with it', () => {
  const classes = specimensOf(ingressClassKind);
  const spec = (controller: string, parameters?: object) => ({ spec: { controller, ...(parameters && { parameters }) } });
  assert.deepEqual(classes.changes(spec('example.com/a'), spec('example.com/b', { kind: '', name: '' })), [
    'spec.controller: Invalid value: "example.com/b": field is immutable',
    'spec.parameters.kind: Required value: kind is required',
    'spec.parameters.name: Required value: name is required',
  ]);
});

test("an IPAddress stays its parent's", () => {
  const addresses = specimensOf(ipAddressKind);
  const of = (name: string) => ({ spec: { parentRef: { resource: 'services', namespace: 'ns', name } } });
  assert.deepEqual(addresses.changes(of('a'), of('a')), []);
  assert.deepEqual(addresses.changes(of('a'), of('b')), [
    'spec.parentRef: Invalid value: {"Group":"","Resource":"services","Namespace":"ns","Name":"b"}: field is immutable',
  ]);
});
