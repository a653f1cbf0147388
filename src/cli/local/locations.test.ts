import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkClusterName, clusterDirectory } from './cluster-home.ts';
import { homeDirectory, kubeadmKubeconfig, kubeconfigToWrite } from './kubeconfig-location.ts';

test('clusters are below MUSTER_HOME, else below the user data directory', () => {
  assert.equal(clusterDirectory({ MUSTER_HOME: '/m', HOME: '/h' }, 'a'), '/m/clusters/a');
  assert.equal(clusterDirectory({ XDG_DATA_HOME: '/x', HOME: '/h' }, 'a'), '/x/muster/clusters/a');
  assert.equal(clusterDirectory({ HOME: '/h' }, 'a'), '/h/.local/share/muster/clusters/a');
});

test("an empty HOME is none: the system's list of users says where home is, and a user that is not in it is told", () => {
  assert.equal(
    homeDirectory({ HOME: '/h' }, () => '/root'),
    '/h',
  );
  assert.equal(
    homeDirectory({ HOME: '' }, () => '/root'),
    '/root',
  );
  const unknown = () => {
    throw new Error('uv_os_get_passwd returned ENOENT');
  };
  assert.throws(() => homeDirectory({}, unknown), { code: 'HOME_UNKNOWN', message: /set \$HOME/ });
});

test("the context goes into the file asked for, else the first of kubectl's", () => {
  assert.equal(kubeconfigToWrite('/f', { KUBECONFIG: '/a:/b', HOME: '/h' }), '/f');
  assert.equal(kubeconfigToWrite('', { KUBECONFIG: ':/a:/b', HOME: '/h' }), '/a');
  assert.equal(kubeconfigToWrite('', { HOME: '/h' }), '/h/.kube/config');
});

test("kubeadm takes the first file that exists of kubectl's and admin.conf", () => {
  const env = { KUBECONFIG: '/a:/b', HOME: '/h' };
  assert.equal(
    kubeadmKubeconfig('/f', env, () => false),
    '/f',
  );
  assert.equal(
    kubeadmKubeconfig('', env, (path) => path === '/b'),
    '/b',
  );
  assert.equal(
    kubeadmKubeconfig('', env, () => false),
    '/etc/kubernetes/admin.conf',
  );
});

test('names that could leave the directory are refused', () => {
  for (const name of ['', '.', '..', 'a/b', '-a', 'A', 'a_b', 'a'.repeat(60)])
    assert.throws(() => checkClusterName(name), { code: 'FLAG_INVALID' });
  assert.equal(checkClusterName('my-cluster-2'), 'my-cluster-2');
});
