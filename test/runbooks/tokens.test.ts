/** Section 1 of ACCEPTANCE: bootstrap tokens that are made while the cluster runs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Secret } from '../../src/api/gen/types.ts';
import { KUBECTL_VERSIONS } from '../harness/kubectl.ts';
import { TOKEN_BY_HAND_LINES } from './documents.ts';
import { useRunbookCluster } from './runbook-cluster.ts';
import { createToken, makeBootstrapKubeconfigs, statusWithToken, tokenFlags, whoAmI } from './runbook-steps.ts';

const runbook = useRunbookCluster((cluster) => cluster.startApiserver());

const TOKEN = /^[a-z0-9]{6}\.[a-z0-9]{16}$/;
const idOf = (token: string) => token.slice(0, 6);
const secretOf = (token: string) =>
  runbook.current.kubectl120.json<V1Secret>(`get secret -n kube-system bootstrap-token-${idOf(token)}`);
const decode = (secret: V1Secret, key: string) => Buffer.from(secret.data?.[key] ?? '', 'base64').toString();

test('TOK-01 kubeadm token create prints the token and nothing else, and stores description and group', async () => {
  const result = await runbook.current.trySh(`
    node_name=k8s-m01
    export BOOTSTRAP_TOKEN=$(kubeadm token create \\
      --description kubelet-bootstrap-token \\
      --groups system:bootstrappers:\${node_name} \\
      --kubeconfig ~/.kube/config)
    printf '%s' "$BOOTSTRAP_TOKEN"`);
  assert.equal(result.stderr, '');
  assert.match(result.stdout, TOKEN);
  const secret = await secretOf(result.stdout);
  assert.equal(decode(secret, 'description'), 'kubelet-bootstrap-token');
  assert.equal(decode(secret, 'auth-extra-groups'), 'system:bootstrappers:k8s-m01');
});

test('TOK-02 a loop over the nodes makes a token for each and says which', async () => {
  const names = ['k8s-m01', 'k8s-m02', 'k8s-m03', 'k8s-n01', 'k8s-n02'];
  const cluster = runbook.current;
  const output = await makeBootstrapKubeconfigs(cluster, names);
  assert.deepEqual(
    output.split('\n').filter((line) => line.startsWith('>>>')),
    names.map((name) => `>>> ${name}`),
  );
  const tokens = (await cluster.sh('grep -h token: kubelet-bootstrap-*.kubeconfig')).match(/[a-z0-9]{6}\.[a-z0-9]{16}/g) ?? [];
  assert.equal(new Set(tokens).size, names.length);
  const groups = await Promise.all(tokens.map(async (token) => decode(await secretOf(token), 'auth-extra-groups')));
  assert.deepEqual(groups.toSorted(), names.map((name) => `system:bootstrappers:${name}`).toSorted());
});

test('TOK-03 kubeadm token list shows TTL, expiry, usages, description and groups, ordered by token ID', async () => {
  const cluster = runbook.current;
  const made: string[] = [];
  for (const name of ['k8s-m01', 'k8s-m02', 'k8s-m03'])
    made.push(await createToken(cluster, `--description kubelet-bootstrap-token --groups system:bootstrappers:${name}`));
  const table = await cluster.sh('kubeadm token list --kubeconfig ~/.kube/config', { env: { TZ: 'Asia/Shanghai' } });
  const [header = '', ...rows] = table.trimEnd().split('\n');
  assert.match(header, /^TOKEN +TTL +EXPIRES +USAGES +DESCRIPTION +EXTRA GROUPS$/);
  const starts = ['TOKEN', 'TTL', 'EXPIRES', 'USAGES', 'DESCRIPTION', 'EXTRA GROUPS'].map((column) => header.indexOf(column));
  const ids = rows.map(idOf);
  assert.deepEqual(ids, ids.toSorted());
  for (const [i, token] of made.entries()) {
    const row = rows.find((line) => line.startsWith(token)) ?? '';
    const cells = starts.map((start, column) => row.slice(start, starts[column + 1]).trimEnd());
    assert.match(cells[2]!, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+08:00$/);
    assert.deepEqual(cells.toSpliced(2, 1), [
      token,
      '23h',
      'authentication,signing',
      'kubelet-bootstrap-token',
      `system:bootstrappers:k8s-m0${i + 1}`,
    ]);
  }
});

test('TOK-06 each kubeadm token is a Secret of its type in kube-system with 7 keys', async () => {
  const cluster = runbook.current;
  const token = await createToken(cluster, '--description kubelet-bootstrap-token --groups system:bootstrappers:k8s-m01');
  for (const version of KUBECTL_VERSIONS) {
    const all = await cluster.sh('kubectl get secrets  -n kube-system', { version });
    assert.match(all, /^NAME +TYPE +DATA +AGE$/m);
    const row = await cluster.sh(`kubectl get secrets  -n kube-system|grep bootstrap-token|grep ${idOf(token)}`, { version });
    assert.match(row, new RegExp(`^bootstrap-token-${idOf(token)} +bootstrap\\.kubernetes\\.io/token +7 +\\d+s\\n$`));
  }
  assert.deepEqual(Object.keys((await secretOf(token)).data ?? {}).toSorted(), [
    'auth-extra-groups',
    'description',
    'expiration',
    'token-id',
    'token-secret',
    'usage-bootstrap-authentication',
    'usage-bootstrap-signing',
  ]);
});

test('TOK-08 a bootstrap token makes a user named by its ID, in system:bootstrappers and the group given with it', async () => {
  const cluster = runbook.current;
  const token = await createToken(cluster, '--groups system:bootstrappers:k8s-n02');
  const identity = await whoAmI(cluster, tokenFlags(cluster, token));
  assert.equal(identity.username, `system:bootstrap:${idOf(token)}`);
  assert.deepEqual(identity.groups.toSorted(), ['system:authenticated', 'system:bootstrappers', 'system:bootstrappers:k8s-n02']);
  const refused = await cluster.trySh(`kubectl get nodes ${tokenFlags(cluster, token)}`);
  assert.match(refused.stderr, new RegExp(`User "system:bootstrap:${idOf(token)}" cannot list resource "nodes"`));
});

test('TOK-09, INST-10 a token made by hand with openssl and kubectl is a credential at once', async () => {
  const cluster = runbook.current;
  const { pid } = cluster.apiserver;
  for (const version of KUBECTL_VERSIONS) {
    const output = await cluster.sh(`${TOKEN_BY_HAND_LINES}\necho $BOOTSTRAP_TOKEN`, { version });
    const [created, token = ''] = output.trim().split('\n');
    assert.match(token, TOKEN);
    assert.equal(created, `secret/bootstrap-token-${idOf(token)} created`);
    assert.equal(await statusWithToken(cluster, token), 200);
    assert.equal(cluster.apiserver.pid, pid);
    const row = await cluster.sh(`kubectl get secrets -n kube-system bootstrap-token-${idOf(token)} --no-headers`, { version });
    assert.match(row, /^bootstrap-token-\S+ +bootstrap\.kubernetes\.io\/token +5 /);
    assert.deepEqual((await whoAmI(cluster, tokenFlags(cluster, token))).groups.toSorted(), [
      'system:authenticated',
      'system:bootstrappers',
    ]);
  }
});

test('TOK-10 only six and sixteen lower-case letters and digits are a bootstrap token', async () => {
  const cluster = runbook.current;
  assert.match((await cluster.sh('kubeadm token generate')).trim(), TOKEN);
  for (const wrong of [
    'abcdef',
    'ABCDEF.0123456789abcdef',
    'abcdef.0123456789abcde',
    'abcdef-0123456789abcdef',
    'abcde.0123456789abcdef0',
  ]) {
    const refused = await cluster.trySh(`kubeadm token create ${wrong}`);
    assert.notEqual(refused.status, 0, wrong);
    assert.match(refused.stderr, /was not of the form/, wrong);
  }
  // The secret half decides, and a Secret that does not keep to the form is no credential.
  const token = await createToken(cluster);
  assert.equal(await statusWithToken(cluster, `${idOf(token)}.0123456789abcdef`), 401);
  await cluster.sh(`kubectl -n kube-system create secret generic bootstrap-token-abcde1 --type bootstrap.kubernetes.io/token \\
    --from-literal token-id=abcde1 --from-literal token-secret=TOOSHORT --from-literal usage-bootstrap-authentication=true`);
  assert.equal(await statusWithToken(cluster, 'abcde1.TOOSHORT'), 401);
});

test('TOK-11 token Secrets take the place of token.csv', async () => {
  const cluster = runbook.current;
  assert.ok(cluster.apiserver.args.includes('--enable-bootstrap-token-auth'));
  assert.ok(cluster.apiserver.args.every((argument) => !argument.startsWith('--token-auth-file')));
  assert.equal(await statusWithToken(cluster, await createToken(cluster)), 200);
});

test('TOK-17 tokens are made while the API server runs, which is told of none when it starts', async () => {
  const cluster = runbook.current;
  const { pid } = cluster.apiserver;
  const before = await createToken(cluster);
  assert.equal(await statusWithToken(cluster, before), 200);
  assert.equal(cluster.apiserver.pid, pid);
  // They are data of the cluster: another API server process knows them too.
  await cluster.apiserver.restart();
  assert.notEqual(cluster.apiserver.pid, pid);
  assert.equal(await statusWithToken(cluster, before), 200);
  assert.equal(await statusWithToken(cluster, await createToken(cluster)), 200);
});
