import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1EndpointSlice, V1Service } from '../../api/gen/types.ts';
import { type RecordedProgram, recordedPrograms } from '../../host/recorded-programs.ts';
import { silentLogger } from '../../std/logger.ts';
import { planProxy } from '../plan/proxy-plan.ts';
import { createIpvsBackend } from './backend.ts';

const HOST = '192.168.0.2';

/** A machine whose kernel has this. */
interface Machine {
  list?: string;
  sets?: string;
  nat?: string;
  /** Of `kube-ipvs0`; undefined: there is no such device. */
  device?: readonly string[] | undefined;
  /** What `ipvsadm --restore` complains of. */
  complaint?: string;
}

function open(machine: Machine, excludeCidrs: readonly string[] = []) {
  const programs = recordedPrograms(({ program, args }) => {
    const line = [program, ...args].join(' ');
    if (line === 'ipvsadm --list --numeric') return { stdout: machine.list ?? '' };
    if (line === 'ipvsadm --restore') return { stderr: machine.complaint ?? '' };
    if (line === 'ipset save') return { stdout: machine.sets ?? '' };
    if (line === 'iptables-save -t nat') return { stdout: machine.nat ?? '' };
    if (line.startsWith('ip -json')) return { stdout: JSON.stringify(machine.device ? [deviceWith(machine.device)] : []) };
    return undefined;
  });
  const warnings: string[] = [];
  const warn = (message: string, fields?: object) => void warnings.push(`${message} ${JSON.stringify(fields)}`);
  const logger = { ...silentLogger, warn };
  const options = { family: 4, run: programs.run, logger, scheduler: 'rr', excludeCidrs, hostAddresses: () => [HOST] } as const;
  const backend = createIpvsBackend(options);
  let seen = 0;
  return {
    backend,
    warnings,
    /** What has been run since the last look, with what it was given to do; what only looks is left out. */
    written(): string[] {
      const news = programs.calls.slice(seen);
      seen = programs.calls.length;
      return news.filter(changes).map(({ program, args, input = '' }) => {
        const rules = input.startsWith('*') ? '' : input;
        return [program, ...args, ...rules.split('\n').filter(Boolean)].join(' | ');
      });
    },
  };
}

const changes = ({ program, args }: RecordedProgram): boolean =>
  !/-save$/.test(program) && args[0] !== 'save' && args[0] !== '--list' && args[0] !== '-json' && !args.includes('-S');

const deviceWith = (addresses: readonly string[]) => ({
  ...{ ifname: 'kube-ipvs0', flags: ['NOARP'], mtu: 1500, linkinfo: { info_kind: 'dummy' } },
  addr_info: addresses.map((local) => ({ family: 'inet', local, prefixlen: 32, scope: 'global' })),
});

function plan(servers: readonly string[], names: readonly string[] = ['web']) {
  const services = names.map(
    (name, i): V1Service => ({
      metadata: { namespace: 'ns', name },
      spec: { type: 'NodePort', clusterIP: `10.96.0.${i + 1}`, ports: [{ port: 80, nodePort: 30_080 + i, protocol: 'TCP' }] },
    }),
  );
  const slices = names.map(
    (name): V1EndpointSlice => ({
      metadata: { namespace: 'ns', name: `${name}-1`, labels: { 'kubernetes.io/service-name': name } },
      ...{ addressType: 'IPv4', ports: [{ port: 8080, protocol: 'TCP' }] },
      endpoints: servers.map((ip) => ({ addresses: [ip], nodeName: 'away' })),
    }),
  );
  return planProxy(services, slices, {
    ...{ family: 4, node: { name: 'here' }, nodeIp: HOST, localTraffic: { by: 'nothing' }, masqueradeAll: false },
    ...{ masqueradeMark: 0x4000, nodePortAddresses: 'all', localhostNodePorts: false, conntrackLiberal: false },
  });
}

/** As the kernel shows what `plan(['10.244.0.5'])` makes, besides a service of somebody else. */
const KERNEL: Machine = {
  device: ['10.96.0.1'],
  list: `TCP  10.96.0.1:80 rr
  -> 10.244.0.5:8080              Masq    1      0          0
TCP  ${HOST}:30080 rr
  -> 10.244.0.5:8080              Masq    1      0          0
TCP  ${HOST}:443 wlc
  -> 10.0.0.3:443                 Route   1      0          0
`,
};

const first = async (machine: Machine, excluded?: readonly string[]) => {
  const opened = open(machine, excluded);
  await opened.backend.sync(plan(['10.244.0.5']), { full: true });
  return opened;
};

/** As `ipset save` prints what a first sync has restored. */
const savedBy = (lines: readonly string[]): string => {
  const restored = lines.find((line) => line.startsWith('ipset'))!;
  return restored.split(' | ').slice(3).join('\n');
};

test('sets stand before the rules that use them, and a service before its address', async () => {
  const { written } = await first({});
  const lines = written();
  assert.deepEqual(
    lines.map((line) => line.split(' | ').slice(0, 3).join(' ')),
    ['ip link add', 'ipset restore -exist', 'iptables-restore -w 5', 'ipvsadm --restore -A -t 10.96.0.1:80 -s rr', 'ip -batch -'],
  );
  assert.match(lines[1]!, /add KUBE-NODE-PORT-TCP 30080/);
  assert.match(lines[3]!, new RegExp(`-A -t ${HOST}:30080 -s rr \\| -a -t ${HOST}:30080 -r 10.244.0.5:8080 -m -w 1`));
  assert.match(lines[4]!, /address replace 10\.96\.0\.1\/32 dev kube-ipvs0$/);
});

test('a change of endpoints runs ipvsadm alone, and no change runs nothing', async () => {
  const { backend, written } = await first({});
  written();
  const result = await backend.sync(plan(['10.244.0.5', '10.244.0.6']), { full: false });
  assert.equal(result.full, false);
  const added = ['10.96.0.1:80', `${HOST}:30080`].map((at) => `-a -t ${at} -r 10.244.0.6:8080 -m -w 1`);
  assert.deepEqual(written(), [['ipvsadm', '--restore', ...added].join(' | ')]);
  await backend.sync(plan(['10.244.0.5', '10.244.0.6']), { full: false });
  assert.deepEqual(written(), []);
});

test('a Service that goes loses its address first, then its IPVS service, then its entries in the sets', async () => {
  const { backend, written } = open({});
  await backend.sync(plan(['10.244.0.5'], ['web', 'old']), { full: true });
  written();
  await backend.sync(plan(['10.244.0.5'], ['web']), { full: false });
  assert.deepEqual(written(), [
    'ip | -batch | - | address delete 10.96.0.2/32 dev kube-ipvs0',
    `ipvsadm | --restore | -D -t 10.96.0.2:80 | -D -t ${HOST}:30081`,
    'ipset | restore | -exist | del KUBE-CLUSTER-IP 10.96.0.2,tcp:80 | del KUBE-NODE-PORT-TCP 30081 | del KUBE-IPVS-IPS 10.96.0.2',
  ]);
});

test('a server with connections waits, is looked at with each sync, and goes with its last one', async () => {
  const machine: Machine = { ...KERNEL };
  const { backend, written } = await first(machine);
  written();
  machine.list = KERNEL.list!.replace('1      0          0\nTCP  192', '1      2          0\nTCP  192');
  await backend.sync(plan([]), { full: false });
  assert.deepEqual(written(), [
    `ipvsadm | --restore | -e -t 10.96.0.1:80 -r 10.244.0.5:8080 -m -w 0 | -d -t ${HOST}:30080 -r 10.244.0.5:8080`,
  ]);
  machine.list = `TCP  10.96.0.1:80 rr\n  -> 10.244.0.5:8080              Masq    0      0          1\nTCP  ${HOST}:30080 rr\n`;
  await backend.sync(plan([]), { full: false });
  assert.deepEqual(written(), [], 'it is not told twice');
  machine.list = machine.list.replace('0      0          1', '0      0          0');
  await backend.sync(plan([]), { full: false });
  assert.deepEqual(written(), ['ipvsadm | --restore | -d -t 10.96.0.1:80 -r 10.244.0.5:8080']);
});

test('a full sync writes what the kernel lacks and leaves what it has; it is intact then, and not after somebody has changed it', async () => {
  const machine: Machine = { ...KERNEL };
  machine.sets = savedBy((await first({})).written());
  const { backend, written } = await first(machine);
  assert.deepEqual(
    written().map((line) => line.split(' | ')[0]),
    ['iptables-restore'],
  );
  assert.equal(await backend.isIntact(), true);
  machine.device = [];
  assert.equal(await backend.isIntact(), false);
  machine.device = KERNEL.device;
  machine.list = '';
  assert.equal(await backend.isIntact(), false);
});

test('PRX-25 services of a run before are removed; those of others stay, and so do those that excludeCIDRs hold', async () => {
  const sets = 'create KUBE-NODE-PORT-TCP bitmap:port range 0-65535\nadd KUBE-NODE-PORT-TCP 31111\n';
  const list = `${KERNEL.list}TCP  ${HOST}:31111 rr\nTCP  10.96.7.7:80 rr\nTCP  10.200.0.1:80 rr\n`;
  const machine = { device: ['10.96.0.1', '10.96.7.7', '10.200.0.1'], list, sets };
  const deleted = (lines: readonly string[]) => lines.flatMap((line) => line.match(/-D -t \S+/g) ?? []);
  assert.deepEqual(deleted((await first(machine)).written()), [
    `-D -t ${HOST}:31111`,
    '-D -t 10.96.7.7:80',
    '-D -t 10.200.0.1:80',
  ]);
  assert.deepEqual(deleted((await first(machine, ['10.200.0.0/16', `${HOST}/32`])).written()), ['-D -t 10.96.7.7:80']);
});

test('a server that the kernel refuses is told of and keeps nothing from the others; all is read again after it', async () => {
  const machine: Machine = {};
  const { backend, written, warnings } = await first(machine);
  written();
  machine.complaint = 'Invalid operation.  Possibly wrong module version, address not unicast, ...\n';
  Object.assign(machine, { list: `TCP  10.96.0.1:80 rr\nTCP  10.96.0.2:80 rr\nTCP  ${HOST}:30080 rr\nTCP  ${HOST}:30081 rr\n` });
  await backend.sync(plan(['10.244.0.255'], ['web', 'new']), { full: false });
  assert.match(written().at(-1)!, /address replace 10\.96\.0\.2\/32/, 'the new Service has its address');
  assert.match(warnings.join(), /refused":4,"first":"-a -t 10\.96\.0\.\d:80 -r 10\.244\.0\.255:8080/);
  assert.equal(await backend.isIntact(), true, 'nobody has taken anything away');
  written();
  machine.complaint = '';
  Object.assign(machine, KERNEL);
  const { full } = await backend.sync(plan(['10.244.0.5']), { full: false });
  assert.equal(full, true);
  assert.ok(!written().some((line) => line.startsWith('ipvsadm')), 'the kernel has those already');
});

test('clean-up takes rules, addresses, services, sets and the device away, nothing of others, and nothing where it has never been', async () => {
  const sets = `${savedBy((await first({})).written())}\ncreate others hash:ip family inet hashsize 1024 maxelem 65536`;
  const nat = [
    ':PREROUTING ACCEPT [0:0]\n:KUBE-SERVICES - [0:0]\n:KUBE-NODE-PORT - [0:0]\n:MINE - [0:0]',
    '-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
    '-A PREROUTING -j MINE',
    '-A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODE-PORT',
  ].join('\n');
  const { backend, written } = open({ ...KERNEL, sets, nat });
  await backend.cleanUp();
  const lines = written();
  assert.deepEqual(
    lines.map((line) => line.split(' | ').slice(0, 2).join(' ')),
    ['iptables-restore -w', 'ip -batch', 'ipvsadm --restore', 'ipset restore', 'ip link'],
  );
  assert.equal(lines[2], `ipvsadm | --restore | -D -t 10.96.0.1:80 | -D -t ${HOST}:30080`);
  assert.match(lines[3]!, /destroy KUBE-CLUSTER-IP/);
  assert.doesNotMatch(lines[3]!, /others/);
  const never = open({});
  await never.backend.cleanUp();
  assert.deepEqual(never.written(), []);
});
