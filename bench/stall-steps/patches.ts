/** Patches that do much with few bytes. */
import { type Send, type StallStep, type } from './step.ts';

const PODS = '/api/v1/namespaces/default/pods';
const MAPS = '/api/v1/namespaces/default/configmaps';
const EACH = 5_000;

const container = (i: number) => ({ name: `c${i}`, image: 'a' });
const pod = (name: string, spec: object) =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: { schedulerName: 'none', containers: [container(0)], ...spec },
  });
const env = Array.from({ length: 30_000 }, (_, i) => ({ name: `E${i}`, value: '$(E1)' }));
const json = type('json-patch+json');

export function patchSteps(): StallStep[] {
  const inAnnotations = (ops: object[]) => (send: Send) => send('PATCH', `${MAPS}/patched`, JSON.stringify(ops), json);
  const finalizers = Array.from({ length: 50_000 }, (_, i) => `example.com/f${i}`);
  return [
    {
      name: 'patch prepare pod of 5,000 containers',
      run: (send) => send('POST', PODS, pod('containers', { containers: Array.from({ length: EACH }, (_, i) => container(i)) })),
    },
    {
      name: 'patch pod of 30,000 env',
      run: (send) => send('POST', PODS, pod('env', { containers: [{ ...container(0), env }] })),
    },
    {
      name: 'patch tolerations',
      run: (send) =>
        send(
          'POST',
          PODS,
          pod('tolerations', { tolerations: Array.from({ length: 20_000 }, (_, i) => ({ key: `k${i}`, operator: 'Exists' })) }),
        ),
    },
    {
      name: 'patch volumes',
      run: (send) =>
        send(
          'POST',
          PODS,
          pod('volumes', { volumes: Array.from({ length: 20_000 }, (_, i) => ({ name: `v${i}`, emptyDir: {} })) }),
        ),
    },
    {
      name: 'patch env strategic',
      run: (send) =>
        send(
          'PATCH',
          `${PODS}/env`,
          JSON.stringify({ spec: { containers: [{ name: 'c0', env: env.map((each) => ({ ...each, value: 'w' })) }] } }),
          type('strategic-merge-patch+json'),
        ),
      expected: 500,
    },
    {
      name: 'patch env apply',
      run: (send) =>
        send(
          'PATCH',
          `${PODS}/env-applied?fieldManager=a`,
          pod('env-applied', { containers: [{ ...container(0), env }] }),
          type('apply-patch+yaml'),
        ),
    },
    {
      name: 'patch env apply again',
      run: (send) =>
        send(
          'PATCH',
          `${PODS}/env-applied?fieldManager=b`,
          pod('env-applied', { containers: [{ ...container(0), env }] }),
          type('apply-patch+yaml'),
        ),
    },
    {
      name: 'patch table of pods',
      run: (send) => send('GET', PODS, undefined, { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' }),
    },
    {
      name: 'patch protobuf of pods',
      run: (send) => send('GET', PODS, undefined, { accept: 'application/vnd.kubernetes.protobuf' }),
    },
    {
      name: 'patch JSON, 10,000 tests of finalizers',
      prepare: (send) =>
        send('POST', MAPS, JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'patched', finalizers } })),
      run: inAnnotations(
        Array.from({ length: 10_000 }, () => ({ op: 'test', path: '/metadata/finalizers/0', value: 'example.com/f0' })),
      ),
    },
    {
      name: 'patch JSON, 10,000 inserts',
      run: inAnnotations(
        Array.from({ length: 10_000 }, (_, i) => ({ op: 'add', path: '/metadata/finalizers/0', value: `example.com/g${i}` })),
      ),
    },
    {
      name: 'patch JSON, copies',
      expected: 600,
      run: inAnnotations(
        Array.from({ length: 10_000 }, (_, i) => ({ op: 'copy', from: '/metadata/finalizers', path: `/x${i}` })),
      ),
    },
    {
      name: 'patch JSON, copies that double',
      expected: 600,
      run: inAnnotations(Array.from({ length: 40 }, () => ({ op: 'copy', from: '/metadata', path: '/metadata/x' }))),
    },
    {
      name: 'patch JSON, tests of the whole',
      expected: 600,
      run: inAnnotations(
        Array.from({ length: 100 }, () => ({ op: 'test', path: '/metadata/finalizers', value: finalizers.slice(0, 1000) })),
      ),
    },
    {
      name: 'patch JSON, moves',
      expected: 600,
      run: inAnnotations(
        Array.from({ length: 10_000 }, () => ({
          op: 'move',
          from: '/metadata/finalizers/0',
          path: '/metadata/finalizers/49999',
        })),
      ),
    },
    {
      name: 'patch order of finalizers',
      expected: 600,
      run: (send) =>
        send(
          'PATCH',
          `${MAPS}/patched`,
          JSON.stringify({ metadata: { '$setElementOrder/finalizers': [...finalizers].reverse(), finalizers } }),
          type('strategic-merge-patch+json'),
        ),
    },
    {
      name: 'patch deletions of finalizers',
      expected: 600,
      run: (send) =>
        send(
          'PATCH',
          `${MAPS}/patched`,
          JSON.stringify({ metadata: { '$deleteFromPrimitiveList/finalizers': finalizers } }),
          type('strategic-merge-patch+json'),
        ),
    },
    {
      name: 'patch yaml',
      expected: 600,
      run: (send) =>
        send(
          'PATCH',
          `${MAPS}/yaml?fieldManager=a`,
          `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: yaml}\ndata:\n${Array.from({ length: 50_000 }, (_, i) => `  k${i}: v`).join('\n')}\n`,
          type('apply-patch+yaml'),
        ),
    },
    { name: 'patch deep', expected: 600, run: (send) => send('POST', MAPS, `${'['.repeat(9_999)}${']'.repeat(9_999)}`) },
    { name: 'patch brackets', expected: 600, run: (send) => send('POST', MAPS, `{"a":[${'[],'.repeat(900_000)}[]]}`) },
    {
      name: 'patch numbers',
      expected: 600,
      run: (send) =>
        send(
          'POST',
          MAPS,
          `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"numbers"},"a":[${'1,'.repeat(1_400_000)}1]}`,
        ),
    },
    {
      name: 'patch huge number',
      expected: 600,
      run: (send) =>
        send('POST', MAPS, `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"numbers"},"a":${'1'.repeat(2_900_000)}}`),
    },
    {
      name: 'patch many huge numbers',
      expected: 600,
      run: (send) =>
        send(
          'POST',
          MAPS,
          `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"numbers"},"a":[${'12345678901234567890,'.repeat(140_000)}1]}`,
        ),
    },
    {
      name: 'patch repeated fields',
      expected: 600,
      run: (send) =>
        send(
          'POST',
          `${MAPS}?fieldValidation=Strict`,
          `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"numbers"},${'"a":1,'.repeat(400_000)}"b":1}`,
        ),
    },
  ];
}
