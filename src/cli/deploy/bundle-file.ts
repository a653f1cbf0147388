import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type BundledPackage, MANIFEST, type Manifest, type ManifestFile, readManifest } from '../../deploy/bundle/bundle.ts';
import { debPackage } from '../../deploy/bundle/packages.ts';
import { contentOf } from '../../deploy/desired/step.ts';
import { CodedError } from '../../std/coded-error.ts';
import { readTar, tarEnd, tarHeader, tarPadding } from '../backup/tar-stream.ts';

export interface BundleContents {
  readonly version: string;
  readonly architecture: string;
  readonly executable: string;
  readonly libraries: ReadonlyMap<string, Uint8Array>;
  /** Package files, each with its control file. */
  readonly packages: readonly { readonly file: string; readonly control: string }[];
}

/** What a bundle holds, unpacked. */
export interface UnpackedBundle {
  /** A path. */
  readonly executable: string;
  readonly libraries: ReadonlyMap<string, Uint8Array>;
  readonly packages: readonly BundledPackage[];
}

const invalid = (file: string, why: string) => new CodedError(`bundle ${file}: ${why}`, { code: 'BUNDLE_INVALID' });
const LARGEST_MANIFEST_BYTES = 16 << 20;

/**
 * Writes a bundle, whole or not at all. Answers what it holds.
 *
 * @throws CodedError BUNDLE_INVALID for a file that is no package, or two of one name
 */
export async function writeBundle(file: string, contents: BundleContents): Promise<Manifest> {
  const sources: { readonly path: string; readonly source: string | Uint8Array; readonly control?: string }[] = [
    { path: 'muster', source: contents.executable },
    ...[...contents.libraries].map(([name, bytes]) => ({ path: `lib/${name}`, source: bytes })),
    ...contents.packages.map((one) => ({ path: `packages/${basename(one.file)}`, source: one.file, control: one.control })),
  ];
  const files: ManifestFile[] = [];
  for (const { path, source, control } of sources) {
    const { sizeBytes, sha256 } = await digestOf(source);
    files.push({ path, sizeBytes, sha256, ...(control !== undefined && { control }) });
  }
  const { version, architecture } = contents;
  const manifest = readManifest(
    JSON.stringify({ kind: 'Bundle', apiVersion: 'config.muster.dev/v1', version, architecture, files }),
  );
  const partial = join(dirname(file), `.${basename(file)}.${process.pid}.partial`);
  try {
    await pipeline(Readable.from(pack(manifest, sources)), createWriteStream(partial));
    await rename(partial, file);
  } finally {
    await rm(partial, { force: true });
  }
  return manifest;
}

/** Entries have no times and no owners: the same files give the same bundle. */
async function* pack(
  manifest: Manifest,
  sources: readonly { readonly path: string; readonly source: string | Uint8Array }[],
): AsyncGenerator<Uint8Array, void, undefined> {
  const text = Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`);
  yield tarHeader({ path: MANIFEST, mode: 0o644, size: text.length, modifiedMs: 0 });
  yield text;
  yield tarPadding(text.length);
  for (const [i, { path, source }] of sources.entries()) {
    const size = manifest.files[i]!.sizeBytes;
    yield tarHeader({ path, mode: path === 'muster' ? 0o755 : 0o644, size, modifiedMs: 0 });
    let written = 0;
    for await (const chunk of typeof source === 'string' ? createReadStream(source) : [source]) {
      written += chunk.length;
      yield chunk;
    }
    if (written !== size) throw new CodedError(`${path} changed while it was read`, { code: 'BUNDLE_CHANGED' });
    yield tarPadding(size);
  }
  yield tarEnd();
}

async function digestOf(source: string | Uint8Array): Promise<{ sizeBytes: number; sha256: string }> {
  const hash = createHash('sha256');
  if (typeof source !== 'string') return { sizeBytes: source.length, sha256: hash.update(source).digest('hex') };
  await pipeline(createReadStream(source), hash);
  return { sizeBytes: (await stat(source)).size, sha256: hash.digest('hex') };
}

/**
 * Unpacks a bundle into a new directory and checks every file of it.
 *
 * @throws CodedError BUNDLE_INVALID when it is no whole bundle, or one for another architecture than this machine's
 */
export async function unpackBundle(file: string, directory: string): Promise<UnpackedBundle> {
  await mkdir(directory, { mode: 0o700 });
  let manifest: Manifest | undefined;
  const wanted = new Map<string, ManifestFile>();
  const libraries = new Map<string, Uint8Array>();
  const packages: BundledPackage[] = [];
  const executable = join(directory, 'muster');
  try {
    await readTar(createReadStream(file), async ({ path, size, link }, content) => {
      if (!manifest) {
        if (path !== MANIFEST || size > LARGEST_MANIFEST_BYTES) throw invalid(file, 'it is not what "deploy bundle" makes');
        manifest = readManifest((await bytesOf(content)).toString());
        for (const one of manifest.files) wanted.set(one.path, one);
        return;
      }
      const entry = wanted.get(path);
      if (!entry || link !== undefined || size !== entry.sizeBytes) throw invalid(file, `${JSON.stringify(path)} is not of it`);
      wanted.delete(path);
      const bytes = await bytesOf(content);
      if (createHash('sha256').update(bytes).digest('hex') !== entry.sha256) throw invalid(file, `${path} is damaged`);
      const [folder, name = ''] = path.split('/');
      if (folder === 'lib') libraries.set(name, bytes);
      else if (folder === 'packages')
        packages.push({ ...debPackage(name, entry.control ?? '', bytes), content: contentOf(bytes) });
      else await writeFile(executable, bytes, { mode: 0o700 });
    });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw invalid(file, 'no such file');
    if (code === 'ARCHIVE_CORRUPT') throw invalid(file, message);
    throw error;
  }
  if (!manifest) throw invalid(file, 'it is empty');
  const [missing] = wanted.keys();
  if (missing !== undefined) throw invalid(file, `${missing} is missing`);
  if (!manifest.files.some(({ path }) => path === 'muster')) throw invalid(file, 'it has no executable');
  if (manifest.architecture !== process.arch)
    throw invalid(file, `it is for ${manifest.architecture}, and this machine is ${process.arch}`);
  return { executable, libraries, packages };
}

async function bytesOf(content: AsyncIterable<Buffer>): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of content) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** Package files that are named, or lie in a directory that is named. */
export async function readControl(
  file: string,
  run: (name: string, args: readonly string[]) => Promise<{ readonly stdout: string }>,
): Promise<{ readonly file: string; readonly control: string }> {
  const { stdout } = await run('dpkg-deb', ['--field', file]);
  debPackage(basename(file), stdout, await readFile(file)); // refused before anything is written
  return { file, control: stdout };
}
