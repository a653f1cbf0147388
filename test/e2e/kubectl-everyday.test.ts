/** What people type every day, with what kubectl prints: most lines are those of upstream's own kubectl suite (test/cmd). */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import type { V1ConfigMap, V1Deployment, V1Pod, V1Secret } from '../../src/api/gen/types.ts';
import { KUBECTL_VERSIONS } from '../harness/kubectl.ts';
import { runOrFail } from '../harness/run-command.ts';
import { kubectlSession, namespaceFor } from './kubectl-session.ts';
import { useUpCluster } from './up-cluster.ts';

const cluster = useUpCluster('--nodes', '1');

for (const version of KUBECTL_VERSIONS)
  describe(`kubectl ${version} every day`, () => {
    const old = version === '1.20';
    const namespace = namespaceFor('everyday', version);
    const { run, fails, json, try: attempt } = kubectlSession(cluster, version, namespace);
    /** A name that no other version's objects of the whole cluster have. */
    const ours = (name: string) => `${name}-${namespace}`;
    const file = (name: string, content: string) => {
      const directory = join(cluster.current.home.path, namespace);
      mkdirSync(directory, { recursive: true });
      writeFileSync(join(directory, name), content);
      return join(directory, name);
    };
    const prints = async (rows: readonly (readonly [string | readonly string[], string])[]) => {
      for (const [command, printed] of rows) assert.equal(await run(command), printed, String(command));
    };
    before(() => run(`create namespace ${namespace}`));

    test('create makes whatever it has a word for', async () => {
      const key = file('tls.key', '');
      const certificate = file('tls.crt', '');
      await runOrFail(
        'openssl',
        'req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=x -keyout'.split(' ').concat(key, '-out', certificate),
      );
      await prints([
        ['create deployment web --image=nginx --replicas=2 --port=80', 'deployment.apps/web created\n'],
        ['create job once --image=busybox -- date', 'job.batch/once created\n'],
        ['create configmap settings --from-literal=a=b', 'configmap/settings created\n'],
        ['create secret generic hidden --from-literal=p=q', 'secret/hidden created\n'],
        [
          'create secret docker-registry pull --docker-username=u --docker-password=p --docker-server=r.io',
          'secret/pull created\n',
        ],
        [`create secret tls pair --cert=${certificate} --key=${key}`, 'secret/pair created\n'],
        [
          'create role reader --verb=get,list --resource=pods,deployments.apps',
          'role.rbac.authorization.k8s.io/reader created\n',
        ],
        ['create role logger --verb=get --resource=pods/log', 'role.rbac.authorization.k8s.io/logger created\n'],
        [
          `create rolebinding joe --role=reader --user=joe --serviceaccount=${namespace}:default`,
          'rolebinding.rbac.authorization.k8s.io/joe created\n',
        ],
        [
          `create clusterrole ${ours('all')} --aggregation-rule=x=y`,
          `clusterrole.rbac.authorization.k8s.io/${ours('all')} created\n`,
        ],
        [
          `create clusterrole ${ours('url')} --verb=get --non-resource-url=/logs/*`,
          `clusterrole.rbac.authorization.k8s.io/${ours('url')} created\n`,
        ],
        [
          `create clusterrolebinding ${ours('url')} --clusterrole=${ours('url')} --group=g`,
          `clusterrolebinding.rbac.authorization.k8s.io/${ours('url')} created\n`,
        ],
        ['create quota few --hard=pods=20,secrets=30', 'resourcequota/few created\n'],
        ['create ingress way --rule=foo.com/bar*=web:80 --class=nginx', 'ingress.networking.k8s.io/way created\n'],
        [
          `create priorityclass ${ours('high')} --value=1000 --description=high`,
          `priorityclass.scheduling.k8s.io/${ours('high')} created\n`,
        ],
        ['create service clusterip inner --tcp=80:8080', 'service/inner created\n'],
        ['create service nodeport outer --tcp=80:8080', 'service/outer created\n'],
        ['create service loadbalancer balanced --tcp=80', 'service/balanced created\n'],
        ['create service externalname far --external-name=bar.com', 'service/far created\n'],
        ['create serviceaccount robot', 'serviceaccount/robot created\n'],
        ['expose deployment web --port=80 --target-port=8000', 'service/web exposed\n'],
        ['run one --image=nginx --labels=app=one,tier=x --env=A=B --restart=Never', 'pod/one created\n'],
      ]);
      assert.equal((await json<V1Secret>('get secret pair')).type, 'kubernetes.io/tls');
      if (old) return;
      await prints([
        [['create', 'cronjob', 'often', '--image=busybox', '--schedule=*/5 * * * *'], 'cronjob.batch/often created\n'],
        ['create job now --from=cronjob/often', 'job.batch/now created\n'],
        ['create pdb safe --selector=app=web --min-available=1', 'poddisruptionbudget.policy/safe created\n'],
        ['autoscale deployment web --min=2 --max=5', 'horizontalpodautoscaler.autoscaling/web autoscaled\n'],
        ['expose pod one --port=80 --name=one', 'service/one exposed\n'],
      ]);
      assert.match(await run('create token robot --duration=10m'), /^ey[\w-]+\.ey[\w-]+\.[\w-]+$/);
    });

    test('labels and annotations', async () => {
      await prints([
        ['label pod one colour=red', 'pod/one labeled\n'],
        ['label pod one colour=blue --overwrite', 'pod/one labeled\n'],
        ['label pod one colour-', old ? 'pod/one labeled\n' : 'pod/one unlabeled\n'],
        ['annotate pod one note=x', 'pod/one annotated\n'],
        ['annotate pod one note-', 'pod/one annotated\n'],
      ]);
      await run('label pod one colour=red');
      assert.match(await fails('label pod one colour=green'), /'colour' already has a value \(red\), and --overwrite is false/);
      assert.match(await fails('label pod one bad=-x-'), /a valid label must be an empty string or consist of/);
      assert.deepEqual((await run('label pod one --list')).split('\n').filter(Boolean).toSorted(), [
        'app=one',
        'colour=red',
        'tier=x',
      ]);
    });

    test('what a deployment is made of', async () => {
      await prints([
        ['set image deployment/web nginx=nginx:1.9', 'deployment.apps/web image updated\n'],
        ['set env deployment/web A=B', 'deployment.apps/web env updated\n'],
        ['set env deployment/web --list', '# Deployment web, container nginx\nA=B\n'],
        ['set env deployment/web --from=configmap/settings', 'deployment.apps/web env updated\n'],
        ['set resources deployment web --limits=cpu=200m,memory=512Mi', 'deployment.apps/web resource requirements updated\n'],
        ['set serviceaccount deployment web robot', 'deployment.apps/web serviceaccount updated\n'],
        ['set selector service inner a=b', 'service/inner selector updated\n'],
        ['set subject rolebinding joe --user=jane', 'rolebinding.rbac.authorization.k8s.io/joe subjects updated\n'],
        ['rollout pause deployment/web', 'deployment.apps/web paused\n'],
        ['rollout resume deployment/web', 'deployment.apps/web resumed\n'],
        ['rollout restart deployment/web', 'deployment.apps/web restarted\n'],
        ['scale deployment web --replicas=3', 'deployment.apps/web scaled\n'],
        ['scale deployment web --replicas=1 --current-replicas=3', 'deployment.apps/web scaled\n'],
      ]);
      const { spec } = await json<V1Deployment>('get deployment web');
      const [container] = spec?.template.spec?.containers ?? [];
      assert.deepEqual(container?.resources, { limits: { cpu: '200m', memory: '512Mi' } });
      assert.equal(spec?.template.spec?.serviceAccountName, 'robot');
      assert.ok(spec?.template.metadata?.annotations?.['kubectl.kubernetes.io/restartedAt']);
      assert.match(await fails('rollout pause deployment/nobody'), /deployments\.apps "nobody" not found/);
      // The autoscaler made above wants two at least, and may have had its turn by now.
      assert.match(
        await fails('scale deployment web --replicas=2 --current-replicas=9'),
        /[Ee]xpected replicas to be 9, was [12]/,
      );
    });

    test('edit, with whatever editor', async () => {
      const editor = (name: string, line: string) => {
        const path = file(name, `#!/bin/sh\n${line}\n`);
        chmodSync(path, 0o755);
        return { EDITOR: path };
      };
      assert.equal(
        await run('edit configmap settings', undefined, editor('change', `sed -i 's/a: b/a: edited/' "$1"`)),
        'configmap/settings edited\n',
      );
      assert.equal((await json<V1ConfigMap>('get configmap settings')).data?.['a'], 'edited');
      assert.equal(await run('edit configmap settings', undefined, { EDITOR: 'true' }), '');
      assert.match(
        await fails('edit configmap settings', undefined, editor('rename', `sed -i 's/name: settings/name: other/' "$1"`)),
        /At least one of apiVersion, kind and name was changed/,
      );
    });

    test('patch, replace, apply and prune', async () => {
      const settings = (data: object, labels = { group: 'pruned' }) => ({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'applied', labels },
        data,
      });
      assert.equal(await run('apply -f -', settings({ a: '1' })), 'configmap/applied created\n');
      assert.equal(await run('apply -f -', settings({ a: '1' })), 'configmap/applied unchanged\n');
      assert.equal(await run('apply -f -', settings({ a: '2' })), 'configmap/applied configured\n');
      assert.match(await run('apply view-last-applied configmap applied -o json'), /"a": "2"/);
      const path = file('applied.json', JSON.stringify(settings({ a: '3' })));
      assert.equal(await run(`apply set-last-applied -f ${path}`), 'configmap/applied configured\n');
      assert.equal(await run('replace -f -', settings({ a: '4' })), 'configmap/applied replaced\n');
      assert.match(
        await run('replace --force -f -', settings({ a: '5' })),
        /^configmap "applied" deleted.*\nconfigmap\/applied replaced\n$/,
      );
      await prints([
        [['patch', 'configmap', 'applied', '-p', '{"data":{"b":"1"}}'], 'configmap/applied patched\n'],
        [['patch', 'configmap', 'applied', '-p', '{"data":{"b":"1"}}'], 'configmap/applied patched (no change)\n'],
        [
          ['patch', 'configmap', 'applied', '--type=json', '-p', '[{"op":"remove","path":"/data/b"}]'],
          'configmap/applied patched\n',
        ],
      ]);
      const { metadata } = await json<V1ConfigMap>('get configmap applied');
      await run('annotate configmap applied touched=yes');
      const stale = { ...settings({ a: '6' }), metadata: { ...metadata, managedFields: undefined } };
      assert.match(
        await fails('replace -f -', stale),
        /Operation cannot be fulfilled on configmaps "applied": the object has been modified; please apply your changes to the latest version and try again/,
      );
      const other = { ...settings({}), metadata: { name: 'stays', labels: { group: 'pruned' } } };
      await run('apply -f -', settings({ a: '5' }));
      const allow = `--${old ? 'prune-whitelist' : 'prune-allowlist'}=core/v1/ConfigMap`;
      assert.equal(
        await run(`apply --prune -l group=pruned ${allow} -f -`, other),
        'configmap/stays created\nconfigmap/applied pruned\n',
      );
    });

    // kubectl 1.20 has no sets of what is applied, and copies for debugging in another way.
    const testNewer = (title: string, run: () => Promise<void>) => void (old || test(title, run));

    testNewer('sets of what is applied', async () => {
      const items = (...names: string[]) => ({
        apiVersion: 'v1',
        kind: 'List',
        items: names.map((name) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } })),
      });
      const apply = (object: object) =>
        run('apply --server-side --prune --applyset=these -f -', object, { KUBECTL_APPLYSET: 'true' });
      assert.equal(await apply(items('s1', 's2')), 'configmap/s1 serverside-applied\nconfigmap/s2 serverside-applied\n');
      assert.equal(await apply(items('s2')), 'configmap/s2 serverside-applied\nconfigmap/s1 pruned\n');
      const { metadata } = await json<V1Secret>('get secret these');
      assert.equal(metadata?.annotations?.['applyset.kubernetes.io/contains-group-kinds'], 'ConfigMap');
    });

    test('diff tells what apply would change', async () => {
      await run('apply -f -', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'compared' }, data: { a: '1' } });
      const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'compared' }, data: { a: '2' } };
      const { status, stdout } = await attempt('diff -f -', object);
      assert.equal(status, 1);
      assert.match(stdout, /^- {2}a: "1"\n\+ {2}a: "2"$/m);
      assert.equal(await run('diff -f -', { ...object, data: { a: '1' } }), '');
    });

    test('kustomizations', async () => {
      const path = file('kustomization.yaml', 'namePrefix: k-\nconfigMapGenerator:\n- name: g\n  literals: [a=b]\n');
      const directory = join(path, '..');
      const printed = await run(`apply -k ${directory}`);
      const [, name] = /^configmap\/(k-g-\w{10}) created\n$/.exec(printed) ?? [];
      assert.ok(name, printed);
      assert.equal(await run(`get -k ${directory} -o name`), `configmap/${name}\n`);
      assert.match(await run(`delete -k ${directory}`), new RegExp(`^configmap "${name}" deleted`));
    });

    test('CHK-01 components are well', async () => {
      const printed = await run('get cs');
      for (const name of ['scheduler', 'controller-manager', 'etcd-0'])
        assert.match(printed, new RegExp(`^${name} +Healthy +ok *$`, 'm'));
    });

    test('who may do what', async () => {
      assert.equal(await run('auth can-i get pods'), 'yes\n');
      assert.match((await attempt('auth can-i get pods --as=jack')).stdout, /^no/);
      assert.match(await run('auth can-i --list --as=jane'), /^pods +\[\] +\[\] +\[get list\]$/m);
      const role = (verbs: string[]) => ({
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'Role',
        metadata: { name: 'reconciled', namespace },
        rules: [{ apiGroups: [''], resources: ['pods'], verbs }],
      });
      const reconcile = async (verbs: string[]) => (await attempt('auth reconcile -f -', role(verbs))).stderr;
      assert.match(await reconcile(['get']), /^\treconciliation required create\n\tmissing rules added:\n/);
      assert.match(
        await reconcile(['watch']),
        /^\treconciliation required update\n\tmissing rules added:\n\t\t\{Verbs:\[watch\] APIGroups:\[\] Resources:\[pods\] /,
      );
      if (!old) assert.match(await run('auth whoami'), /^Username +kubernetes-admin$/m);
    });

    test('taints, cordons and drains', async () => {
      await prints([
        ['taint node node-1 a=b:NoSchedule', 'node/node-1 tainted\n'],
        ['taint node node-1 a:NoSchedule-', 'node/node-1 untainted\n'],
        ['cordon node-1', 'node/node-1 cordoned\n'],
        ['cordon node-1', 'node/node-1 already cordoned\n'],
      ]);
      assert.match(await fails('drain node-1'), /use --force to override/);
      // Made above: it lets no pod of the Deployment go.
      await run('delete pdb --all');
      const drained = await run('drain node-1 --force --ignore-daemonsets --grace-period=1 --timeout=90s');
      assert.match(drained, /^evicting pod \S+\/one$/m);
      assert.match(drained, /^pod\/one evicted$/m);
      await run('uncordon node-1');
    });

    test('what is deleted, and how', async () => {
      for (const name of ['d1', 'd2', 'd3', 'd4']) await run(`create configmap ${name}`);
      assert.match(await run('delete configmap d1 --dry-run=server'), /^configmap "d1" deleted.*\(server dry run\)\n$/);
      assert.match(await run('delete configmap d1'), /^configmap "d1" deleted/);
      assert.match(await run('delete configmap --field-selector=metadata.name=d2'), /^configmap "d2" deleted/);
      assert.match(await fails('delete deployment,configmap d3'), /deployments\.apps "d3" not found/);
      assert.match(await fails('get configmap d3'), /configmaps "d3" not found/);
      await run('run now --image=nginx');
      assert.match(await run('delete pod now --now'), /^pod "now" deleted/);
      await run('run forced --image=nginx');
      assert.match(await run('delete pod forced --force --grace-period=0'), /^pod "forced" force deleted/);
      assert.equal(await run('delete pod forced --ignore-not-found'), '');
      await run('run waited --image=nginx');
      await run('wait --for=condition=Ready pod/waited --timeout=90s');
      await run('delete pod waited --wait=false');
      await run('wait --for=delete pod/waited --timeout=60s').catch((error: Error) =>
        assert.match(error.message, /no matching resources/),
      );
      assert.equal(await run('get pod waited -o name --ignore-not-found'), '');
    });

    test('what is explained', async () => {
      const pod = await run('explain pods');
      assert.match(pod, /Pod is a collection of containers that can run on a host\./);
      assert.match(pod.replace(/\s+/g, ' '), /APIVersion defines the versioned schema of this representation of an object\./);
      assert.match((await run('explain pod.spec.containers.image')).replace(/\s+/g, ' '), /Container image name\./);
      assert.match(
        (await run('explain deployment.spec.strategy')).replace(/\s+/g, ' '),
        /DeploymentStrategy describes how to replace existing pods/,
      );
      for (const kind of ['ingress', 'cronjob', 'storageclass', 'networkpolicy', 'node', 'event'])
        assert.doesNotMatch(await run(`explain ${kind}`), /<empty>/, kind);
    });

    test('everything there is can be listed and described', { timeout: 120_000 }, async () => {
      const kinds = (await run('api-resources --verbs=list,get -o name')).trim().split('\n');
      assert.ok(kinds.length > 35);
      for (const kind of kinds) {
        await run(`get ${kind} -o wide`);
        // Its describer asks for the v1beta1 that was removed in 1.25.
        if (old && kind === 'endpointslices.discovery.k8s.io') continue;
        await run(`describe ${kind} --chunk-size=500`.replace(old ? ' --chunk-size=500' : '', ''));
      }
    });

    testNewer('copies for debugging, and what a node without containers refuses', async () => {
      await run('run ill --image=nginx');
      await run('wait --for=condition=Ready pod/ill --timeout=90s');
      await run('debug ill --copy-to=copy --image=busybox --container=shell -q');
      const { spec } = await json<V1Pod>('get pod copy');
      assert.deepEqual(spec?.containers.map(({ name }) => name).toSorted(), ['ill', 'shell']);
      assert.match(await fails('exec ill -- ls'), /is hollow and keeps the state of pods without running containers/);
      assert.match(await fails('exec nobody -- ls'), /pods "nobody" not found/);
      assert.match(await fails('port-forward ill 0:80'), /error/i);
    });
  });
