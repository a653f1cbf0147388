import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import type { V1CertificateSigningRequest } from '../../src/api/gen/types.ts';
import { createCertificateRequest } from '../../src/pki/certificate-request.ts';
import { generatePrivateKey } from '../../src/pki/keys.ts';
import { KUBECTL_VERSIONS } from '../harness/kubectl.ts';
import { runOrFail } from '../harness/run-command.ts';
import { until } from '../harness/until.ts';
import { kubectlSession, namespaceFor } from './kubectl-session.ts';
import { useUpCluster } from './up-cluster.ts';

const cluster = useUpCluster('--nodes', '1');

for (const version of KUBECTL_VERSIONS)
  describe(`kubectl ${version} and who may do what`, () => {
    const old = version === '1.20';
    const namespace = namespaceFor('access', version);
    const { run, fails, json, try: attempt } = kubectlSession(cluster, version, namespace);
    const suffix = version.replace('.', '-');
    before(() => run(`create namespace ${namespace}`));

    test('auth can-i answers for oneself and for others', async () => {
      assert.equal(await run('auth can-i create pods'), 'yes\n');
      assert.match(await run('auth can-i --list'), /^\*\.\* +\[\] +\[\] +\[\*\]$/m);
      await run('create role reader --verb=get,list --resource=configmaps');
      await run('create rolebinding reader --role=reader --user=jane --serviceaccount=default:default');
      assert.equal(await run('auth can-i get configmaps --as jane'), 'yes\n');
      const no = await attempt('auth can-i delete configmaps --as jane');
      assert.equal(no.stdout, 'no\n');
      assert.equal(no.status, 1);
      assert.equal(await run('auth can-i list configmaps --as system:serviceaccount:default:default'), 'yes\n');
      assert.match(await run('auth can-i --list --as jane'), /^configmaps +\[\] +\[\] +\[get list\]$/m);
      assert.equal(
        await run(
          'auth can-i create certificatesigningrequests.certificates.k8s.io/nodeclient --as x --as-group system:bootstrappers',
        ),
        'yes\n',
      );
      assert.equal((await attempt('auth can-i create pods --as system:node:node-1 --as-group system:nodes')).stdout, 'yes\n');
      assert.match(
        (await attempt('auth can-i get secret/some --as system:node:node-1 --as-group system:nodes')).stdout,
        /^no( - no relationship found between node 'node-1' and this object)?$/m,
      );
    });

    test('what is forbidden is said in full', async () => {
      assert.match(
        await fails('get pods --as jane'),
        new RegExp(
          `^Error from server \\(Forbidden\\): pods is forbidden: User "jane" cannot list resource "pods" in API group "" in the namespace "${namespace}"$`,
          'm',
        ),
      );
      assert.match(
        await fails('get nodes --as jane'),
        /nodes is forbidden: User "jane" cannot list resource "nodes" in API group "" at the cluster scope/,
      );
      assert.match(await fails('get --raw /metrics --as jane'), /forbidden: User "jane" cannot get path "\/metrics"/);
      assert.match(
        await fails('get configmaps --as jane --as-group g --as-group h -v=0 -n default'),
        /User "jane" cannot list resource "configmaps" in API group "" in the namespace "default"/,
      );
    });

    test('nobody gives away more than he has', async () => {
      await run('create role binder --verb=create,get,update --resource=roles,rolebindings');
      await run('create rolebinding binder --role=binder --user=climber');
      assert.match(
        await fails('create role all --verb=get --resource=secrets --as climber'),
        /roles\.rbac\.authorization\.k8s\.io "all" is forbidden: user "climber" \(groups=\["system:authenticated"\]\) is attempting to grant RBAC permissions not currently held:\s+\{APIGroups:\[""\], Resources:\["secrets"\], Verbs:\["get"\]\}/,
      );
      assert.match(
        await fails('create rolebinding all --clusterrole=cluster-admin --user=climber --as climber'),
        /rolebindings\.rbac\.authorization\.k8s\.io "all" is forbidden: user "climber".* is attempting to grant RBAC permissions not currently held/,
      );
    });

    test('auth reconcile makes roles what a file says', async () => {
      const role = {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'ClusterRole',
        metadata: { name: `reconciled-${suffix}` },
        rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }],
      };
      assert.match((await attempt('auth reconcile -f -', role)).stderr, /reconciliation required create/);
      role.rules[0]!.verbs.push('list');
      assert.match((await attempt('auth reconcile -f -', role)).stderr, /reconciliation required update/);
      assert.match(await run(`describe clusterrole reconciled-${suffix}`), /pods +\[\] +\[\] +\[get list\]/);
    });

    test('a request is approved, issued and used; another one denied', async () => {
      const key = await generatePrivateKey();
      const request = await createCertificateRequest({ key, commonName: `user-${suffix}`, organizations: ['devs'] });
      const csr = (name: string) => ({
        apiVersion: 'certificates.k8s.io/v1',
        kind: 'CertificateSigningRequest',
        metadata: { name },
        spec: {
          request: Buffer.from(request).toString('base64'),
          signerName: 'kubernetes.io/kube-apiserver-client',
          usages: ['client auth'],
          expirationSeconds: 3600,
        },
      });
      const [good, bad] = [`user-${suffix}`, `denied-${suffix}`];
      await run('create -f -', csr(good));
      await run('create -f -', csr(bad));
      assert.match(await run(`get csr ${good}`), /kubernetes\.io\/kube-apiserver-client +kubernetes-admin +60m +Pending$/m);
      assert.equal(await run(`certificate approve ${good}`), `certificatesigningrequest.certificates.k8s.io/${good} approved\n`);
      assert.equal(await run(`certificate deny ${bad}`), `certificatesigningrequest.certificates.k8s.io/${bad} denied\n`);
      assert.match(
        await fails('certificate approve nobody'),
        /certificatesigningrequests\.certificates\.k8s\.io "nobody" not found/,
      );
      const issued = await until(
        'the certificate is there',
        async () => (await json<V1CertificateSigningRequest>(`get csr ${good}`)).status?.certificate,
      );
      assert.match(await run(`get csr ${bad}`), /Denied$/m);
      assert.match(await fails(`certificate approve ${bad}`), /"Approved".*mutually exclusive|Denied|both/i);

      const home = cluster.current.home.path;
      const [certificate, keyFile] = [join(home, `${good}.crt`), join(home, `${good}.key`)];
      await writeFile(certificate, Buffer.from(issued, 'base64'));
      await writeFile(keyFile, key.pem, { mode: 0o600 });
      assert.match(
        await runOrFail('openssl', ['x509', '-in', certificate, '-noout', '-subject', '-ext', 'extendedKeyUsage']),
        new RegExp(`O = devs, CN = user-${suffix}\\n.*\\n\\s+TLS Web Client Authentication`),
      );
      const kubeconfig = join(home, `${good}.kubeconfig`);
      await writeFile(kubeconfig, await readFile(cluster.current.home.kubeconfig), { mode: 0o600 });
      const withOwn = { KUBECONFIG: kubeconfig };
      // Debian's kubectl 1.20 crashes in set-credentials, whatever it is given.
      await cluster.current
        .kubectl('1.35')
        .run(`config set-credentials ${good} --client-certificate=${certificate} --client-key=${keyFile} --embed-certs`, {
          env: withOwn,
        });
      await run(`config set-context ${good} --cluster=muster --user=${good}`, undefined, withOwn);
      await run(`config use-context ${good}`, undefined, withOwn);
      assert.match(await fails('get pods', undefined, withOwn), new RegExp(`User "${good}" cannot list resource "pods"`));
      await run(`create rolebinding devs --clusterrole=view --group=devs`);
      await run('get pods', undefined, withOwn);
    });

    test('config shows, changes and forgets, and never shows a key', async () => {
      const kubeconfig = join(cluster.current.home.path, `config-${suffix}`);
      await writeFile(kubeconfig, await readFile(cluster.current.home.kubeconfig), { mode: 0o600 });
      const own = { KUBECONFIG: kubeconfig };
      assert.equal(await run('config current-context', undefined, own), 'muster\n');
      assert.doesNotMatch(await run('config view', undefined, own), /LS0t/);
      await run(`config set-context --current --namespace=${namespace}`, undefined, own);
      const { stdout } = await cluster.current.kubectl(version).try('get configmap -o name', { env: own });
      assert.match(stdout, /^configmap\/kube-root-ca\.crt$/m);
      await run('config unset contexts.muster', undefined, own);
      const { stderr } = await cluster.current.kubectl(version).try('get nodes', { env: own });
      assert.match(stderr, /context was not found for specified context: muster|context "muster" does not exist/);
    });

    // kubectl create token came with 1.24.
    if (!old)
      test('service accounts get tokens that are theirs', async () => {
        await run('create serviceaccount robot');
        await run(`create rolebinding robot --clusterrole=view --serviceaccount=${namespace}:robot`);
        const token = (await run('create token robot --duration=10m')).trim();
        const who = await run(
          `auth whoami --token=${token} --kubeconfig=/dev/null --server=${cluster.current.up.server} --insecure-skip-tls-verify`,
        );
        assert.match(who, new RegExp(`^Username +system:serviceaccount:${namespace}:robot$`, 'm'));
        await run('delete serviceaccount robot');
        const after = await fails(
          `auth whoami --token=${token} --kubeconfig=/dev/null --server=${cluster.current.up.server} --insecure-skip-tls-verify`,
        );
        assert.match(after, /must be logged in|Unauthorized/);
      });
  });
