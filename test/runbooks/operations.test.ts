/**
 * Section 20 of ACCEPTANCE, headings without steps (G-12). Elsewhere: backups in test/e2e/backup, monitoring in addons and
 * test/e2e/approver-chart, loss of power in test/runbooks-hosts, upgrades in test/runbooks-hosts/deploy.
 */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { configMapKind } from '../../src/api/core/v1/config-map.ts';
import type { V1ConfigMap, V1Deployment } from '../../src/api/gen/types.ts';
import { clientFromKubeconfig } from '../../src/client/kubeconfig-client.ts';
import { startCluster } from '../../src/cluster/start-cluster.ts';
import { kubectl } from '../harness/kubectl.ts';
import { temporaryDirectory } from '../harness/temporary-directory.ts';
import { until } from '../harness/until.ts';
import { useRunbookCluster } from './runbook-cluster.ts';
import { createToken, statusWithToken, tokenFlags, whoAmI } from './runbook-steps.ts';

const PODS = 100;
const WRITERS = 20;
const WRITES = 20;

const runbook = useRunbookCluster(async (cluster) => {
  await cluster.startApiserver();
  await cluster.startControllerManager();
});
/** The token of an account of namespace default, which is made; the controller-manager of the documents' time keeps it in a Secret. */
async function accountToken(name: string): Promise<string> {
  const { sh } = runbook.current;
  await sh(`kubectl create serviceaccount ${name}`);
  const secret = `$(kubectl get secrets -o name | grep '/${name}-token-')`;
  const read = () => sh(`kubectl get ${secret} -o jsonpath='{.data.token}' | base64 -d`);
  return until(`account ${name} has a token`, async () => (await read()) || undefined, { intervalMs: 250 });
}

test('OPS-03 nodes full of pods and many writers at once: every pod runs, every write that was acknowledged is there', async () => {
  await using cluster = await startCluster({ nodes: 2 });
  await using directory = await temporaryDirectory();
  const kubeconfig = directory.file('kubeconfig');
  await writeFile(kubeconfig, cluster.kubeconfig, { mode: 0o600 });
  const { run, json } = kubectl('1.20', kubeconfig, directory.path);
  await run(`create deployment stress --image=nginx --replicas=${PODS}`);
  const acknowledged: string[] = [];
  const maps = (await clientFromKubeconfig(kubeconfig)).resource<V1ConfigMap>(configMapKind, 'default');
  const write = async (writer: number) => {
    for (let i = 0; i < WRITES; i++) {
      const name = `stress-${writer}-${i}`;
      await maps.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, labels: { for: 'stress' } } });
      acknowledged.push(name);
    }
  };
  const rolledOut = run('rollout status deployment/stress --timeout=180s');
  await Promise.all([rolledOut, ...Array.from({ length: WRITERS }, (_, writer) => write(writer))]);
  assert.equal((await json<V1Deployment>('get deployment stress')).status!.readyReplicas, PODS);
  const { items } = await json<{ items: V1ConfigMap[] }>('get configmaps -l for=stress');
  assert.deepEqual(items.map(({ metadata }) => metadata!.name).sort(), acknowledged.sort());
  assert.equal(acknowledged.length, WRITERS * WRITES);
  assert.equal(await run('get --raw /readyz'), 'ok');
  await run('scale deployment stress --replicas=0');
  await until('the pods are gone', async () => (await run('get pods -l app=stress -o name')) === '');
});

test('OPS-05 an account may do what its role says and nothing else, and cannot give itself more', async () => {
  const { current } = runbook;
  const { sh, trySh } = current;
  const flags = tokenFlags(current, await accountToken('reader'));
  const denied = async (what: string, words: RegExp) => assert.match((await trySh(`kubectl ${what} ${flags}`)).stderr, words);
  const forbidden =
    /Error from server \(Forbidden\): pods is forbidden: User "system:serviceaccount:default:reader" cannot list resource "pods" in API group "" in the namespace "default"/;
  await denied('get pods', forbidden);
  await sh(`kubectl create role reader --verb=get,list --resource=pods
kubectl create rolebinding reader --role=reader --serviceaccount=default:reader`);
  await until('it may read pods', async () => (await trySh(`kubectl get pods ${flags}`)).status === 0);
  await denied('get secrets', /secrets is forbidden/);
  await denied('get pods -n kube-system', /pods is forbidden/);
  await sh(`kubectl create role granter --verb=create --resource=roles.rbac.authorization.k8s.io
kubectl create rolebinding granter --role=granter --serviceaccount=default:reader`);
  const more = (verbs: string) => `create role ${verbs.replace(',', '-')} --verb=${verbs} --resource=pods ${flags}`;
  await until('it may make roles of what it has', async () => (await trySh(`kubectl ${more('get,list')}`)).status === 0);
  await denied(more('delete'), /is attempting to grant RBAC permissions not currently held/);
});

test('OPS-06 tokens of bootstrap and of accounts are credentials until they or their account are deleted', async () => {
  const { current } = runbook;
  const [bootstrap, account] = [await createToken(current), await accountToken('robot')];
  assert.match((await whoAmI(current, tokenFlags(current, bootstrap))).username, /^system:bootstrap:/);
  assert.equal((await whoAmI(current, tokenFlags(current, account))).username, 'system:serviceaccount:default:robot');
  assert.match(await current.sh('kubeadm token list --kubeconfig ~/.kube/config'), new RegExp(`^${bootstrap} `, 'm'));
  await current.sh(`kubeadm token delete ${bootstrap} --kubeconfig ~/.kube/config
kubectl delete serviceaccount robot`);
  for (const token of [bootstrap, account])
    await until('the token is no credential', async () => (await statusWithToken(current, token)) === 401);
});
