/** What is said of a pod's status and of containers for debugging, and where. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { specimensOf } from '../../test-specimens.ts';
import { podKind } from './pod.ts';

const pods = specimensOf(podKind);
const c = { name: 'c', image: 'i' };
const spec = { containers: [c], resourceClaims: [{ name: 'r', resourceClaimTemplateName: 't' }] };

/** Against a status of a pod. */
const status = (given: object, more: object = {}) => {
  const before = pods.created({ spec: { ...spec, ...more } });
  return pods.refusals(before, { ...before, status: { ...(before['status'] as object), ...given } }, 'status');
};

test('each fault of the status of a claim is told at its own field', () => {
  const statuses = [{ name: 'r', resourceClaimName: 'UP' }, { name: 'r' }, { name: 'z' }];
  const told = status({ resourceClaimStatuses: statuses });
  const at = 'status.resourceClaimStatuses';
  assert.match(
    told[0] ?? '',
    /^status\.resourceClaimStatuses\[0\]\.resourceClaimName: Invalid value: "UP": a lowercase RFC 1123/,
  );
  assert.deepEqual(told.slice(1), [
    `${at}[1].name: Duplicate value: "r"`,
    `${at}[2].name: Invalid value: "z": must match the name of an entry in \`spec.resourceClaims\``,
  ]);
});

test('as whom a container runs is told below its user', () => {
  const user = { linux: { uid: -1, gid: 0, supplementalGroups: [-2] } };
  const containerStatuses = [{ name: 'c', image: 'i', imageID: '', ready: true, restartCount: 0, user }];
  const range = 'must be between 0 and 2147483647, inclusive';
  const at = 'status.containerStatuses[0].user.linux';
  assert.deepEqual(status({ containerStatuses }), [
    `${at}.uid: Invalid value: -1: ${range}`,
    `${at}.supplementalGroups[0]: Invalid value: -2: ${range}`,
  ]);
  assert.deepEqual(status({ containerStatuses }, { os: { name: 'windows' } }), [
    `${at}: Forbidden: cannot be set for a windows pod`,
  ]);
});

test('an empty list is a list: a container for debugging has none', () => {
  const debugged = (more: object) => {
    const before = pods.created({ spec });
    const ephemeralContainers = [{ name: 'e', image: 'i', terminationMessagePolicy: 'File', imagePullPolicy: 'Always', ...more }];
    const after = { ...before, spec: { ...(before['spec'] as object), ephemeralContainers } };
    return pods.refusals(before, after, 'ephemeralcontainers');
  };
  const why = 'Forbidden: cannot be set for an Ephemeral Container';
  assert.deepEqual(debugged({ resources: {} }), []);
  assert.deepEqual(debugged({ ports: [], resizePolicy: [] }), [
    `spec.ephemeralContainers[0].ports: ${why}`,
    `spec.ephemeralContainers[0].resizePolicy: ${why}`,
  ]);
});
