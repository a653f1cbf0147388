import { mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Inventory } from '../../api/config/v1/inventory.ts';
import { contentOf } from '../../deploy/desired/step.ts';
import {
  flagsInHelp,
  UPSTREAM_NAMES,
  type UpstreamProgram,
  type UpstreamPrograms,
  unknownFlags,
} from '../../deploy/distribution/program-flags.ts';
import type { RunProgram } from '../../host/run-program.ts';
import { CodedError } from '../../std/coded-error.ts';

const UNPACK_MS = 300_000;

/**
 * The programs of `distribution.programs`, each asked for its flags.
 *
 * @param path a directory or an archive
 * @param scratch a new directory for what comes out of an archive
 * @throws CodedError UPSTREAM_UNUSABLE naming what is missing or does not run here; FLAG_UNKNOWN naming flags of the inventory that a
 * program does not have
 */
export async function openUpstream(
  inventory: Inventory,
  path: string,
  scratch: string,
  run: RunProgram,
): Promise<UpstreamPrograms> {
  const fileOf = await filesOf(path, scratch, run);
  const programs = new Map<(typeof UPSTREAM_NAMES)[number], UpstreamProgram>();
  for (const name of UPSTREAM_NAMES) {
    const file = fileOf(name);
    const bytes = await readFile(file).catch((cause: Error) => {
      throw new CodedError(`distribution.programs: ${path} has no ${name}: ${cause.message}`, {
        code: 'UPSTREAM_UNUSABLE',
        cause,
      });
    });
    const help = await run(file, ['--help']).catch((cause: Error) => {
      throw new CodedError(`distribution.programs: ${name} does not say its flags: ${cause.message}`, {
        code: 'UPSTREAM_UNUSABLE',
        cause,
      });
    });
    const flags = flagsInHelp(`${help.stdout}\n${help.stderr}`);
    if (!flags.has('kubeconfig') && !flags.has('etcd-servers'))
      throw new CodedError(`distribution.programs: ${name} lists no flags that Kubernetes has`, { code: 'UPSTREAM_UNUSABLE' });
    programs.set(name, { content: contentOf(bytes), flags });
  }
  // Left out silently, Secrets would be plain.
  if (inventory.encryption.provider !== 'none' && !programs.get('kube-apiserver')?.flags.has('encryption-provider-config'))
    throw new CodedError(
      `encryption.provider: the kube-apiserver of ${path} has no --encryption-provider-config: let it be "none"`,
      { code: 'UPSTREAM_UNUSABLE' },
    );
  const unknown = unknownFlags(inventory, programs);
  if (unknown.length > 0)
    throw new CodedError(`the programs of ${path} have no such flags: ${unknown.join(', ')}`, { code: 'FLAG_UNKNOWN' });
  return programs;
}

/** Where each of the programs is. Of an archive they are taken by their names, wherever in it they lie. */
async function filesOf(path: string, scratch: string, run: RunProgram): Promise<(name: string) => string> {
  const unusable = (cause: Error) =>
    new CodedError(`distribution.programs: ${path}: ${cause.message}`, { code: 'UPSTREAM_UNUSABLE', cause });
  const status = await stat(path).catch((cause: Error) => {
    throw unusable(cause);
  });
  if (status.isDirectory()) return (name) => join(path, name);
  await mkdir(scratch, { mode: 0o700 });
  // tar itself leaves no path out of its directory.
  await run('tar', ['-xf', path, '-C', scratch, '--no-same-owner', '--wildcards', ...UPSTREAM_NAMES.map((name) => `*/${name}`)], {
    timeoutMs: UNPACK_MS,
  }).catch((cause: Error) => {
    throw unusable(cause);
  });
  const found = await readdir(scratch, { recursive: true });
  return (name) => join(scratch, found.find((file) => basename(file) === name) ?? name);
}
