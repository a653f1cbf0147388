/** Section 12 of ACCEPTANCE: what each flag of the documents' API server does. Those of etcd (API-05 to 07, 31) are in test/e2e/etcd.test.ts. */
import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { before, describe, test } from 'node:test';
import type { V1Pod, V1Service } from '../../src/api/gen/types.ts';
import { until } from '../harness/until.ts';
import { CSR_CRB_LINES } from './csr-crb-manifest.ts';
import { BOOTSTRAPPER_BINDING, SERVING_KUBELET } from './documents.ts';
import { type FlagChanges, useRunbookCluster } from './runbook-cluster.ts';
import { createToken, makeBootstrapKubeconfigs, nodeJoined, statusWithToken, tokenFlags, whoAmI } from './runbook-steps.ts';

const TOKEN = '0123456789abcdef0123456789abcdef';
const PLUGINS = 'NamespaceLifecycle,LimitRanger,ServiceAccount,DefaultStorageClass,ResourceQuota,NodeRestriction';

describe('an API server with the documents’ flags', () => {
  const runbook = useRunbookCluster((cluster) => cluster.startApiserver());
  const sh = (script: string) => runbook.current.sh(script);
  const json = <T>(args: string) => runbook.current.kubectl135.json<T>(args);
  const create = (object: object, args = 'create') => sh(`kubectl ${args} -o json -f - <<'END'\n${JSON.stringify(object)}\nEND`);
  const refused = async (object: object) => {
    const { status, stderr } = await runbook.current.trySh(`kubectl create -f - <<'END'\n${JSON.stringify(object)}\nEND`);
    assert.notEqual(status, 0);
    return stderr;
  };
  /** What curl gets with no credentials. */
  const statusOf = async (url: string, flags = '') =>
    (await runbook.current.trySh(`curl -s -o /dev/null -w '%{http_code}' ${flags} ${url}`)).stdout;

  before(async () => {
    // Accounts are needed by pods; nobody makes the default one here.
    await sh('kubectl create serviceaccount default');
  });

  const pod = (name: string, spec: object = {}) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: { containers: [{ name: 'c', image: 'busybox' }], ...spec },
  });
  const service = (name: string, spec: object = {}) => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name },
    spec: { ports: [{ port: 80 }], ...spec },
  });

  test('API-01 a pod may ask for a privileged container', async () => {
    const securityContext = { privileged: true };
    const made = JSON.parse(await create(pod('privileged', { containers: [{ name: 'c', image: 'busybox', securityContext }] })));
    assert.equal((made as V1Pod).spec?.containers[0]?.securityContext?.privileged, true);
  });

  test('API-02, API-04 it listens on the secure port of its own address alone', async () => {
    assert.equal(
      await sh('curl -s --cacert /etc/kubernetes/ssl/ca.pem https://192.168.20.31:6443/version | jq -r .status'),
      'Failure\n',
    );
    const host = runbook.current.host('elsewhere').address;
    assert.equal(await statusOf(`https://${host}:6443/version`, '-k'), '000');
  });

  test('API-03 the port without authentication is closed, and cannot be opened', async () => {
    assert.equal(await statusOf('http://192.168.20.31:8080/version'), '000');
    const { stderr } = await runbook.current.trySh('kube-apiserver --insecure-port=8080 --store=memory');
    assert.match(stderr, /--insecure-port/);
  });

  test('API-08, API-09 it serves with its certificate', async () => {
    const served = await sh(
      'openssl s_client -connect 192.168.20.31:6443 </dev/null 2>/dev/null | openssl x509 -noout -fingerprint',
    );
    assert.equal(served, await sh('openssl x509 -noout -fingerprint -in /etc/kubernetes/ssl/apiserver.pem'));
  });

  test('API-10 a client certificate of the authority names its user and groups', async () => {
    const subject = (await sh('openssl x509 -noout -subject -nameopt multiline -in /etc/kubernetes/ssl/admin.pem')) as string;
    const field = (name: string) => new RegExp(`${name}\\s+= (.*)`).exec(subject)?.[1];
    const { username, groups } = await whoAmI(runbook.current, '');
    assert.equal(username, field('commonName'));
    assert.ok(groups.includes(field('organizationName') ?? ''));
  });

  test('API-15 it decides by RBAC, then for nodes', async () => {
    const canI = (as: string, what: string) => sh(`kubectl auth can-i ${what} --as=${as} --as-group=system:nodes || true`);
    assert.match(await canI('joe', 'get pods'), /^no/);
    await sh('kubectl create rolebinding joe --clusterrole=view --user=joe');
    assert.match(await canI('joe', 'get pods'), /^yes/);
    assert.match(await canI('system:node:n1', 'get secrets'), /^no - No Object name found/);
    assert.match(await canI('system:node:n1', 'get nodes/n1'), /^yes/);
    assert.match(await canI('system:node:n1', 'delete secrets'), /^no/);
  });

  test('API-16, API-18, API-23 flags that change nothing here are taken', () => {
    const { args, journal } = runbook.current.apiserver;
    for (const flag of ['--kubelet-https=true', '--apiserver-count=3', '--logtostderr=true'])
      assert.ok(args.includes(flag), flag);
    assert.match(journal, /Serving securely/);
  });

  test('API-17 nobody is let in without credentials', async () => {
    assert.equal(await statusOf('https://192.168.20.31:6443/healthz', '-k'), '401');
  });

  test('API-24 a bootstrap token is a credential', async () => {
    assert.equal(await statusWithToken(runbook.current, await createToken(runbook.current)), 200);
  });

  test('API-25 so many requests are answered at once', async () => {
    const all = '/api/v1/namespaces/default/services/[1-60]';
    const answers = await sh(
      `curl -s -Z --parallel-max 60 -o /dev/null -w '%{http_code}\\n' --cacert /etc/kubernetes/ssl/ca.pem --cert /etc/kubernetes/ssl/admin.pem --key /etc/kubernetes/ssl/admin.key 'https://192.168.20.31:6443${all}'`,
    );
    assert.deepEqual([...new Set(answers.trim().split('\n'))], ['404']);
  });

  test('API-26 a collection is deleted', async () => {
    for (const name of ['a', 'b', 'c', 'd'])
      await sh(`kubectl create configmap ${name} && kubectl label configmap ${name} group=x`);
    await sh('kubectl delete configmap -l group=x');
    assert.equal(await sh('kubectl get configmap -l group=x -o name'), '');
  });

  test('API-27 services get addresses of the range, and none beyond it', async () => {
    const given = JSON.parse(await create(service('given'))) as V1Service;
    assert.match(given.spec?.clusterIP ?? '', /^10\.(\d|1[0-5])\./);
    assert.equal((await json<V1Service>('get service kubernetes')).spec?.clusterIP, '10.0.0.1');
    assert.match(await refused(service('outside', { clusterIP: '10.16.0.1' })), /range/);
  });

  test('API-28 node ports are of the range', async () => {
    const { spec } = JSON.parse(await create(service('open', { type: 'NodePort' }))) as V1Service;
    const port = spec?.ports?.[0]?.nodePort ?? 0;
    assert.ok(port >= 30_000 && port <= 35_000, String(port));
    assert.match(
      await refused(service('beyond', { type: 'NodePort', ports: [{ port: 80, nodePort: 35_001 }] })),
      /provided port is not in the valid range\. The range of valid ports is 30000-35000/,
    );
  });

  test('API-29, API-30 pods tolerate failed nodes for so long', async () => {
    const { spec } = JSON.parse(await create(pod('tolerant'))) as V1Pod;
    const seconds = (key: string) => spec?.tolerations?.find((toleration) => toleration.key === key)?.tolerationSeconds;
    assert.equal(seconds('node.kubernetes.io/not-ready'), 10);
    assert.equal(seconds('node.kubernetes.io/unreachable'), 10);
  });

  test('API-32 the plugins that are named work', async () => {
    const inNamespace = (namespace: string, object: ReturnType<typeof pod>) => ({
      ...object,
      metadata: { ...object.metadata, namespace },
    });
    assert.match(await refused(inNamespace('nowhere', pod('lost'))), /namespaces "nowhere" not found/);
    assert.match(
      await refused(pod('nobody', { serviceAccountName: 'nobody' })),
      /error looking up service account default\/nobody: serviceaccount "nobody" not found/,
    );
    const { spec } = JSON.parse(await create(pod('served'))) as V1Pod;
    assert.equal(spec?.serviceAccountName, 'default');
    assert.ok(spec?.volumes?.some(({ name }) => name.startsWith('kube-api-access-')));
  });
});

describe('an API server with one flag more or another', () => {
  const runbook = useRunbookCluster(async () => undefined);
  const startWith = async (changes: FlagChanges) => {
    const apiserver = await runbook.current.startApiserver(changes);
    return { apiserver, sh: (script: string) => runbook.current.sh(script) };
  };

  test('API-22 events are forgotten after their time', async () => {
    const { apiserver, sh } = await startWith({ flags: ['--event-ttl=1s'] });
    const event = { reason: 'Tried', involvedObject: { kind: 'Pod', namespace: 'default', name: 'p' } };
    await sh(
      `kubectl create -f - <<'END'\n${JSON.stringify({ apiVersion: 'v1', kind: 'Event', metadata: { name: 'e' }, ...event })}\nEND`,
    );
    await sh('kubectl create configmap lasting');
    await until('the event is forgotten', async () => (await sh('kubectl get events -o name')) === '');
    assert.equal(await sh('kubectl get configmap lasting -o name'), 'configmap/lasting\n');
    await apiserver.stop();
  });

  test('API-33 a static token is a credential', async () => {
    await runbook.current.sh(`echo '${TOKEN},joe,17,"ops,devs"' > /etc/kubernetes/static.csv`);
    const { apiserver, sh } = await startWith({ flags: ['--token-auth-file=/etc/kubernetes/static.csv'] });
    const identity = await whoAmI(runbook.current, tokenFlags(runbook.current, TOKEN));
    assert.equal(identity.username, 'joe');
    assert.deepEqual(identity.groups.toSorted(), ['devs', 'ops', 'system:authenticated']);
    assert.equal(await sh('kubectl get --raw /readyz'), 'ok');
    await apiserver.stop();
  });

  test('API-34 objects are kept under another path', async () => {
    const { apiserver, sh } = await startWith({ flags: ['--etcd-prefix=/elsewhere', '--data-dir=/var/lib/muster/prefixed'] });
    await sh('kubectl create configmap kept');
    await apiserver.stop();
    const file = (await sh('ls /var/lib/muster/prefixed/*.db | head -1')).trim();
    const database = new DatabaseSync(file, { readOnly: true });
    const keys = database
      .prepare('SELECT key FROM head')
      .all()
      .map(({ key }) => String(key));
    database.close();
    assert.ok(keys.includes('/elsewhere/configmaps/default/kept'));
    assert.ok(keys.every((key) => key.startsWith('/elsewhere/')));
  });

  test('API-35 --admission-control names the whole list', async () => {
    const { apiserver, sh } = await startWith({
      flags: [`--admission-control=${PLUGINS}`],
      without: ['enable-admission-plugins'],
    });
    const { stderr } = await runbook.current.trySh('kubectl run lost --image=busybox --namespace=nowhere');
    assert.match(stderr, /namespaces "nowhere" not found/);
    // DefaultTolerationSeconds is not among them.
    await sh('kubectl create serviceaccount default --dry-run=client -o yaml | kubectl apply -f -');
    await sh('kubectl run plain --image=busybox');
    assert.equal(await sh("kubectl get pod plain -o jsonpath='{.spec.tolerations}'"), '');
    await apiserver.stop();
  });
});

describe('an API server with a controller-manager and a kubelet', () => {
  const runbook = useRunbookCluster(async (cluster) => {
    // No name server knows the documents' nodes.
    await cluster.startApiserver({ flags: ['--kubelet-preferred-address-types=InternalIP'] });
    await Promise.all([
      cluster.startControllerManager(),
      makeBootstrapKubeconfigs(cluster, ['node1']),
      cluster.sh(BOOTSTRAPPER_BINDING),
      cluster.sh(`${CSR_CRB_LINES}\nkubectl apply -f csr-crb.yaml`),
    ]);
  });

  test('API-11 tokens that are signed with the key are verified with it', async () => {
    const secret = "{.items[?(@.type=='kubernetes.io/service-account-token')].data.token}";
    const token = await until('the account has its token', async () => {
      const printed = await runbook.current.sh(`kubectl get secret -o jsonpath="${secret}" | cut -d' ' -f1 | base64 -d`);
      return printed !== '' && printed;
    });
    const { username } = await whoAmI(runbook.current, tokenFlags(runbook.current, token));
    assert.equal(username, 'system:serviceaccount:default:default');
  });

  test('API-12 to API-14 it speaks to a kubelet of its authority, and proves who it is', async () => {
    const cluster = runbook.current;
    // Refusals are remembered for half a minute otherwise.
    const authorization = { mode: 'Webhook', webhook: { cacheUnauthorizedTTL: '1s' } };
    cluster.startKubelet('node1', { document: SERVING_KUBELET, config: { authorization } });
    await nodeJoined(cluster, 'node1');
    const ask = () => cluster.trySh('kubectl get --raw /api/v1/nodes/node1/proxy/healthz');
    assert.match((await ask()).stderr, /x509|certificate|handshake|alert/);
    const request = await until('the node asks for its serving certificate', () =>
      cluster.sh("kubectl get csr --no-headers | awk '/kubelet-serving/ && /Pending/ {print $1}'"),
    );
    await cluster.sh(`kubectl certificate approve ${request.trim()}`);
    const refused = await until('the kubelet serves with it', async () => {
      const { stderr } = await ask();
      return /Forbidden/.test(stderr) && stderr;
    });
    assert.match(refused, /user=kubernetes, verb=get, resource=nodes/);
    await cluster.sh('kubectl create clusterrolebinding kubelet-admin --clusterrole=system:kubelet-api-admin --user=kubernetes');
    await until('the kubelet answers', async () => (await ask()).stdout === 'ok', { intervalMs: 250 });
  });
});
