/** Section 21 of ACCEPTANCE, what the documents' lines do with an archive of programs. What `muster deploy` installs: src/deploy/desired. */
import assert from 'node:assert/strict';
import { createReadStream } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { test } from 'node:test';
import { OLD_VERSIONS } from '../e2e/old-manifests.ts';
import { KUBECTL_VERSIONS } from '../harness/kubectl.ts';
import { useRunbookCluster } from './runbook-cluster.ts';

const ARCHIVE = 'kubernetes-server-linux-amd64.tar.gz';
const PROGRAMS = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kube-proxy', 'kubelet'];
/** 001, lines 240-244. */
const DOWNLOAD_LINES = `
curl -O https://dl.k8s.io/v1.15.3/${ARCHIVE}

tar zxf ${ARCHIVE}

cd kubernetes/server/bin
`;
/** 001, lines 250-254. */
const COPY_LINES = `
cp -rf ${PROGRAMS.join(' ')} /usr/bin
`;

const runbook = useRunbookCluster(async () => undefined);

test('INST-03 an archive of Muster’s programs is downloaded, unpacked, entered and copied by the document’s lines', async () => {
  const { master, sh } = runbook.current;
  await sh(`mkdir -p packed/kubernetes/server/bin usr/bin download
muster link packed/kubernetes/server/bin
tar czf ${ARCHIVE} -C packed kubernetes`);
  const server = createServer((request, response) => {
    if (request.url === `/v1.15.3/${ARCHIVE}`) void pipeline(createReadStream(`${master.home}/${ARCHIVE}`), response);
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const lines = (DOWNLOAD_LINES + COPY_LINES)
      .replace('https://dl.k8s.io', `http://127.0.0.1:${(server.address() as AddressInfo).port}`)
      .replace('/usr/bin', `${master.home}/usr/bin`);
    await sh(lines, { cwd: `${master.home}/download` });
  } finally {
    server.close();
    server.closeAllConnections();
  }
  for (const program of PROGRAMS)
    assert.match(await sh(`./usr/bin/${program} --version`), /^Kubernetes v1\.\d+\.\d+\n$/, program);
});

test('INST-02 what was written for Kubernetes 1.10 to 1.15 is served to clients of old and new', async () => {
  const { sh, startApiserver } = runbook.current;
  await startApiserver({ flags: [`--runtime-config=${OLD_VERSIONS.map((version) => `${version}=true`).join()}`] });
  for (const version of KUBECTL_VERSIONS) {
    const served = (await sh('kubectl api-versions', { version })).split('\n');
    for (const old of OLD_VERSIONS) assert.ok(served.includes(old), `${old} with kubectl ${version}`);
  }
  const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image: 'nginx:1.7.9' }] } };
  const deployment = { apiVersion: 'extensions/v1beta1', kind: 'Deployment', metadata: { name: 'web' }, spec: { template } };
  await sh('kubectl create -f -', { input: JSON.stringify(deployment) });
  assert.equal(await sh('kubectl get deployments.v1.apps web -o name'), 'deployment.apps/web\n');
});
