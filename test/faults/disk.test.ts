import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { PROGRAM } from '../harness/component-process.ts';
import { freePort } from '../harness/free-port.ts';
import { kubectlPath } from '../harness/kubectl.ts';
import { type CommandResult, runCommand } from '../harness/run-command.ts';
import { temporaryDirectory } from '../harness/temporary-directory.ts';

/**
 * Runs lines of bash where `mount` changes nothing for anybody else: the namespace, and with it what is mounted there, is gone with
 * the last process in it. `muster` and `kubectl` are at hand; "$disk" is an empty directory to mount on.
 */
async function onOwnMounts(script: string): Promise<CommandResult> {
  await using directory = await temporaryDirectory();
  const asRoot = process.getuid?.() === 0 ? [] : ['--map-root-user'];
  const preamble = `
    set -euo pipefail
    disk=${directory.path}/disk; mkdir "$disk"
    muster() { if test "$1" = up; then set -- "$@" --port ${await freePort()}; fi; ${process.execPath} ${PROGRAM} "$@"; }
    kubectl() { ${kubectlPath('1.35')} "$@"; }
    trap 'muster down >/dev/null 2>&1 || true' EXIT
  `;
  return await runCommand('unshare', [...asRoot, '--mount', 'bash', '-c', preamble + script], {
    timeoutMs: 120_000,
    env: { HOME: directory.path, MUSTER_HOME: directory.file('muster'), KUBECONFIG: join(directory.path, 'kubeconfig') },
  });
}

test('a full disk refuses what cannot be kept and goes on reading; with room again it goes on writing', async () => {
  const result = await onOwnMounts(`
    mount -t tmpfs -o size=3m tmpfs "$disk"
    muster up --nodes 1 --data-dir "$disk/data" >/dev/null
    head -c 700000 /dev/zero | tr '\\0' x > "$HOME/blob"
    made=0
    while kubectl create configmap "large-$made" --from-file="$HOME/blob" >/dev/null 2>"$HOME/failure"; do made=$((made + 1)); test $made -lt 20; done
    echo "made: $made"
    echo "failure: $(cat "$HOME/failure")"
    # To the last byte: the log, which is on this disk too, can no longer be written either.
    head -c 4000000 /dev/zero >"$disk/rest" 2>/dev/null || true
    for n in $(seq 8); do if kubectl create configmap "more-$n" --from-file="$HOME/blob" 2>/dev/null; then exit 1; fi; done
    echo "read: $(kubectl get configmap large-0 -o name)"
    for n in $(seq 0 $((made - 1))); do echo "kept: $(kubectl get configmap "large-$n" -o name)"; done
    echo "refused: $(kubectl get configmap "large-$made" 2>&1 || true)"
    mount -o remount,size=40m "$disk"
    rm "$disk/rest"
    echo "after: $(kubectl create configmap "large-$made" --from-file="$HOME/blob")"
    kubectl wait --for=condition=Ready node/node-1 --timeout=60s
    muster down --keep-data >/dev/null
    echo "log: $(grep -c 'messages could not be written here: ENOSPC' "$disk/data/cluster.log")"
    muster up >/dev/null
    echo "again: $(kubectl get configmaps --no-headers | grep -c large-)"
    kubectl wait --for=condition=Ready node/node-1 --timeout=60s
    muster down
  `);
  assert.equal(result.status, 0, result.stdout + result.stderr);
  const made = Number(/^made: (\d+)$/m.exec(result.stdout)?.[1]);
  assert.ok(made >= 1 && made < 20, result.stdout);
  assert.match(
    result.stdout,
    /^failure: .*no space left to write \S+store\.db: nothing was stored; reads still work \(df and df -i show what is used up\)$/m,
  );
  assert.equal(result.stdout.match(/^kept: /gm)?.length, made);
  assert.match(result.stdout, new RegExp(`^refused: .*"large-${made}" not found$`, 'm'));
  assert.match(result.stdout, new RegExp(`^after: configmap/large-${made} created$`, 'm'));
  assert.match(result.stdout, /^log: [1-9]/m);
  assert.match(result.stdout, new RegExp(`^again: ${made + 1}$`, 'm'));
});

test('an audit log on a full disk has whole lines only: those that were acknowledged', async () => {
  const script = fileURLToPath(new URL('audit-on-full-disk.ts', import.meta.url));
  const result = await onOwnMounts(`
    mount -t tmpfs -o size=128k tmpfs "$disk"
    ${process.execPath} ${script} "$disk"
  `);
  assert.equal(result.status, 0, result.stdout + result.stderr);
  const { failure, acknowledged, written } = JSON.parse(result.stdout) as Record<string, unknown>;
  assert.equal(failure, 'ENOSPC');
  assert.deepEqual(written, acknowledged);
});

test('a disk without room for a cluster is told of, and leaves nothing running', async () => {
  const result = await onOwnMounts(`
    mount -t tmpfs -o size=64k tmpfs "$disk"
    muster up --nodes 1 --data-dir "$disk/data" || echo "status: $?"
    muster ls
    mount -o remount,size=40m "$disk"
    muster up --nodes 1 --data-dir "$disk/data"
  `);
  assert.equal(result.status, 0, result.stdout + result.stderr);
  assert.match(result.stderr, /^muster up: .*(no space left|ENOSPC|disk is full)/im);
  assert.match(result.stdout, /^status: 1$/m);
  assert.doesNotMatch(result.stdout.slice(0, result.stdout.indexOf('Cluster "muster" is up')), /Running|Starting/);
  assert.match(result.stdout, /^Cluster "muster" is up: 1 node /m);
});

test('data that may only be read is told of', async () => {
  const result = await onOwnMounts(`
    mount -t tmpfs -o size=40m tmpfs "$disk"
    muster up --nodes 0 --data-dir "$disk/data" >/dev/null
    muster down --keep-data
    # The process that was stopped may not be quite gone, and holds its files until then.
    for try in $(seq 200); do if mount -o remount,ro "$disk" 2>/dev/null; then break; fi; sleep 0.05; done
    findmnt -no OPTIONS "$disk" | grep -q '^ro'
    muster up || echo "status: $?"
    mount -o remount,rw "$disk"
    muster up
  `);
  assert.equal(result.status, 0, result.stdout + result.stderr);
  assert.match(result.stdout, /^status: 1$/m);
  assert.match(result.stderr, /^muster up: .*(read-only|EROFS|readonly)/im);
  assert.match(result.stdout, /^Cluster "muster" is up: no nodes/m);
});
