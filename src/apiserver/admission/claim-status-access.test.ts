import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runPlugin } from '../../../test/harness/admission.ts';
import { resourceClaimKind } from '../../api/resource/v1/resource-claim.ts';
import type { AuthorizationAttributes, UserInfo } from '../contracts.ts';
import { createClaimStatusAccess } from './claim-status-access.ts';

const DRIVER = 'system:serviceaccount:dra:driver';
const onNode = (node: string): UserInfo => ({
  name: DRIVER,
  groups: [],
  extra: { 'authentication.kubernetes.io/node-name': [node] },
});
const ANYWHERE: UserInfo = { name: DRIVER, groups: [] };

const selector = (...values: string[]) => ({
  nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values }] }],
});
const given = (...nodes: string[]) => ({ nodeSelector: selector(...nodes), devices: { results: [] } });
const device = (driver: string, more: object = {}) => ({ driver, pool: 'p', device: 'd', ...more });

/** What is asked of the authorizer by such a write, and what the writer is told; `rights` are those that it has. */
async function write(wanted: { before?: object; after: object; user?: UserInfo; isPatch?: true; rights?: readonly string[] }) {
  const { before = {}, after, user = ANYWHERE, isPatch, rights = [] } = wanted;
  const asked: string[] = [];
  const authorizer = {
    authorize: async ({ verb, resource, subresource, namespace, name }: AuthorizationAttributes) => {
      const right = `${verb} ${resource}/${subresource} ${namespace}/${name}`;
      asked.push(right);
      return rights.includes(right)
        ? { decision: 'allow' as const, reason: '' }
        : { decision: 'no-opinion' as const, reason: 'no' };
    },
  };
  const metadata = { name: 'c', namespace: 'ns' };
  const told = await runPlugin(createClaimStatusAccess(authorizer), {
    kind: resourceClaimKind,
    subresource: 'status',
    object: { metadata, status: after },
    oldObject: { metadata, status: before },
    user,
    ...(isPatch && { isPatch }),
  }).then(
    () => '',
    (error) => error.message as string,
  );
  return { asked, told };
}

test('what is given to a claim, and to whom, is written by who may bind claims', async () => {
  const binding = 'update resourceclaims/binding /';
  const reservedFor = [{ resource: 'pods', name: 'p', uid: 'u' }];
  for (const after of [{ allocation: given('n') }, { allocation: given('n'), reservedFor }]) {
    assert.deepEqual(await write({ after, rights: [binding] }), { asked: [binding], told: '' });
    assert.deepEqual(await write({ after }), {
      asked: [binding],
      told:
        'ResourceClaim.resource.k8s.io "c" is invalid: status: Forbidden: changing status.allocation or status.reservedFor requires ' +
        'resource="resourceclaims/binding", verb="update" permission: resourceclaims.resource.k8s.io is forbidden: ' +
        `User "${DRIVER}" cannot update resource "resourceclaims/binding" in API group "resource.k8s.io" at the cluster scope: no`,
    });
  }
  assert.deepEqual((await write({ after: { reservedFor }, isPatch: true })).asked, ['patch resourceclaims/binding /']);
});

test('what devices say is written by who may speak for their driver: there, or anywhere', async () => {
  const allocation = given('n');
  const [before, after] = [{ allocation }, { allocation, devices: [device('a'), device('b')] }];
  const right = (where: string, driver: string) => `${where}:update resourceclaims/driver ns/${driver}`;
  const [a, b, anyB] = [right('associated-node', 'a'), right('associated-node', 'b'), right('arbitrary-node', 'b')];
  assert.deepEqual(await write({ before, after, user: onNode('n'), rights: [a, b] }), { asked: [a, b], told: '' });
  assert.deepEqual(await write({ before, after, user: onNode('n'), rights: [a, anyB] }), { asked: [a, b, anyB], told: '' });
  assert.deepEqual(await write({ before, after, user: onNode('n'), rights: [a] }), {
    asked: [a, b, anyB],
    told:
      'ResourceClaim.resource.k8s.io "c" is invalid: status.devices: Forbidden: changing status.devices requires ' +
      'resource="resourceclaims/driver", verb="[associated-node:update arbitrary-node:update]" permission: ' +
      `resourceclaims.resource.k8s.io "b" is forbidden: User "${DRIVER}" cannot associated-node:update resource ` +
      '"resourceclaims/driver" in API group "resource.k8s.io" in the namespace "ns": no',
  });
});

test('a claim that is not on the one node of the writer is somewhere else', async () => {
  const devices = [device('a')];
  const only = ['arbitrary-node:update resourceclaims/driver ns/a'];
  const cases: readonly (readonly [UserInfo, object])[] = [
    [ANYWHERE, { allocation: given('n') }],
    [onNode('m'), { allocation: given('n') }],
    [onNode('n'), { allocation: given('n', 'm') }],
    [onNode('n'), {}],
    [{ ...onNode('n'), name: 'jane' }, { allocation: given('n') }],
  ];
  for (const [user, before] of cases)
    assert.deepEqual((await write({ before, after: { ...before, devices }, user })).asked, only, JSON.stringify([user, before]));
});

test('devices that say what they said before need no right', async () => {
  const devices = [device('a'), device('b', { shareID: 's', data: { x: 1 } })];
  assert.deepEqual(await write({ before: { devices }, after: { devices: [...devices].reverse() } }), { asked: [], told: '' });
  const gone = await write({ before: { devices }, after: { devices: [devices[0]!] } });
  assert.deepEqual(gone.asked, ['arbitrary-node:update resourceclaims/driver ns/b']);
});

test('who takes devices back needs no right of their drivers, though their words go with them; who silences one that stays does', async () => {
  const binding = 'update resourceclaims/binding /';
  const one = { driver: 'a', pool: 'p', device: 'd', shareID: '1' };
  const status = { allocation: { devices: { results: [{ request: 'r', ...one }] } }, devices: [one] };
  assert.deepEqual(await write({ before: status, after: {}, rights: [binding] }), { asked: [binding], told: '' });
  const again = { allocation: { devices: { results: [{ request: 'r', ...one, shareID: '2' }] } } };
  assert.deepEqual(await write({ before: status, after: again, rights: [binding] }), { asked: [binding], told: '' });
  const { told } = await write({ before: status, after: { allocation: status.allocation }, rights: [binding] });
  assert.match(told, /changing status\.devices requires/);
});
