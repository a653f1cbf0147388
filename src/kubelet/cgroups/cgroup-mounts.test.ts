import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkControllers, findCgroupMounts } from './cgroup-mounts.ts';

const line = (id: number, mountPoint: string, fsType: string, options: string) =>
  `${id} 1 0:${id} / ${mountPoint} rw,nosuid - ${fsType} ${fsType} ${options}\n`;

test('a tree of its own for some controllers, a common one for others, v2 beside them', () => {
  const found = findCgroupMounts(
    line(1, '/sys/fs/cgroup', 'tmpfs', 'rw') +
      line(2, '/sys/fs/cgroup/systemd', 'cgroup', 'rw,xattr,name=systemd') +
      line(3, '/sys/fs/cgroup/cpu,cpuacct', 'cgroup', 'rw,cpu,cpuacct') +
      line(4, '/sys/fs/cgroup/memory', 'cgroup', 'rw,memory') +
      line(5, '/again/memory', 'cgroup', 'rw,memory') +
      line(6, '/sys/fs/cgroup/unified', 'cgroup2', 'rw,nsdelegate'),
    () => '',
  );
  assert.equal(found.version, 1);
  assert.deepEqual(found.trees, [
    '/sys/fs/cgroup/systemd',
    '/sys/fs/cgroup/cpu,cpuacct',
    '/sys/fs/cgroup/memory',
    '/sys/fs/cgroup/unified',
  ]);
  assert.deepEqual(
    [...found.controllers],
    [
      ['cpu', '/sys/fs/cgroup/cpu,cpuacct'],
      ['cpuacct', '/sys/fs/cgroup/cpu,cpuacct'],
      ['memory', '/sys/fs/cgroup/memory'],
    ],
  );
});

test('one tree of v2 has the controllers that its root names', () => {
  const found = findCgroupMounts(line(1, '/sys/fs/cgroup', 'cgroup2', 'rw'), () => 'cpuset cpu io memory pids\n');
  assert.equal(found.version, 2);
  assert.deepEqual([...found.controllers.keys()], ['cpuset', 'cpu', 'io', 'memory', 'pids']);
});

test('a machine without cgroups is told so', () => {
  assert.throws(() => findCgroupMounts('', () => ''), /failed to find cgroup mounts/);
});

test('whatever stands in mountinfo, it is read or refused by code', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string(), (text, options) => {
      const found = findCgroupMounts(`${text}\n${line(1, '/c', 'cgroup', `rw,${options.replace(/\s/g, '')},cpu`)}`, () => '');
      assert.equal(found.controllers.get('cpu'), '/c');
    }),
  );
});

test('a v2 machine without cpuset, pids or hugetlb is used, unless the configuration needs what is missing', () => {
  const found = (names: string) => findCgroupMounts(line(1, '/c', 'cgroup2', 'rw'), () => names);
  const nothing = { pidLimit: false, hugePages: false, ownCpus: false };
  assert.deepEqual(checkControllers(found('cpuset cpu io memory hugetlb pids'), { ...nothing, hugePages: true }), []);
  assert.deepEqual(checkControllers(found('cpu memory'), { ...nothing, hugePages: true }), ['cpuset', 'pids', 'hugetlb']);
  assert.throws(() => checkControllers(found('cpu memory'), { ...nothing, pidLimit: true }), /podPidsLimit .* pids/);
  assert.throws(() => checkControllers(found('cpu memory'), { ...nothing, ownCpus: true }), /cpuManagerPolicy .* cpuset/);
  assert.throws(() => checkControllers(found('cpu pids'), nothing), /not mounted: \[memory\]; cgroup v2 has cpu, pids/);
});
