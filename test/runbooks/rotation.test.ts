/**
 * Section 7 of ACCEPTANCE: certificates that live for a minute, so that they are renewed while one looks on. A certificate begins five
 * minutes before it is issued, so that its lifetime is 350 s, of which 70 to 90 % are over between 55 s before and 15 s after its issue.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1CertificateSigningRequest } from '../../src/api/gen/types.ts';
import { until } from '../harness/until.ts';
import { CLIENT_SIGNER, SERVING_SIGNER } from './csr-table.ts';
import { AUTO_APPROVE_BINDINGS, BOOTSTRAPPER_BINDING, SERVING_KUBELET } from './documents.ts';
import { once } from './once.ts';
import { useRunbookCluster } from './runbook-cluster.ts';
import { makeBootstrapKubeconfigs, nodeJoined, signingRequests } from './runbook-steps.ts';

const LIFETIME_MS = 350_000;
const NODE = 'k8s-m01';

const runbook = useRunbookCluster(async (cluster) => {
  await cluster.startApiserver();
  await Promise.all([
    cluster.startControllerManager({ flags: ['--cluster-signing-duration=50s'] }),
    makeBootstrapKubeconfigs(cluster, [NODE, 'by-flag', 'gates-alone']),
    cluster.sh(BOOTSTRAPPER_BINDING),
    cluster.sh(AUTO_APPROVE_BINDINGS),
  ]);
});
const onNode = (script: string, node = NODE) => runbook.current.sh(script, { host: runbook.current.host(node) });
const currentFile = async (kind: 'client' | 'server', node = NODE, directory = 'cert') =>
  (await onNode(`readlink /etc/kubernetes/${directory}/kubelet-${kind}-current.pem`, node)).trim();
const fingerprintOf = async (path: string) => (await onNode(`openssl x509 -noout -fingerprint -sha256 -in ${path}`)).trim();
const servedFingerprint = async () => {
  const { address } = runbook.current.host(NODE);
  const script = `openssl s_client -connect ${address}:10250 </dev/null 2>/dev/null | openssl x509 -noout -fingerprint -sha256`;
  return (await onNode(script)).trim();
};
const pendingServing = async () =>
  (await signingRequests(runbook.current)).filter(
    ({ spec, status }) => spec.signerName === SERVING_SIGNER && !status?.conditions?.length,
  );
const renewed = (kind: 'client' | 'server', from: string) =>
  until(`the ${kind} certificate is renewed`, async () => {
    const file = await currentFile(kind);
    return file !== from && file;
  });

/** The administrator approves what the node asks for; answers the request. */
const approveServing = async (): Promise<V1CertificateSigningRequest> => {
  const csr = await until('the node asks for a serving certificate', async () => (await pendingServing())[0]);
  await runbook.current.sh(`kubectl certificate approve ${csr.metadata?.name}`);
  return csr;
};

/** A kubelet with the switches of 002 (fields) and 003 (gates as flags) has joined and serves what was approved. */
const joined = once(async () => {
  const kubelet = runbook.current.startKubelet(NODE, {
    document: SERVING_KUBELET,
    flags: ['--feature-gates=RotateKubeletClientCertificate=true', '--feature-gates=RotateKubeletServerCertificate=true'],
  });
  await nodeJoined(runbook.current, NODE);
  const client = await currentFile('client');
  const first = await approveServing();
  const server = await until('its file is there', () => currentFile('server'));
  return {
    kubelet,
    pid: kubelet.pid,
    client,
    first,
    server,
    served: await servedFingerprint(),
    fingerprint: await fingerprintOf(server),
  };
});

/** Its client certificate is renewed by itself, the serving certificate after another approval. */
const rotated = once(async () => {
  const { client, server, first, fingerprint } = await joined();
  const again = await until('the node asks for its second serving certificate', async () => (await pendingServing())[0]);
  const before = { file: await currentFile('server'), served: await servedFingerprint() };
  await approveServing();
  const files = { client: await renewed('client', client), server: await renewed('server', server) };
  await until('the new certificate is served', async () => (await servedFingerprint()) !== fingerprint);
  return { ...files, first, again, before };
});

test('ROT-01 client and serving certificate come by TLS bootstrap and are renewed before they expire, without a restart', async () => {
  const { kubelet, pid, client, server } = await joined();
  const next = await rotated();
  assert.equal(kubelet.pid, pid);
  assert.equal(kubelet.process.exitStatus, undefined);
  for (const [old, renewal] of [
    [client, next.client],
    [server, next.server],
  ] as const) {
    await onNode(`openssl verify -CAfile /etc/kubernetes/cert/ca.pem ${renewal}`);
    const end = async (path: string) =>
      Date.parse((await onNode(`openssl x509 -noout -enddate -in ${path} | sed s/notAfter=//`)).trim());
    assert.ok((await end(renewal)) > (await end(old)));
    const madeMs = Number(await onNode(`stat -c %Y ${renewal}`)) * 1000;
    assert.ok(madeMs < (await end(old)), 'in time');
  }
  await nodeJoined(runbook.current, NODE);
});

test('APPR-16 a serving certificate needs approval again when it is renewed; until then the old one is served', async () => {
  const { server, fingerprint } = await joined();
  const { first, again, before } = await rotated();
  assert.notEqual(again.metadata?.name, first.metadata?.name);
  assert.equal(again.spec.username, `system:node:${NODE}`);
  assert.equal(again.status?.conditions, undefined);
  assert.deepEqual(before, { file: server, served: fingerprint });
});

test('ROT-08 the serving certificate likewise, and :10250 serves the newest', async () => {
  const { server, served, fingerprint } = await joined();
  const next = await rotated();
  assert.equal(served, fingerprint);
  assert.match(next.server, /\/kubelet-server-\d{4}(-\d\d){5}\.pem$/);
  assert.notEqual(next.server, server);
  assert.equal(await servedFingerprint(), await fingerprintOf(next.server));
  const { address } = runbook.current.host(NODE);
  // A client that knows the authority is content with its names.
  const answer = await onNode(
    `curl -s -o /dev/null -w '%{http_code}' --cacert /etc/kubernetes/cert/ca.pem https://${address}:10250/healthz`,
  );
  assert.equal(answer, '401');
});

const TIME = '\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d(?:\\.\\d+)? \\+0000 UTC';
const EXPIRATION = new RegExp(`Certificate expiration is (${TIME}), rotation deadline is (${TIME}) signer="([^"]+)"`, 'g');
const parseTime = (text: string) => Date.parse(`${text.slice(0, 10)}T${text.slice(11).replace(' +0000 UTC', '')}Z`);

test('ROT-04 the deadline is a random point between 70 % and 90 % of the lifetime, for client and serving certificates', async () => {
  const { kubelet } = await joined();
  await rotated();
  const dates = await onNode('openssl x509 -noout -startdate -enddate -in /etc/kubernetes/cert/kubelet-client-current.pem');
  const [from, to] = dates.match(/=.*/g)!.map((text) => Date.parse(text.slice(1)));
  assert.equal(to! - from!, LIFETIME_MS);
  const shares = await until('there are some deadlines of each kind', () => {
    const found = [...kubelet.journal.matchAll(EXPIRATION)].map(([, end, deadline, signer]) => ({
      signer,
      share: 1 - (parseTime(end!) - parseTime(deadline!)) / LIFETIME_MS,
    }));
    const count = (wanted: string) => found.filter(({ signer }) => signer === wanted).length;
    return count(CLIENT_SIGNER) >= 2 && count(SERVING_SIGNER) >= 2 && found;
  });
  for (const { share } of shares) assert.ok(share >= 0.7 && share <= 0.9, String(share));
  assert.equal(new Set(shares.map(({ share }) => share.toFixed(4))).size, shares.length, 'a new draw each time');
});

test('ROT-05 the rotation manager logs expiry with deadline, waiting time and start of rotation', async () => {
  const { kubelet } = await joined();
  await rotated();
  const head = '^I\\d{4} \\d\\d:\\d\\d:\\d\\d\\.\\d{6} +\\d+ \\S+\\] ';
  await kubelet.waitFor(
    new RegExp(
      `${head}Certificate expiration is ${TIME}, rotation deadline is ${TIME}.*\\n(?:.*\\n)*?.*Waiting \\d+(?:\\.\\d+)?m?s for next certificate rotation`,
      'm',
    ),
  );
  assert.match(kubelet.journal, new RegExp(`${head}Rotating certificates`, 'm'));
});

test('ROT-07 each renewal of the client certificate is a new file with certificate and key, and the link points to the newest', async () => {
  const { client } = await joined();
  await rotated();
  const names = (await onNode('ls -1 /etc/kubernetes/cert | grep "^kubelet-client-2"')).trimEnd().split('\n');
  assert.ok(names.length >= 2, names.join(' '));
  for (const name of names) assert.match(name, /^kubelet-client-\d{4}(-\d\d){5}\.pem$/);
  const directory = runbook.current.host(NODE).path('/etc/kubernetes/cert');
  assert.ok(
    names.some((name) => `${directory}/${name}` === client),
    'the first is still there',
  );
  const newest = await currentFile('client');
  assert.ok(newest.startsWith(`${directory}/kubelet-client-`), 'an absolute path');
  assert.ok(newest.slice(directory.length + 1) >= names.at(-1)!);
  assert.match(await onNode(`grep -h BEGIN ${newest}`), /^-----BEGIN CERTIFICATE-----\n-----BEGIN EC PRIVATE KEY-----\n$/);
  assert.equal(await onNode(`openssl pkey -pubout -in ${newest}`), await onNode(`openssl x509 -pubkey -noout -in ${newest}`));
  assert.equal(await onNode('ls /etc/kubernetes/cert | grep -c "\\.key$" || true'), '0\n');
});

test('ROT-09 the kubelet talks with kubelet-client-current.pem, whose CN and O are its user and group, and with the newest after a renewal', async () => {
  await rotated();
  const path = runbook.current.host(NODE).path('/etc/kubernetes/cert/kubelet-client-current.pem');
  const config = await onNode('cat /etc/kubernetes/kubelet.kubeconfig');
  assert.match(config, new RegExp(`client-certificate: ${path}`));
  assert.match(config, new RegExp(`client-key: ${path}`));
  assert.match(
    await onNode(`openssl x509 -noout -subject -in ${path}`),
    new RegExp(`O ?= ?system:nodes, ?CN ?= ?system:node:${NODE}$`, 'm'),
  );
  const credentialOf = async (file: string) => {
    const fingerprint = (await fingerprintOf(file)).split('=')[1]!.replaceAll(':', '').toLowerCase();
    return `X509SHA256=${fingerprint}`;
  };
  const requests = (await signingRequests(runbook.current)).filter(({ spec }) => spec.username === `system:node:${NODE}`);
  const credentials = requests.map(({ spec }) => spec.extra?.['authentication.kubernetes.io/credential-id']?.[0]);
  for (const { spec } of requests) assert.deepEqual(spec.groups, ['system:nodes', 'system:authenticated']);
  const [first, second] = (await onNode('ls -1 /etc/kubernetes/cert/kubelet-client-2*')).trimEnd().split('\n');
  assert.ok(credentials.includes(await credentialOf(first!)), 'asked with the first certificate');
  await until('it asks with the second', async () => {
    const now = await signingRequests(runbook.current);
    const wanted = await credentialOf(second!);
    return now.some(({ spec }) => spec.extra?.['authentication.kubernetes.io/credential-id']?.[0] === wanted);
  });
});

test('ROT-03 the fields, or --rotate-certificates, turn renewal on', async () => {
  const { kubelet } = await joined();
  for (const signer of [CLIENT_SIGNER, SERVING_SIGNER])
    assert.match(kubelet.journal, new RegExp(`Certificate rotation is enabled signer="${signer}"`));
  // 000's configuration has neither field; 001 gives the flag without a value.
  const byFlag = runbook.current.startKubelet('by-flag', { flags: ['--rotate-certificates'] });
  await nodeJoined(runbook.current, 'by-flag');
  const first = await currentFile('client', 'by-flag', 'ssl');
  await until('its client certificate is renewed', async () => (await currentFile('client', 'by-flag', 'ssl')) !== first);
  assert.doesNotMatch(byFlag.journal, new RegExp(SERVING_SIGNER));
  await byFlag.stop();
});

test('ROT-02 the gates, in the file or as flags, permit: with them alone nothing is renewed or requested, without them neither', async () => {
  const { kubelet } = await joined();
  const gates = /feature gates: &\{map\[RotateKubeletClientCertificate:true RotateKubeletServerCertificate:true\]\}/;
  assert.match(kubelet.journal, gates, 'as flags, beside the fields');
  const alone = runbook.current.startKubelet('gates-alone');
  await nodeJoined(runbook.current, 'gates-alone');
  assert.match(alone.journal, gates, 'in the file of 000, without the fields (C-04)');
  await alone.stop();
  assert.doesNotMatch(alone.journal, /Certificate rotation is enabled/);
  const denied = runbook.current.startKubelet('gates-alone', {
    config: { rotateCertificates: true, featureGates: undefined },
    flags: ['--feature-gates=RotateKubeletClientCertificate=false'],
  });
  await denied.waitFor(/Successfully registered node/);
  await denied.stop();
  assert.doesNotMatch(denied.journal, /Certificate rotation is enabled/);
  const refused = runbook.current.startKubelet('gates-alone', {
    config: { serverTLSBootstrap: true, featureGates: undefined },
    flags: ['--feature-gates=RotateKubeletServerCertificate=false'],
  });
  assert.equal(await refused.process.exited, 255);
  assert.match(refused.journal, /serverTLSBootstrap true requires feature gate RotateKubeletServerCertificate/);
});
