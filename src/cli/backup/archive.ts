import { createHash, type Hash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { lstat, mkdir, open, readlink, rename, rm, stat, symlink } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { CodedError } from '../../std/coded-error.ts';
import { makeDirectories } from '../../std/directories.ts';
import { isSealed, seal, unseal } from './sealed-stream.ts';
import { readTar, type TarHeader, tarEnd, tarHeader, tarPadding } from './tar-stream.ts';

/*
 * A backup is a tar.gz, which is sealed as a whole when there is a key:
 *
 *     muster-backup.json   what it is a backup of, and when it was made
 *     …                    the files
 *     SHA256SUMS           of all files before it, in the form that sha256sum -c reads; last, so that a cut archive has none
 */
export const MANIFEST = 'muster-backup.json';
const SUMS = 'SHA256SUMS';
export const FORMAT = 1;

export interface Manifest {
  readonly format: number;
  readonly kind: 'cluster' | 'etcd';
  /** Of the cluster; of etcd, the member that was asked. */
  readonly name: string;
  readonly createdAt: string;
  readonly writtenBy: string;
}

/** A file or symbolic link for an archive. */
export interface Content {
  /** In the archive. */
  readonly path: string;
  /** On this machine. */
  readonly file: string;
}

/** Writes an archive, mode 0600, whole or not at all; answers its files. A symbolic link to a file beside it is kept as one. */
export async function writeArchive(
  target: string,
  { manifest, contents, key }: { manifest: Manifest; contents: readonly Content[]; key: Uint8Array | undefined },
): Promise<number> {
  const temporary = `${target}.partial`;
  await makeDirectories(dirname(target));
  try {
    const packed = Readable.from(pack(manifest, contents)).pipe(createGzip());
    const stream = key ? Readable.from(seal(packed, key)) : packed;
    // A new one: what somebody else has put there could be read by him, or lead elsewhere.
    await rm(temporary, { force: true });
    await pipeline(stream, createWriteStream(temporary, { mode: 0o600, flags: 'wx', flush: true }));
    await rename(temporary, target);
    return contents.length;
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

async function* pack(manifest: Manifest, contents: readonly Content[]): AsyncGenerator<Buffer, void, undefined> {
  const sums: string[] = [];
  const small = function* (path: string, text: string) {
    const bytes = Buffer.from(text);
    yield tarHeader({ path, mode: 0o600, size: bytes.length, modifiedMs: Date.parse(manifest.createdAt) });
    yield bytes;
    yield tarPadding(bytes.length);
  };
  yield* small(MANIFEST, `${JSON.stringify(manifest, null, 2)}\n`);
  for (const { path, file } of contents) {
    const link = await siblingOf(file);
    const { mode, size, mtimeMs } = await stat(file);
    if (link !== undefined) {
      yield tarHeader({ path, mode: 0o777, size: 0, modifiedMs: mtimeMs, link });
      continue;
    }
    const hash = createHash('sha256');
    yield tarHeader({ path, mode, size, modifiedMs: mtimeMs });
    let left = size;
    for await (const chunk of createReadStream(file, size > 0 ? { end: size - 1 } : {})) {
      left -= chunk.length;
      hash.update(chunk);
      yield chunk;
    }
    if (left !== 0) throw new CodedError(`${file} became shorter while it was read`, { code: 'ARCHIVE_CHANGED' });
    yield tarPadding(size);
    sums.push(`${hash.digest('hex')}  ${path}\n`);
  }
  yield* small(SUMS, sums.join(''));
  yield tarEnd();
}

/** The name of the file beside it that a symbolic link leads to; undefined for all else, which is kept as the file it leads to. */
async function siblingOf(file: string): Promise<string | undefined> {
  if (!(await lstat(file)).isSymbolicLink()) return undefined;
  const target = resolve(dirname(file), await readlink(file));
  return dirname(target) === dirname(file) ? basename(target) : undefined;
}

/** What an archive says of itself. @throws CodedError for what is no archive, or another key */
export async function readManifest(file: string, key: Uint8Array | undefined): Promise<Manifest> {
  let manifest: Manifest | undefined;
  const found = new Error('found');
  try {
    await readTar(await plainStream(file, key), async ({ path }, content) => {
      if (path !== MANIFEST) throw notOurs(file);
      const pieces: Buffer[] = [];
      for await (const piece of content) pieces.push(piece);
      manifest = parseManifest(Buffer.concat(pieces).toString('utf8'), file);
      throw found;
    });
  } catch (error) {
    if (error !== found) throw error;
  }
  if (!manifest) throw notOurs(file);
  return manifest;
}

/**
 * Writes an archive's files below a directory that is new, and checks all of them. What is there when this fails is to be deleted.
 *
 * @throws CodedError for an archive that is damaged, cut, sealed with another key, or names files elsewhere
 */
export async function unpackArchive(file: string, directory: string, key: Uint8Array | undefined): Promise<Manifest> {
  const hashes = new Map<string, Hash>();
  let manifest: Manifest | undefined;
  let sums: string | undefined;
  await mkdir(directory, { mode: 0o700 });
  await readTar(await plainStream(file, key), async (header, content) => {
    if (sums !== undefined) throw damaged(file, 'it goes on after its checksums');
    if (header.path === MANIFEST || header.path === SUMS) {
      const pieces: Buffer[] = [];
      for await (const piece of content) pieces.push(piece);
      const text = Buffer.concat(pieces).toString('utf8');
      if (header.path === SUMS) sums = text;
      else manifest = parseManifest(text, file);
      return;
    }
    const hash = await unpackOne(directory, header, content);
    if (hash) hashes.set(header.path, hash);
  });
  if (!manifest) throw notOurs(file);
  const wanted = [...hashes].map(([path, hash]) => `${hash.digest('hex')}  ${path}\n`).join('');
  if (sums === undefined) throw damaged(file, 'it ends too early');
  if (sums !== wanted) throw damaged(file, 'its files are not what its checksums say');
  return manifest;
}

async function unpackOne(directory: string, header: TarHeader, content: AsyncIterable<Buffer>): Promise<Hash | undefined> {
  const parts = header.path.split('/');
  if (header.path.startsWith('/') || parts.some((part) => part === '' || part === '.' || part === '..'))
    throw damaged(header.path, 'it names a file outside of the archive');
  let parent = directory;
  for (const part of parts.slice(0, -1)) {
    parent = join(parent, part);
    await mkdir(parent, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    // A link that came before must not lead what follows elsewhere.
    if (!(await lstat(parent)).isDirectory()) throw damaged(header.path, 'it leads through a link');
  }
  const path = join(directory, header.path);
  if (header.link !== undefined) {
    // Beside itself, as kubelets have theirs; nothing else of a cluster is a link.
    if (header.link.includes('/') || header.link === '..') throw damaged(header.path, `it is a link to ${header.link}`);
    await symlink(header.link, path);
    return undefined;
  }
  const hash = createHash('sha256');
  const target = await open(path, 'wx', 0o600);
  try {
    for await (const piece of content) {
      hash.update(piece);
      await target.writeFile(piece);
    }
    await target.chmod(header.mode & 0o777);
    await target.sync();
  } finally {
    await target.close();
  }
  return hash;
}

async function plainStream(file: string, key: Uint8Array | undefined): Promise<AsyncIterable<Buffer>> {
  const handle = await open(file, 'r');
  const beginning = Buffer.alloc(16);
  try {
    await handle.read(beginning, 0, beginning.length, 0);
  } finally {
    await handle.close();
  }
  const sealed = isSealed(beginning);
  if (sealed && !key) throw new CodedError(`${file} is sealed: give the key with --key-file`, { code: 'ARCHIVE_SEALED' });
  if (!sealed && key) throw new CodedError(`${file} is not sealed: leave out --key-file`, { code: 'ARCHIVE_SEALED' });
  const source: AsyncIterable<Buffer> = createReadStream(file);
  return unzip(sealed ? unseal(source, key!) : source, file);
}

async function* unzip(source: AsyncIterable<Buffer>, file: string): AsyncGenerator<Buffer, void, undefined> {
  const gunzip = createGunzip();
  const input = Readable.from(source);
  // Destroying with the reason makes whoever reads the other end hear it.
  input.on('error', (error) => gunzip.destroy(error));
  try {
    for await (const chunk of input.pipe(gunzip)) yield chunk as Buffer;
  } catch (error) {
    if (error instanceof CodedError) throw error;
    throw damaged(file, (error as Error).message);
  } finally {
    input.destroy();
    gunzip.destroy();
  }
}

function parseManifest(text: string, file: string): Manifest {
  let manifest: Partial<Manifest>;
  try {
    manifest = JSON.parse(text) as Partial<Manifest>;
  } catch {
    throw notOurs(file);
  }
  if (manifest.format !== FORMAT)
    throw new CodedError(
      `${file} has backup format ${JSON.stringify(manifest.format)}, which this version does not read (it reads ${FORMAT})`,
      { code: 'ARCHIVE_INCOMPATIBLE' },
    );
  if (manifest.kind !== 'cluster' && manifest.kind !== 'etcd') throw notOurs(file);
  return manifest as Manifest;
}

const damaged = (what: string, why: string) => new CodedError(`${what} is damaged: ${why}`, { code: 'ARCHIVE_CORRUPT' });
const notOurs = (file: string) => new CodedError(`${file} is no backup of muster`, { code: 'ARCHIVE_CORRUPT' });
