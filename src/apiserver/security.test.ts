import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { writeOf } from '../../test/harness/admission.ts';
import { MemoryObjects } from '../../test/harness/memory-objects.ts';
import { allKinds } from '../api/all-kinds.ts';
import { nodeKind } from '../api/core/v1/node.ts';
import { secretKind } from '../api/core/v1/secret.ts';
import { clusterRoleBindingKind } from '../api/rbac/v1/cluster-role-binding.ts';
import { priorityClassKind } from '../api/scheduling/v1/priority-class.ts';
import { VirtualClock } from '../std/clock.ts';
import { silentLogger } from '../std/logger.ts';
import type { RequestContext, RequestInfo, ServerResponse } from './contracts.ts';
import { ChangingKinds } from './kinds/kind-registry.ts';
import { createSecurity, type SecurityConfig } from './security.ts';

const NOW = Date.parse('2026-01-01T00:00:00Z');
const KEY = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
const CONFIG: SecurityConfig = {
  authorizationModes: ['Node', 'RBAC'],
  enableBootstrapTokenAuth: true,
  enableAdmissionPlugins: ['NodeRestriction'],
  serviceAccount: { issuer: 'https://kubernetes.default.svc', signingKeyPem: KEY, verificationKeyPems: [KEY] },
};

async function start(config: SecurityConfig = CONFIG) {
  const objects = new MemoryObjects();
  const deps = {
    reader: objects,
    writer: objects,
    kinds: new ChangingKinds(allKinds),
    clock: new VirtualClock(NOW),
    logger: silentLogger,
    random: () => 0,
  };
  const security = createSecurity(config, deps);
  await security.postStart();
  /** What a request comes to: the user's name, or the status it is refused with. */
  const request = async (info: Partial<RequestInfo>, headers: Record<string, string> = {}, peer?: object) => {
    const { authentication, impersonation, authorization } = security.filters;
    let passed = '';
    const chain = authentication(
      impersonation(
        authorization(async ({ user }) => {
          passed = user.name;
        }),
      ),
    );
    const whole = {
      isResourceRequest: true,
      verb: 'get',
      path: '',
      group: '',
      version: 'v1',
      namespace: '',
      resource: '',
      subresource: '',
      name: '',
      ...info,
    };
    const context = {
      info: whole,
      request: { headers, query: new URLSearchParams(), remoteAddress: '::1', peerCertificate: peer },
      warnings: [],
    } as unknown as RequestContext;
    try {
      await chain(context, {} as ServerResponse);
      return passed;
    } catch (error) {
      return (error as { code: number }).code;
    }
  };
  return { security, objects, request };
}

const path = (value: string) => ({ isResourceRequest: false, path: value });
const certificate = (commonName: string, ...organizations: string[]) => ({
  raw: Buffer.from(commonName),
  commonName,
  organizations,
  organizationalUnits: [],
  notAfterMs: NOW + 1000,
});
const CSR = { verb: 'create', group: 'certificates.k8s.io', resource: 'certificatesigningrequests' };
const token = { authorization: 'Bearer abcdef.0123456789abcdef' };
const putToken = (objects: MemoryObjects) =>
  objects.put(secretKind, {
    metadata: { name: 'bootstrap-token-abcdef', namespace: 'kube-system' },
    type: 'bootstrap.kubernetes.io/token',
    data: Object.fromEntries(
      Object.entries({ 'token-id': 'abcdef', 'token-secret': '0123456789abcdef', 'usage-bootstrap-authentication': 'true' }).map(
        ([key, value]) => [key, Buffer.from(value).toString('base64')],
      ),
    ),
  });

test('anonymous callers see health and version and nothing else', async () => {
  const { request } = await start();
  assert.equal(await request(path('/healthz')), 'system:anonymous');
  assert.equal(await request(path('/version')), 'system:anonymous');
  assert.equal(await request(path('/apis')), 403);
  assert.equal(await request(path('/metrics')), 403);
  assert.equal(await request({ resource: 'pods', verb: 'list' }), 403);
});

test('where anonymous is off everybody must say who he is', async () => {
  const { request } = await start({ ...CONFIG, anonymousAuth: false });
  assert.equal(await request(path('/healthz')), 401);
});

test('a bad token is 401 even for what anonymous callers may see', async () => {
  const { request } = await start();
  assert.equal(await request(path('/healthz'), { authorization: 'Bearer nonsense' }), 401);
});

test('an administrator\u2019s certificate may do everything, also with no policy at all', async () => {
  const { request } = await start({ ...CONFIG, authorizationModes: ['AlwaysDeny'] });
  assert.equal(await request({ resource: 'secrets', verb: 'list' }, {}, certificate('admin', 'system:masters')), 'admin');
  assert.equal(await request({ resource: 'secrets', verb: 'list' }, {}, certificate('jane', 'dev')), 403);
});

test('a bootstrap token may create CSRs once its group is bound, and not before', async () => {
  const { request, objects } = await start();
  assert.equal(await request(CSR, token), 401);
  putToken(objects);
  assert.equal(await request(CSR, token), 403);
  objects.put(clusterRoleBindingKind, {
    metadata: { name: 'kubelet-bootstrap' },
    roleRef: { kind: 'ClusterRole', name: 'system:node-bootstrapper' },
    subjects: [{ kind: 'Group', name: 'system:bootstrappers' }],
  });
  assert.equal(await request(CSR, token), 'system:bootstrap:abcdef');
  assert.equal(await request({ resource: 'nodes', verb: 'create' }, token), 403);
});

test('without the flag bootstrap tokens are nobody', async () => {
  const { request, objects } = await start({ ...CONFIG, enableBootstrapTokenAuth: false });
  putToken(objects);
  assert.equal(await request(CSR, token), 401);
});

test('a node reads its own Node, and admission keeps it off others', async () => {
  const { request, security } = await start();
  const peer = certificate('system:node:n1', 'system:nodes');
  assert.equal(await request({ resource: 'nodes', name: 'n1' }, {}, peer), 'system:node:n1');
  assert.equal(await request({ resource: 'nodes', name: 'n2' }, {}, peer), 403);
  assert.equal(await request({ resource: 'nodes', verb: 'create' }, {}, peer), 'system:node:n1');
  const user = { name: 'system:node:n1', groups: ['system:nodes'] };
  const write = writeOf({ kind: nodeKind, object: { metadata: { name: 'n2' } }, user });
  await assert.rejects(security.admission.validate(write), /is not allowed to modify node "n2"/);
});

test('an administrator may act as another, who then may less', async () => {
  const { request } = await start();
  const admin = certificate('admin', 'system:masters');
  assert.equal(await request(path('/api'), { 'impersonate-user': 'jane' }, admin), 'jane');
  assert.equal(await request({ resource: 'pods', verb: 'list' }, { 'impersonate-user': 'jane' }, admin), 403);
  assert.equal(await request(path('/api'), { 'impersonate-user': 'joe' }, certificate('jane')), 403);
});

test('TokenRequest and key discovery are served with service accounts only', async () => {
  const { security } = await start();
  assert.ok(security.actionHandlers.some(({ subresource }) => subresource === 'token'));
  assert.equal(security.paths.size, 2);
  const without = await start({ authorizationModes: ['RBAC'] });
  assert.ok(!without.security.actionHandlers.some(({ subresource }) => subresource === 'token'));
  assert.equal(without.security.paths.size, 0);
});

test('every review kind has its handler', async () => {
  const { security } = await start();
  const served = new Set(security.actionHandlers.map(({ group, resource }) => `${resource}.${group}`));
  // Bindings and the components' states are the subresources' and the server's own.
  const elsewhere = ['Binding', 'ComponentStatus'];
  for (const kind of allKinds.filter(({ storage, kind }) => storage === 'review' && !elsewhere.includes(kind)))
    assert.ok(served.has(`${kind.resource}.${kind.group}`), kind.kind);
});

test('a second start finds all that the first one made, and writes nothing', async () => {
  const { security, objects } = await start();
  assert.ok(objects.get(priorityClassKind, '', 'system-node-critical'));
  objects.writes.length = 0;
  await security.postStart();
  assert.deepEqual(objects.writes, []);
});

for (const [modes, why] of [
  [['Webhook'], /--authorization-mode: authorization-mode "Webhook" is not a valid mode/],
  [['RBAC', 'RBAC'], /has mode specified more than once/],
  [[], /at least one authorization-mode must be passed/],
] as const) {
  test(`modes ${JSON.stringify(modes)} are refused`, async () => {
    await assert.rejects(start({ authorizationModes: modes as unknown as SecurityConfig['authorizationModes'] }), why);
  });
}
