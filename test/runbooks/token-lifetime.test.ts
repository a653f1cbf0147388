/** Section 1 of ACCEPTANCE: how bootstrap tokens end, and the token Secrets of controllers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Secret } from '../../src/api/gen/types.ts';
import { until } from '../harness/until.ts';
import { TOKEN_BY_HAND_LINES } from './documents.ts';
import { useRunbookCluster } from './runbook-cluster.ts';
import { createToken, statusWithToken, tokenFlags, whoAmI } from './runbook-steps.ts';

const runbook = useRunbookCluster((cluster) => cluster.startApiserver());

const DAY_MS = 86_400_000;
const secretName = (token: string) => `bootstrap-token-${token.slice(0, 6)}`;
const tokenExists = async (token: string) =>
  (await runbook.current.trySh(`kubectl get secret -n kube-system ${secretName(token)}`)).status === 0;
/** Lets a token expire so many seconds from now. */
const expireIn = (token: string, seconds: number) =>
  runbook.current.sh(
    `kubectl patch secret -n kube-system ${secretName(token)} -p '{"stringData":{"expiration":"'$(date -u -d '${seconds} seconds' +%FT%TZ)'"}}'`,
  );

test('TOK-04 a token made without a TTL is valid for a day, and not after', async () => {
  const cluster = runbook.current;
  const beforeMs = Date.now();
  const token = await createToken(cluster);
  const secret = await cluster.kubectl120.json<V1Secret>(`get secret -n kube-system ${secretName(token)}`);
  const expiration = Buffer.from(secret.data?.['expiration'] ?? '', 'base64').toString();
  assert.match(expiration, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)$/);
  const lifetimeMs = Date.parse(expiration) - beforeMs;
  assert.ok(lifetimeMs >= DAY_MS - 1000 && lifetimeMs <= DAY_MS + (Date.now() - beforeMs), expiration);
  assert.equal(await statusWithToken(cluster, token), 200);
  await expireIn(token, 2);
  await until('the token is refused', async () => (await statusWithToken(cluster, token)) === 401);
  assert.ok(await tokenExists(token), 'nobody has removed it: it is refused because it has expired');
});

test('TOK-05 the tokencleaner removes expired tokens, but only where it is enabled', async () => {
  const cluster = runbook.current;
  const [expired, valid] = [await createToken(cluster), await createToken(cluster)];
  await expireIn(expired, -5);
  await cluster.startControllerManager({ flags: ['--controllers=*'] });
  await until('the controllers work', () => cluster.kubectl120.run('get configmap -n kube-system kube-root-ca.crt'));
  assert.doesNotMatch(cluster.controllerManager.journal, /controller="token-cleaner-controller"/);
  assert.ok(await tokenExists(expired));
  await cluster.controllerManager.stop();

  await cluster.startControllerManager();
  await until('the expired token is gone', async () => !(await tokenExists(expired)));
  assert.ok(await tokenExists(valid));
  // One that expires while the controller runs.
  await expireIn(valid, 2);
  await until('the other token is gone too', async () => !(await tokenExists(valid)));
});

test('TOK-07 controllers have ServiceAccounts in kube-system, and each of those a token Secret', async () => {
  const cluster = runbook.current;
  for (const account of ['attachdetach-controller', 'bootstrap-signer']) {
    const row = await until(`the token Secret of ${account}`, () =>
      cluster.sh(`kubectl get secrets  -n kube-system | grep ^${account}-token`),
    );
    assert.match(
      row,
      new RegExp(`^${account}-token-[bcdfghjklmnpqrstvwxz2456789]{5} +kubernetes\\.io/service-account-token +3 +\\S+\\n$`),
    );
    await cluster.sh(`kubectl get serviceaccount -n kube-system ${account}`);
  }
  // Any account gets one, and it is a credential.
  await cluster.sh('kubectl create namespace tok-07');
  const token = await until('the new account has a token', () =>
    cluster.sh(`kubectl create sa reader -n tok-07 >/dev/null 2>&1 || true
      secret=$(kubectl get secrets -n tok-07 | grep ^reader-token | awk '{print $1}')
      kubectl get secret -n tok-07 $secret -o jsonpath='{.data.token}' | base64 -d`),
  );
  assert.equal((await whoAmI(cluster, tokenFlags(cluster, token))).username, 'system:serviceaccount:tok-07:reader');
});

test('TOK-12 a token that is deleted no longer authenticates; one left alone goes when it has expired', async () => {
  const cluster = runbook.current;
  const [byKubectl, byKubeadm, left] = [
    (await cluster.sh(`${TOKEN_BY_HAND_LINES}\necho $BOOTSTRAP_TOKEN`)).trim().split('\n').at(-1) ?? '',
    await createToken(cluster),
    await createToken(cluster, '--ttl 2s'),
  ];
  for (const token of [byKubectl, byKubeadm]) assert.equal(await statusWithToken(cluster, token), 200);
  await cluster.sh(`kubectl delete secret -n kube-system ${secretName(byKubectl)}`);
  assert.equal(await statusWithToken(cluster, byKubectl), 401);
  assert.equal(
    await cluster.sh(`kubeadm token delete ${byKubeadm} --kubeconfig ~/.kube/config`),
    `bootstrap token "${byKubeadm.slice(0, 6)}" deleted\n`,
  );
  assert.equal(await statusWithToken(cluster, byKubeadm), 401);
  await until('the expired token is gone', async () => !(await tokenExists(left)));
  assert.equal(await statusWithToken(cluster, left), 401);
});
