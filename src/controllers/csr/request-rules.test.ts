import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  checkApiServerClientRequest,
  checkKubeletClientRequest,
  checkKubeletServingRequest,
  type RequestedNames,
  type RequestRule,
} from './request-rules.ts';

const node = (overrides: Partial<RequestedNames> = {}): RequestedNames => ({
  commonName: 'system:node:n1',
  organizations: ['system:nodes'],
  dnsNames: [],
  ipAddresses: [],
  emailAddresses: [],
  uris: [],
  ...overrides,
});
const CLIENT = ['client auth', 'digital signature', 'key encipherment'];
const SERVING = ['server auth', 'digital signature', 'key encipherment'];

const table: [string, RequestRule, RequestedNames, string[], string | undefined][] = [
  ['client', checkKubeletClientRequest, node(), CLIENT, undefined],
  ['client without key encipherment', checkKubeletClientRequest, node(), ['digital signature', 'client auth'], undefined],
  [
    'client of no group',
    checkKubeletClientRequest,
    node({ organizations: [] }),
    CLIENT,
    'subject organization is not system:nodes',
  ],
  [
    'client of two groups',
    checkKubeletClientRequest,
    node({ organizations: ['system:nodes', 'system:masters'] }),
    CLIENT,
    'subject organization is not system:nodes',
  ],
  [
    'client of another name',
    checkKubeletClientRequest,
    node({ commonName: 'admin' }),
    CLIENT,
    'subject common name does not begin with system:node:',
  ],
  ['client with DNS name', checkKubeletClientRequest, node({ dnsNames: ['x'] }), CLIENT, 'DNS subjectAltNames are not allowed'],
  [
    'client with address',
    checkKubeletClientRequest,
    node({ ipAddresses: ['10.0.0.1'] }),
    CLIENT,
    'IP subjectAltNames are not allowed',
  ],
  [
    'client with e-mail',
    checkKubeletClientRequest,
    node({ emailAddresses: ['a@b'] }),
    CLIENT,
    'Email subjectAltNames are not allowed',
  ],
  ['client with URI', checkKubeletClientRequest, node({ uris: ['spiffe://x'] }), CLIENT, 'URI subjectAltNames are not allowed'],
  [
    'client for serving too',
    checkKubeletClientRequest,
    node(),
    [...CLIENT, 'server auth'],
    'usages did not match [client auth digital signature key encipherment]',
  ],
  ['serving', checkKubeletServingRequest, node({ ipAddresses: ['10.0.0.1'] }), SERVING, undefined],
  ['serving without names', checkKubeletServingRequest, node(), SERVING, 'DNS or IP subjectAltName is required'],
  [
    'serving with client usage',
    checkKubeletServingRequest,
    node({ dnsNames: ['n1'] }),
    CLIENT,
    'usages did not match [digital signature key encipherment server auth]',
  ],
  [
    'serving with URI',
    checkKubeletServingRequest,
    node({ dnsNames: ['n1'], uris: ['x:y'] }),
    SERVING,
    'URI subjectAltNames are not allowed',
  ],
  ['user', checkApiServerClientRequest, node({ commonName: 'jane', organizations: ['dev'] }), ['client auth'], undefined],
  [
    'user without usage',
    checkApiServerClientRequest,
    node(),
    ['digital signature'],
    'missing required usage for client certificate: client auth',
  ],
  [
    'user with foreign usage',
    checkApiServerClientRequest,
    node(),
    ['client auth', 'cert sign'],
    'invalid usages for client certificate: cert sign',
  ],
  [
    'superuser',
    checkApiServerClientRequest,
    node({ organizations: ['system:masters'] }),
    ['client auth'],
    'subject organization system:masters is not allowed',
  ],
];

for (const [title, rule, request, usages, expected] of table)
  test(`request rules: ${title} → ${expected ?? 'allowed'}`, () => {
    assert.equal(rule(request, usages), expected);
  });
