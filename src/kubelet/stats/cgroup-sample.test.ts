import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseProcCgroup } from './cgroup-reader.ts';
import { cgroupSample, sampleFiles } from './cgroup-sample.ts';
import { machineFacts } from './machine-facts.ts';
import { parseNetDev } from './network-sample.ts';
import { deviceOf, parseMemInfo, parsePartitions, tasksOf } from './proc-files.ts';

const sampleOf = (files: Record<string, string>, version: 1 | 2) => cgroupSample((file) => files[file], version, 5);

test('v1: the working set is the usage less the file cache that nobody used lately, of the whole subtree', () => {
  const sample = sampleOf(
    {
      'cpuacct.usage': '2500000000\n',
      'cpuacct.stat': 'user 100\nsystem 50\n',
      'cpu.stat': 'nr_periods 10\nnr_throttled 3\nthrottled_time 700\n',
      'cpu.shares': '512\n',
      'cpu.cfs_period_us': '100000\n',
      'cpu.cfs_quota_us': '50000\n',
      'memory.usage_in_bytes': '1000\n',
      'memory.stat': 'inactive_file 1\nrss 10\ntotal_inactive_file 300\ntotal_rss 400\ntotal_cache 500\ntotal_pgfault 7\n',
      'memory.limit_in_bytes': '9223372036854771712\n',
      'memory.memsw.limit_in_bytes': '9223372036854771712\n',
      'memory.oom_control': 'oom_kill_disable 0\nunder_oom 0\noom_kill 2\n',
      'pids.current': '4\n',
      'pids.max': 'max\n',
      'blkio.throttle.io_service_bytes_recursive': '8:0 Read 4096\n8:0 Write 8192\n8:0 Total 12288\nTotal 12288\n',
      'blkio.throttle.io_serviced_recursive': '8:0 Read 1\n8:0 Write 2\nTotal 3\n',
    },
    1,
  );
  assert.equal(sample.memory?.workingSetBytes, 700);
  assert.equal(sample.memory?.rssBytes, 400);
  assert.equal(sample.memory?.limitBytes, undefined);
  assert.equal(sample.memory?.swapLimitBytes, undefined);
  assert.equal(sample.memory?.oomKills, 2);
  assert.deepEqual(sample.cpu, {
    usageNanoseconds: 2_500_000_000,
    userNanoseconds: 1_000_000_000,
    systemNanoseconds: 500_000_000,
    periods: 10,
    throttledPeriods: 3,
    throttledNanoseconds: 700,
  });
  assert.deepEqual(sample.io, [{ device: '8:0', readBytes: 4096, writeBytes: 8192, reads: 1, writes: 2 }]);
  assert.deepEqual([sample.processes, sample.processLimit, sample.cpuQuotaMicroseconds], [4, undefined, 50_000]);
});

test('v1: swap alone is the limit of both less that of memory', () => {
  const memory = sampleOf(
    { 'memory.usage_in_bytes': '1', 'memory.limit_in_bytes': '100', 'memory.memsw.limit_in_bytes': '150' },
    1,
  ).memory!;
  assert.deepEqual([memory.limitBytes, memory.swapLimitBytes, memory.writtenSwapLimitBytes], [100, 50, 150]);
});

test('v2: the same in the words of its files', () => {
  const sample = sampleOf(
    {
      'cpu.stat': 'usage_usec 2500\nuser_usec 2000\nsystem_usec 500\nnr_periods 1\nnr_throttled 1\nthrottled_usec 9\n',
      'cpu.weight': '100\n',
      'cpu.max': 'max 100000\n',
      'memory.current': '1000\n',
      'memory.stat': 'anon 400\nfile 500\ninactive_file 300\npgfault 7\n',
      'memory.max': '2000\n',
      'memory.swap.max': '0\n',
      'memory.events': 'low 0\nmax 3\noom 1\noom_kill 1\n',
      'io.stat': '8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0\n8:16\n',
      'memory.pressure': 'some avg10=1.50 avg60=0.00 avg300=0.00 total=12\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=3\n',
    },
    2,
  );
  assert.equal(sample.memory?.workingSetBytes, 700);
  assert.deepEqual([sample.memory?.limitBytes, sample.memory?.swapLimitBytes, sample.memory?.failures], [2000, 0, 3]);
  assert.equal(sample.cpu?.usageNanoseconds, 2_500_000);
  assert.equal(sample.cpuQuotaMicroseconds, undefined);
  assert.deepEqual(sample.io[0], { device: '8:0', readBytes: 1, writeBytes: 2, reads: 3, writes: 4 });
  assert.equal(sample.pressure?.memory?.some.avg10, 1.5);
  assert.equal(sample.pressure?.memory?.full.totalMicroseconds, 3);
});

test('whatever the files say, a sample is made of numbers', () => {
  const text = fc.oneof(
    fc.string(),
    fc.string({ unit: fc.constantFrom('8', ':', '0', ' ', 'Read', 'total_rss', '\n', '-', 'max', '=') }),
  );
  fc.assert(
    fc.property(fc.constantFrom(1 as const, 2 as const), fc.array(text, { minLength: 20, maxLength: 20 }), (version, texts) => {
      const files = new Map(sampleFiles(version).map((file, i) => [file, texts[i]]));
      const sample = cgroupSample((file) => files.get(file), version, 1);
      for (const value of [...Object.values(sample.memory ?? {}), ...Object.values(sample.cpu ?? {})])
        assert.ok(Number.isFinite(value));
    }),
  );
});

test('where a process lies is read from either version', () => {
  const paths = parseProcCgroup('9:name=systemd:/\n8:pids:/a\n2:cpu,cpuacct:/b:c\n0::/u\n');
  assert.deepEqual([paths.get('cpuacct'), paths.get('pids'), paths.get('')], ['/b:c', '/a', '/u']);
});

test('interfaces are counted, the loopback and the ends of containers are not', () => {
  const head = 'Inter-|   Receive  |  Transmit\n face |bytes packets errs drop fifo frame compressed multicast|bytes packets\n';
  const line = (name: string) => `${name}: 1 2 3 4 0 0 0 0 5 6 7 8 0 0 0 0\n`;
  assert.deepEqual(parseNetDev(head + line('    lo') + line('  eth0') + line('veth12')), [
    { name: 'eth0', rxBytes: 1, rxPackets: 2, rxErrors: 3, rxDropped: 4, txBytes: 5, txPackets: 6, txErrors: 7, txDropped: 8 },
  ]);
});

test('files of /proc are read for what they say', () => {
  assert.equal(parseMemInfo('MemTotal:  10 kB\nHugePages_Total: 3\n').get('MemTotal'), 10_240);
  assert.equal(tasksOf('0.48 0.51 0.72 1/121 19103\n'), 121);
  assert.equal(parsePartitions('major minor  #blocks  name\n\n 253        0  1 vda\n').get('253:0'), '/dev/vda');
  const mount = { id: 1, parentId: 1, device: '0:1', root: '/', options: [], optionalFields: [], fsType: 'x', superOptions: [] };
  const mounts = [
    { ...mount, mountPoint: '/', source: '/dev/a' },
    { ...mount, mountPoint: '/var', source: '/dev/b' },
    { ...mount, mountPoint: '/variable', source: '/dev/c' },
  ];
  assert.equal(deviceOf(mounts, '/var/lib'), '/dev/b');
  const machine = { cpus: 4, machineId: '', bootId: '', systemUuid: '', kernelVersion: '', osImage: '' } as never;
  const block = (id: number, core: number) =>
    `processor : ${id}\nphysical id : 0\ncore id : ${core}\ncpu MHz : 2000.5\nvendor_id : X\n`;
  const facts = machineFacts(machine, [block(0, 0), block(1, 0), block(2, 1), block(3, 1)].join('\n'));
  assert.deepEqual([facts.cores, facts.physicalCores, facts.sockets, facts.frequencyKhz], [4, 2, 1, 2_000_500]);
});
