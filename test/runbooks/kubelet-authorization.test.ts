/** Section 10 of ACCEPTANCE: who may use a kubelet's API, what the others are told, and how long it remembers. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, test } from 'node:test';
import { until } from '../harness/until.ts';
import { AUTO_APPROVE_BINDINGS, BOOTSTRAPPER_BINDING, SERVING_KUBELET } from './documents.ts';
import {
  AS_ADMIN,
  AS_CONTROLLER_MANAGER,
  AS_NOBODY,
  atPath,
  BY_ADDRESS,
  copyCertificates,
  createPod,
  KUBELET_APIS_BINDING,
  SERVICE_ACCOUNT_LINES,
  SERVICE_ACCOUNT_TOKEN_LINES,
  serves,
  toNode,
  WITH_TOKEN,
  WITH_UNKNOWN_TOKEN,
} from './kubelet-api-lines.ts';
import { useRunbookCluster } from './runbook-cluster.ts';
import { makeBootstrapKubeconfigs, nodeJoined, statusWithToken } from './runbook-steps.ts';
import { startTimeTravellingKubelet, type TimeTravellingKubelet } from './time-travelling-kubelet.ts';

const NODE = 'm7-autocv-gpu01';
const AUDIT_LOG = '/var/log/kubernetes/audit.log';
/** What kubelets ask about rights, whole. */
const AUDIT_POLICY = `
cat > /etc/kubernetes/audit-policy.yaml <<EOF
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- {level: Request, userGroups: ["system:nodes"], resources: [{group: authorization.k8s.io, resources: [subjectaccessreviews]}]}
- {level: None}
EOF
mkdir -p /var/log/kubernetes`;

/** The kubelet with time of its own: half a minute and five minutes pass in no time. */
let kubelet: TimeTravellingKubelet | undefined;
after(() => kubelet?.[Symbol.asyncDispose]());
const runbook = useRunbookCluster(async (cluster) => {
  await cluster.sh(AUDIT_POLICY);
  const audit = ['--audit-policy-file=/etc/kubernetes/audit-policy.yaml', `--audit-log-path=${AUDIT_LOG}`];
  await Promise.all([cluster.startApiserver({ flags: [...audit, BY_ADDRESS] }), copyCertificates(cluster)]);
  await Promise.all([
    cluster.startControllerManager(),
    makeBootstrapKubeconfigs(cluster, [NODE]),
    cluster.sh(BOOTSTRAPPER_BINDING + AUTO_APPROVE_BINDINGS),
  ]);
  kubelet = startTimeTravellingKubelet(cluster, NODE, { document: SERVING_KUBELET });
  await nodeJoined(cluster, NODE);
  await Promise.all([serves(cluster, cluster.host(NODE)), createPod(cluster, NODE)]);
});

/** Runs one of the document's lines against the node; `| head` may end before what it reads. */
const ask = (line: string, env?: Record<string, string>) =>
  runbook.current.sh(`set +o pipefail\n${toNode(line, runbook.current.host(NODE))}`, { ...(env && { env }) });
const statusOf = (line: string, env?: Record<string, string>) => ask(`${line} -o /dev/null -w '%{http_code}'`, env);
const jump = (ms: number) => kubelet!.jump(ms);
const fails = async (line: string) => (await runbook.current.trySh(line)).stderr;

/** Resolves once the API server says yes, or no: what it was told reaches its authorizer a moment later. */
const decides = (answer: 'yes' | 'no', question: string) =>
  until(`the API server says ${answer} to ${question}`, async () => {
    const { stdout } = await runbook.current.trySh(`kubectl auth can-i ${question}`);
    return stdout.trim().split('\n').at(-1) === answer;
  });

interface Rights {
  readonly user: string;
  readonly groups: readonly string[];
  readonly resourceAttributes: Readonly<Record<string, string>>;
}
interface Asked {
  readonly user: { readonly username: string };
  readonly requestObject: { readonly spec: Rights };
}
/** What the kubelet has asked the API server so far. */
async function asked(): Promise<Asked[]> {
  const lines = (await readFile(runbook.current.path(AUDIT_LOG), 'utf8')).split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as Asked);
}

const METRICS = [
  '# HELP apiserver_client_certificate_expiration_seconds Distribution of the remaining lifetime on the certificate used to authenticate a request.',
  '# TYPE apiserver_client_certificate_expiration_seconds histogram',
  ...['0', '21600', '43200', '86400', '172800', '345600', '604800', '2.592e+06'].map(
    (bound) => `apiserver_client_certificate_expiration_seconds_bucket{le="${bound}"} 0`,
  ),
].join('\n');

test('KAPI-22 who shows nothing is told one word', async () => {
  assert.equal(await ask(AS_NOBODY), 'Unauthorized');
  assert.equal(await statusOf(AS_NOBODY), '401');
});

test('KAPI-23 so is who shows a token that nobody knows', async () => {
  assert.equal(await ask(WITH_UNKNOWN_TOKEN), 'Unauthorized');
  assert.equal(await statusOf(WITH_UNKNOWN_TOKEN), '401');
});

test('KAPI-26 who may not is told who he is and what he lacks', async () => {
  const line = 'Forbidden (user=system:kube-controller-manager, verb=get, resource=nodes, subresource=metrics)';
  assert.equal(await ask(AS_CONTROLLER_MANAGER), line);
  assert.equal(await statusOf(AS_CONTROLLER_MANAGER), '403');
});

test('KAPI-29 the administrator gets the metrics, of which the lifetimes of callers’ certificates come first', async () => {
  assert.equal(await ask(`${AS_ADMIN}|head`), `${METRICS}\n`);
});

test('KAPI-30 files in the current directory are named as paths', async () => {
  const line = AS_ADMIN.replaceAll('/opt/k8s/work/', './');
  assert.ok((await ask(`cd /opt/k8s/work\n${line}`)).startsWith(METRICS));
  // What the document saw: a curl that takes a bare name for something else and shows no certificate (M-36).
  assert.match(await ask(`${AS_NOBODY} -i --http1.1`), /^HTTP\/1\.1 401 Unauthorized\r\n/);
});

test('KAPI-28 the role that opens the whole API has these rules', async () => {
  const lines = (await ask('kubectl describe clusterrole system:kubelet-api-admin')).trimEnd().split('\n');
  assert.deepEqual(lines.slice(0, 6), [
    'Name:         system:kubelet-api-admin',
    'Labels:       kubernetes.io/bootstrapping=rbac-defaults',
    // kubectl wrote `=` when the document was made, and sorted the rules in another way.
    'Annotations:  rbac.authorization.kubernetes.io/autoupdate: true',
    'PolicyRule:',
    '  Resources      Non-Resource URLs  Resource Names  Verbs',
    '  ---------      -----------------  --------------  -----',
  ]);
  assert.deepEqual(lines.slice(6).sort(), [
    '  nodes          []                 []              [get list watch proxy]',
    '  nodes/log      []                 []              [*]',
    '  nodes/metrics  []                 []              [*]',
    '  nodes/proxy    []                 []              [*]',
    '  nodes/spec     []                 []              [*]',
    '  nodes/stats    []                 []              [*]',
  ]);
});

test('KAPI-31 a ServiceAccount that is bound to it gets in by the token of its Secret', async () => {
  await ask(SERVICE_ACCOUNT_LINES);
  await until('the account has a Secret', () => runbook.current.sh('kubectl get secrets | grep ^kubelet-api-test-token-'));
  await decides('yes', 'get nodes --subresource=metrics --as=system:serviceaccount:default:kubelet-api-test');
  const TOKEN = (await ask(SERVICE_ACCOUNT_TOKEN_LINES)).trim();
  assert.match(TOKEN, /^[\w-]+\.[\w-]+\.[\w-]+$/);
  assert.equal(await ask(`${WITH_TOKEN}|head`, { TOKEN }), `${METRICS}\n`);
});

/** A new account and the token of its Secret. */
async function account(name: string, namespace = 'default'): Promise<string> {
  await runbook.current.sh(`kubectl -n ${namespace} create sa ${name}`);
  return until(`${name} has a token`, async () => {
    const secrets = await runbook.current.sh(
      `kubectl -n ${namespace} get secrets -o jsonpath='{range .items[*]}{.metadata.name} {.data.token}{"\\n"}{end}'`,
    );
    const token = new RegExp(`^${name}-token-\\S+ (\\S+)$`, 'm').exec(secrets)?.[1];
    return token && Buffer.from(token, 'base64').toString();
  });
}

test('KAPI-21 the ways in are a certificate of the authority and a token that the API server confirms', async () => {
  await ask(`cd /opt/k8s/work
    openssl req -x509 -newkey rsa:2048 -nodes -days 365 -subj /O=system:masters/CN=admin -keyout own-key.pem -out own.pem 2>/dev/null`);
  assert.equal(await ask(AS_ADMIN.replaceAll('work/admin', 'work/own')), 'Unauthorized', 'nobody vouches for it');
  assert.equal(await statusOf(AS_ADMIN), '200');
  const TOKEN = await account('known');
  assert.equal(await statusOf(WITH_TOKEN, { TOKEN }), '403', 'known, but without rights');
  assert.equal(await statusOf(WITH_TOKEN, { TOKEN: TOKEN.slice(0, -4) }), '401', 'not as it was signed');
});

test('KAPI-04 who may not is refused, whoever he is', async () => {
  const apiserver = AS_ADMIN.replace('/opt/k8s/work/admin.pem', '/etc/kubernetes/ssl/apiserver.pem').replace(
    '/opt/k8s/work/admin-key.pem',
    '/etc/kubernetes/ssl/apiserver.key',
  );
  assert.equal(await ask(apiserver), 'Forbidden (user=kubernetes, verb=get, resource=nodes, subresource=metrics)');
  assert.equal(
    await ask(atPath(WITH_TOKEN, '/stats/'), { TOKEN: await account('heapster', 'kube-system') }),
    'Forbidden (user=system:serviceaccount:kube-system:heapster, verb=get, resource=nodes, subresource=stats)',
  );
});

test('KAPI-24 the kubelet asks the API server whether that user, in those groups, may do it', async () => {
  assert.equal(await statusOf(atPath(AS_ADMIN, '/spec/')), '200');
  const spec = await until('the question is in the audit log', async () =>
    (await asked()).find(
      ({ requestObject: { spec } }) => spec.user === 'admin' && spec.resourceAttributes['subresource'] === 'spec',
    ),
  );
  assert.deepEqual(spec.requestObject.spec, {
    user: 'admin',
    groups: ['system:masters', 'system:authenticated'],
    resourceAttributes: { verb: 'get', version: 'v1', resource: 'nodes', subresource: 'spec', name: NODE },
  });
  const askers = (await asked()).map(({ user }) => user.username);
  assert.deepEqual([...new Set(askers)], [`system:node:${NODE}`]);
});

test('KAPI-27 rights are on subresources of nodes, each for its paths', async () => {
  const rows: [path: string, method: string, verb: string, subresource: string][] = [
    ['/metrics/cadvisor', 'GET', 'get', 'subresource=metrics'],
    ['/stats/summary', 'GET', 'get', 'subresource=stats'],
    ['/stats/container', 'POST', 'create', 'subresource=stats'],
    ['/logs/', 'GET', 'get', 'subresource=log'],
    ['/spec/', 'GET', 'get', 'subresource=spec'],
    ['/run/default/nginx-ds-5rmws/my-nginx', 'POST', 'create', 'subresource=proxy'],
    ['/containerLogs/default/nginx-ds-5rmws/my-nginx', 'GET', 'get', 'subresource=proxy'],
    // Newer releases ask for a finer one first.
    ['/pods', 'GET', 'get', 'subresource(s)=[pods proxy]'],
  ];
  for (const [path, method, verb, subresource] of rows)
    assert.equal(
      await ask(`${atPath(AS_CONTROLLER_MANAGER, path)} -X ${method}`),
      `Forbidden (user=system:kube-controller-manager, verb=${verb}, resource=nodes, ${subresource})`,
      path,
    );
  await ask(`kubectl create clusterrole reads-spec --verb=get --resource=nodes/spec
    kubectl create clusterrolebinding reads-spec --clusterrole=reads-spec --serviceaccount=default:reads-spec`);
  await decides('yes', 'get nodes --subresource=spec --as=system:serviceaccount:default:reads-spec');
  const TOKEN = await account('reads-spec');
  assert.equal(await statusOf(atPath(WITH_TOKEN, '/spec/'), { TOKEN }), '200');
  assert.equal(await statusOf(WITH_TOKEN, { TOKEN }), '403');
});

test('KAPI-32 the API server is let in once the name in its certificate is bound', async () => {
  const refused = /Forbidden \(user=kubernetes, verb=\w+, resource=nodes, subresource=proxy\)/;
  const [exec, attach, logs] = ['exec nginx-ds-5rmws -- date', 'attach nginx-ds-5rmws', 'logs nginx-ds-5rmws'];
  await until('the pod runs', async () => (await runbook.current.sh('kubectl get pod nginx-ds-5rmws')).includes('Running'));
  for (const command of [exec, attach, logs]) assert.match(await fails(`kubectl ${command}`), refused, command);
  assert.equal(
    await ask(KUBELET_APIS_BINDING),
    'clusterrolebinding.rbac.authorization.k8s.io/kube-apiserver:kubelet-apis created\n',
  );
  await decides('yes', 'create nodes --subresource=proxy --as=kubernetes');
  await jump(30_000); // KAPI-25: until then it remembers the refusal
  assert.equal(await ask(`kubectl ${logs}`), '');
  // The container is hollow: who hears of that has been let in.
  for (const command of [exec, attach]) assert.match(await fails(`kubectl ${command}`), / is hollow /, command);
});

test('KAPI-25 a confirmed token is remembered for 2m0s, a yes for 5m0s, a no for 30s', async () => {
  const user = 'system:serviceaccount:default:remembered';
  const TOKEN = await account('remembered');
  const status = () => statusOf(WITH_TOKEN, { TOKEN });
  const binding = 'clusterrolebinding remembered';
  const refusedMs = kubelet!.now();
  assert.equal(await status(), '403');
  await ask(`kubectl create ${binding} --clusterrole=system:kubelet-api-admin --serviceaccount=default:remembered`);
  await decides('yes', `get nodes --subresource=metrics --as=${user}`);
  const again = await status();
  // Its clock goes on meanwhile: a machine that stood still for as long proves nothing.
  if (kubelet!.now() < refusedMs + 30_000) assert.equal(again, '403', 'the no holds');
  await jump(30_000);
  assert.equal(await status(), '200', 'for half a minute');

  await ask(`kubectl delete ${binding}`);
  await decides('no', `get nodes --subresource=metrics --as=${user}`);
  await jump(2 * 60_000);
  assert.equal(await status(), '200', 'the yes holds');
  await jump(3 * 60_000);
  assert.equal(await status(), '403', 'for five minutes');

  await ask('kubectl delete sa remembered');
  await until('the API server knows it no more', async () => (await statusWithToken(runbook.current, TOKEN)) === 401);
  await jump(30_000);
  assert.equal(await status(), '403', 'the kubelet still knows it');
  await jump(90_000);
  assert.equal(await status(), '401', 'for two minutes');
});
