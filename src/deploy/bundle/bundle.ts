import { CodedError } from '../../std/coded-error.ts';
import type { FileContent } from '../desired/step.ts';
import type { DebPackage } from './packages.ts';

/** All that hosts are given, from one file. */
export interface Bundle {
  /** Muster, as one file. */
  readonly executable: FileContent;
  readonly libraries: ReadonlyMap<string, FileContent>;
  readonly packages: readonly BundledPackage[];
}

export interface BundledPackage extends DebPackage {
  readonly content: FileContent;
}

/** The first file of a bundle: what the others are, and by which digests they are known. */
export interface Manifest {
  readonly kind: 'Bundle';
  readonly apiVersion: 'config.muster.dev/v1';
  /** Of Muster. */
  readonly version: string;
  /** As Node calls it: `x64`. */
  readonly architecture: string;
  readonly files: readonly ManifestFile[];
}

export interface ManifestFile {
  /** `muster`, `lib/NAME` or `packages/NAME.deb`. */
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  /** Of a package: its control file. */
  readonly control?: string;
}

export const MANIFEST = 'bundle.json';
const PATH = /^(?:muster|lib\/[A-Za-z0-9._+-]{1,100}|packages\/[A-Za-z0-9.+~%_:-]{1,205})$/;

/**
 * Reads the manifest of a bundle.
 *
 * @throws CodedError BUNDLE_INVALID saying what is wrong with it
 */
export function readManifest(text: string): Manifest {
  const invalid = (why: string) => new CodedError(`the bundle's ${MANIFEST} ${why}`, { code: 'BUNDLE_INVALID' });
  let manifest: Partial<Manifest>;
  try {
    manifest = JSON.parse(text) as Partial<Manifest>;
  } catch (cause) {
    throw new CodedError(`the bundle's ${MANIFEST} cannot be read: ${(cause as Error).message}`, {
      code: 'BUNDLE_INVALID',
      cause,
    });
  }
  if (typeof manifest !== 'object' || manifest === null || manifest.kind !== 'Bundle') throw invalid('is not one');
  if (manifest.apiVersion !== 'config.muster.dev/v1')
    throw invalid(`has apiVersion ${JSON.stringify(manifest.apiVersion)}, which is not supported`);
  const { version, architecture, files } = manifest;
  if (typeof version !== 'string' || typeof architecture !== 'string' || !Array.isArray(files)) throw invalid('is not whole');
  for (const file of files as readonly Partial<ManifestFile>[])
    if (
      typeof file?.path !== 'string' ||
      !PATH.test(file.path) ||
      !Number.isSafeInteger(file.sizeBytes) ||
      typeof file.sha256 !== 'string' ||
      !(file.control === undefined || typeof file.control === 'string')
    )
      throw invalid(`names a file that no bundle has: ${JSON.stringify(file?.path)}`);
  if (new Set(files.map(({ path }) => path)).size !== files.length) throw invalid('names a file twice');
  return { kind: 'Bundle', apiVersion: 'config.muster.dev/v1', version, architecture, files };
}
