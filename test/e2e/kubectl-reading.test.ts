import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { before, describe, test } from 'node:test';
import type { V1ConfigMap, V1Node } from '../../src/api/gen/types.ts';
import { KUBECTL_VERSIONS, kubectlPath } from '../harness/kubectl.ts';
import { until } from '../harness/until.ts';
import { kubectlSession, namespaceFor } from './kubectl-session.ts';
import { useUpCluster } from './up-cluster.ts';

const cluster = useUpCluster('--nodes', '2');
const lines = (text: string) => text.trimEnd().split('\n');

for (const version of KUBECTL_VERSIONS)
  describe(`kubectl ${version} reads`, () => {
    const namespace = namespaceFor('reading', version);
    const { run, fails, json, try: attempt } = kubectlSession(cluster, version, namespace);
    before(async () => {
      await run(`create namespace ${namespace}`);
      const items = Array.from({ length: 25 }, (_, i) => ({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: {
          name: `item-${String(i).padStart(2, '0')}`,
          labels: { parity: i % 2 ? 'odd' : 'even', ...(i < 5 && { first: '' }) },
        },
        data: { number: String(i) },
      }));
      await run('create -f -', { apiVersion: 'v1', kind: 'List', items });
    });

    test('requests and nodes as the issue shows them', async () => {
      const output = await run('get csr,nodes -o wide');
      assert.match(output, /^NAME +AGE +SIGNERNAME +REQUESTOR +REQUESTEDDURATION +CONDITION$/m);
      assert.match(
        output,
        /^certificatesigningrequest\.certificates\.k8s\.io\/node-csr-\S{43} +\S+ +kubernetes\.io\/kube-apiserver-client-kubelet +system:bootstrap:[a-z0-9]{6} +<none> +Approved,Issued$/m,
      );
      assert.match(
        output,
        /^certificatesigningrequest\.certificates\.k8s\.io\/csr-\S{5} +\S+ +kubernetes\.io\/kubelet-serving +system:node:node-1 +<none> +Approved,Issued$/m,
      );
      assert.match(
        output,
        /^NAME +STATUS +ROLES +AGE +VERSION +INTERNAL-IP +EXTERNAL-IP +OS-IMAGE +KERNEL-VERSION +CONTAINER-RUNTIME$/m,
      );
      assert.match(output, /^node\/node-2 +Ready +<none> +\S+ +v1\.36\.0 +127\.\d+\.\d+\.\d+ +<none> +\S.* +hollow:\/\/\S+$/m);
    });

    test('by labels and fields', async () => {
      const names = async (selection: string[]) => lines(await run(['get', 'configmap', '-o', 'name', ...selection]));
      assert.equal((await names(['-l', 'parity=odd'])).length, 12);
      assert.equal((await names(['-l', 'parity in (odd,even),!first'])).length, 20);
      assert.equal((await names(['-l', 'first,parity!=odd'])).length, 3);
      assert.equal((await names(['-l', 'parity notin (odd,even)'])).length, 1, 'kube-root-ca.crt alone has no parity');
      assert.deepEqual(await names(['--field-selector=metadata.name=item-07']), ['configmap/item-07']);
      assert.match(
        await fails(['get', 'configmap', '-l', 'parity in (']),
        /unable to parse requirement: found '', expected: ',', '\)' or identifier/,
      );
      assert.match(
        await fails(['get', 'configmap', '-l', 'a=b c']),
        /unable to parse requirement: found 'c', expected: ',' or 'end of string'|found 'c'/,
      );
      assert.match(await fails('get pods --field-selector=spec.color=red'), /field label not supported: spec\.color/);
      assert.equal((await attempt('get pods --field-selector=status.phase=Running,spec.nodeName!=node-1')).status, 0);
    });

    test('in pieces that make the whole', async () => {
      const whole = await run('get configmap -o name');
      assert.equal(await run('get configmap -o name --chunk-size=4'), whole);
      assert.equal(lines(whole).length, 26);
      const table = lines(await run('get configmap --chunk-size=7 --no-headers'));
      assert.equal(table.length, 26);
    });

    test('in the forms that scripts use', async () => {
      assert.equal(
        await run([
          'get',
          'nodes',
          '-o',
          'jsonpath={range .items[*]}{.metadata.name}{"="}{.status.conditions[?(@.type=="Ready")].status}{"\\n"}{end}',
        ]),
        'node-1=True\nnode-2=True\n',
      );
      const columns = lines(
        await run('get configmap item-03 -o custom-columns=NAME:.metadata.name,N:.data.number,NONE:.data.none'),
      );
      assert.deepEqual(
        columns.map((line) => line.split(/ +/)),
        [
          ['NAME', 'N', 'NONE'],
          ['item-03', '3', '<none>'],
        ],
      );
      assert.equal(await run(['get', 'configmap', 'item-04', '-o', 'go-template={{.data.number}}']), '4');
      assert.match(await run('get configmap item-03 -o yaml'), /^ {2}number: "3"$/m);
      assert.equal((await json<V1ConfigMap>('get configmap item-03')).data?.['number'], '3');
      assert.match(await run('get configmap item-09 --show-labels'), /item-09 +1 +\S+ +parity=odd$/m);
      assert.match(
        await run('get configmap item-03 -L parity,first'),
        /^NAME +DATA +AGE +PARITY +FIRST\nitem-03 +1 +\S+ +odd *$/m,
      );
      assert.deepEqual(
        lines(await run('get configmap -l first --sort-by=.data.number --no-headers')).map((line) => line.split(' ')[0]),
        ['item-00', 'item-01', 'item-02', 'item-03', 'item-04'],
      );
      assert.equal(await run('get --raw /healthz'), 'ok');
    });

    test('all there is, everywhere', async () => {
      assert.match(await run('get all --namespace default'), /^service\/kubernetes +ClusterIP +10\.96\.0\.1 +<none> +443\/TCP /m);
      assert.match(await run('get all -A'), /^default +service\/kubernetes /m);
      assert.match(await run('get configmaps -A'), /^kube-system +kube-root-ca\.crt +1 /m);
      assert.match((await attempt('get secrets')).stderr, /No resources found in reading-/);
    });

    test('what is not there', async () => {
      assert.match(await fails('get configmap nobody'), /^Error from server \(NotFound\): configmaps "nobody" not found$/m);
      assert.match(await fails('get things'), /the server doesn't have a resource type "things"/);
      assert.match(await fails('get --raw /nowhere'), /the server could not find the requested resource/);
    });

    test('what an object is made of', async () => {
      const explained = await run('explain pod.spec.containers.image');
      assert.match(explained, /^KIND: +Pod$/m);
      assert.match(explained, /^VERSION: +v1$/m);
      assert.match(explained, /^FIELD: +image <string>/m);
      const recursive = await run('explain csr --recursive');
      assert.match(recursive, /^ +signerName\t<string>/m);
      assert.match(recursive, /^ +expirationSeconds\t<integer>/m);
      assert.match(await fails('explain pod.spec.nothing'), /field "nothing" does not exist/);
    });

    test('what the server has', async () => {
      const resources = await run('api-resources');
      assert.match(
        resources,
        /^certificatesigningrequests +csr +certificates\.k8s\.io\/v1 +false +CertificateSigningRequest *$/m,
      );
      assert.match(resources, /^pods +po +v1 +true +Pod *$/m);
      assert.match(await run('api-resources --namespaced=false --verbs=list -o name'), /^nodes$/m);
      assert.match(
        await run('api-resources --api-group=apps -o wide'),
        /^deployments .*\[create delete deletecollection get list patch update watch\]|create,delete,deletecollection,get,list,patch,update,watch/m,
      );
      assert.match(await run('api-versions'), /^rbac\.authorization\.k8s\.io\/v1$/m);
      assert.match(await run('version'), /Server Version: .*v1\.36\.0/);
      assert.match(await run('cluster-info'), new RegExp(`running at .*${cluster.current.up.server}`));
    });

    test('in words', async () => {
      const node = await run('describe node node-1');
      for (const expected of [
        /^Name: +node-1$/m,
        /^ {2}Ready +True .* KubeletReady +kubelet is posting ready status$/m,
        /^ {2}InternalIP: +127\./m,
        /^ {2}HolderIdentity: +node-1$/m,
        /^ +Container Runtime Version: +hollow:/m,
        /^Allocated resources:$/m,
      ])
        assert.match(node, expected);
      assert.match(await run('describe configmap item-03'), /^number:\n----\n3\n/m);
      const [csr] = lines(await run('get csr -o name'));
      assert.match(await run(['describe', csr!]), /^Status: +Approved,Issued$/m);
      assert.match(await run('describe namespace default'), /^Status: +Active$/m);
    });

    test('changes as they happen', async () => {
      const child = spawn(
        kubectlPath(version),
        ['-n', namespace, 'get', 'configmap', '-l', 'watched', '-w', '--output-watch-events'],
        {
          env: { ...process.env, ...cluster.current.home.env },
          stdio: ['ignore', 'pipe', 'inherit'],
        },
      );
      try {
        let seen = '';
        child.stdout.setEncoding('utf8').on('data', (text: string) => {
          seen += text;
        });
        // Before the first object there is nothing that says that the watch is on, so that the object is made until it is seen.
        await until('the watch shows an object', async () => {
          await run('delete configmap shown --ignore-not-found');
          await run('create configmap shown');
          await run('label configmap shown watched=yes');
          return /^ADDED +shown +0 /m.test(seen);
        });
        await run('annotate configmap shown note=changed');
        await until('the change is shown', () => /^MODIFIED +shown +0 /m.test(seen));
        await run('label configmap shown watched-');
        await until('what does not match any more is shown as deleted', () => /^DELETED +shown +0 .*\n$/m.test(seen));
      } finally {
        const closed = once(child, 'close');
        child.kill();
        await closed;
      }
    });

    test('what it waits for', async () => {
      assert.match(
        await run('wait --for=condition=Ready node --all --timeout=90s'),
        /^node\/node-1 condition met\nnode\/node-2 condition met$/m,
      );
      assert.match(await fails('wait --for=condition=Nonsense node/node-1 --timeout=1s'), /timed out waiting for the condition/);
      await run('create configmap fleeting');
      // Whether it was there when the wait began is a race that kubectl itself tells of, perhaps before the deletion has come back.
      const waiting = run('wait --for=delete configmap/fleeting --timeout=90s').catch((error: Error) =>
        assert.match(error.message, /"fleeting" not found|no matching resources/),
      );
      await run('delete configmap fleeting');
      await waiting;
    });

    test('rollouts and logs that there are none of', async () => {
      assert.match(await fails('rollout status deployment/nobody'), /deployments\.apps "nobody" not found/);
      assert.match(await fails('logs nobody'), /pods "nobody" not found/);
      assert.match(await fails('top nodes'), /Metrics API not available/);
    });

    test('nodes by the fields of their status', async () => {
      const { items } = await json<{ items: V1Node[] }>('get nodes --field-selector=spec.unschedulable!=true');
      assert.deepEqual(
        items.map((node) => node.status?.daemonEndpoints?.kubeletEndpoint?.Port),
        [10250, 10250],
      );
      assert.equal(new Set(items.map((node) => node.status?.addresses?.[0]?.address)).size, 2, 'each with an address of its own');
    });
  });
