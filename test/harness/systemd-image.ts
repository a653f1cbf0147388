/** The file tree that whole hosts of tests are made of: Debian with systemd, sshd and what a node needs, made once and kept. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { lockFile } from '../../src/host/file-lock.ts';
import { runProgram } from '../../src/host/run-program.ts';
import { runOrFail } from './run-command.ts';

const SUITE = 'bookworm';
/** Of its sshd, in the tree. */
export const HOST_KEY = 'etc/ssh/ssh_host_ed25519_key.pub';
const PACKAGES = [
  'systemd,systemd-sysv,dbus,libpam-systemd,openssh-server,sudo,procps,iproute2,net-tools,kmod,acl,ca-certificates,curl,jq',
  'containerd,runc,containernetworking-plugins,etcd-server,etcd-client,iptables,nftables,conntrack,bird2,haproxy,keepalived',
].join(',');

/** Sandboxes are Muster's own; the machine that tests run on may not lower anybody's score. */
const CONTAINERD = `version = 2
[plugins."io.containerd.grpc.v1.cri"]
  restrict_oom_score_adj = true
  tolerate_missing_hugetlb_controller = true
  disable_hugetlb_controller = true
  disable_apparmor = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "/etc/cni/net.d"
`;

/** nspawn mounts the cgroups read-only; containers want to make their own. */
const CGROUPS = `[Unit]
Description=Control groups that can be written
Before=containerd.service
DefaultDependencies=no

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'awk "\\$2 ~ /^\\\\/sys\\\\/fs\\\\/cgroup/ { print \\$2 }" /proc/self/mounts | while read m; do mount -o remount,bind,rw $m || exit 1; done'

[Install]
WantedBy=multi-user.target
`;

const FILES: Readonly<Record<string, string>> = {
  'etc/containerd/config.toml': CONTAINERD,
  'etc/systemd/system/test-cgroups.service': CGROUPS,
  'etc/ssh/sshd_config.d/test.conf':
    'PermitRootLogin prohibit-password\nUseDNS no\nMaxSessions 100\nMaxStartups 100\nUsePAM no\n',
  'etc/fstab': '',
};
/** What Debian starts of itself and these hosts do not need, or are to be given by who deploys. */
const OFF = [
  'etcd.service',
  'bird.service',
  'haproxy.service',
  'keepalived.service',
  'systemd-networkd.service',
  'systemd-resolved.service',
  'apt-daily.timer',
  'apt-daily-upgrade.timer',
  'dpkg-db-backup.timer',
  'e2scrub_all.timer',
  'e2scrub_reap.service',
  'fstrim.timer',
];
const ON = ['ssh.service', 'containerd.service', 'test-cgroups.service'];

const KEY = createHash('sha256')
  .update(JSON.stringify([SUITE, PACKAGES, FILES, OFF, ON, 1]))
  .digest('hex')
  .slice(0, 16);

/** The directory of the tree; made on the first call on a machine, which takes a few minutes. Never to be changed: hosts lie over it. */
export async function systemdImage(): Promise<string> {
  const cache = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'muster-test');
  const image = join(cache, `systemd-host-${KEY}`);
  if (existsSync(image)) return image;
  await mkdir(cache, { recursive: true });
  const lock = await lockFile(join(cache, 'systemd-host.lock'), { run: runProgram, signal: new AbortController().signal });
  try {
    if (!existsSync(image)) await make(cache, image);
  } finally {
    await lock.release();
  }
  return image;
}

async function make(cache: string, image: string): Promise<void> {
  for (const name of await readdir(cache))
    if (name.startsWith('systemd-host-')) await rm(join(cache, name), { recursive: true, force: true });
  const tree = `${image}.new`;
  await runOrFail('debootstrap', ['--variant=minbase', `--include=${PACKAGES}`, SUITE, tree], { timeoutMs: 900_000 });
  for (const [path, text] of Object.entries(FILES)) {
    await mkdir(join(tree, path, '..'), { recursive: true });
    await writeFile(join(tree, path), text);
  }
  const inside = (...words: string[]) => runOrFail('chroot', [tree, ...words]);
  await inside('systemctl', 'disable', ...OFF);
  await inside('systemctl', 'enable', ...ON);
  await inside(
    'sh',
    '-c',
    'rm -f /etc/machine-id /var/cache/apt/archives/*.deb; ssh-keygen -A; passwd -d root; rm -rf /var/lib/etcd/*',
  );
  await chmod(tree, 0o755);
  await rename(tree, image);
}
