import { createHash } from 'node:crypto';
import { type TarEntry, tarOf } from './tar.ts';

/** Parts of the image's configuration, named as the image specification names them (`config.md`). */
export interface ImageSettings {
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly Env?: readonly string[];
  readonly User?: string;
  readonly WorkingDir?: string;
  readonly StopSignal?: string;
  readonly Labels?: Readonly<Record<string, string>>;
  readonly ExposedPorts?: Readonly<Record<string, object>>;
  readonly Volumes?: Readonly<Record<string, object>>;
}

export interface ImageBlob {
  readonly mediaType: string;
  /** `sha256:…` */
  readonly digest: string;
  readonly bytes: Buffer;
}

export interface OciImage {
  readonly manifest: ImageBlob;
  readonly config: ImageBlob;
  readonly layer: ImageBlob;
}

/** As the image specification names processors. */
export type Architecture = 'amd64' | 'arm64';

export const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json';
const CONFIG_TYPE = 'application/vnd.oci.image.config.v1+json';
const LAYER_TYPE = 'application/vnd.oci.image.layer.v1.tar';

/** An image of one layer for Linux. The same files and settings always give the same digests. */
export function ociImageOf(files: readonly TarEntry[], settings: ImageSettings, architecture: Architecture): OciImage {
  const layer = blob(LAYER_TYPE, tarOf(files));
  const config = jsonBlob(CONFIG_TYPE, {
    architecture,
    os: 'linux',
    config: settings,
    rootfs: { type: 'layers', diff_ids: [layer.digest] },
  });
  const manifest = jsonBlob(MANIFEST_TYPE, {
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    config: descriptorOf(config),
    layers: [descriptorOf(layer)],
  });
  return { manifest, config, layer };
}

/** What refers to a blob: https://github.com/opencontainers/image-spec/blob/main/descriptor.md */
export function descriptorOf({ mediaType, digest, bytes }: ImageBlob): {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
} {
  return { mediaType, digest, size: bytes.length };
}

/** The processor that this process runs on; undefined where it has no name here. */
export function hostArchitecture(arch: string = process.arch): Architecture | undefined {
  if (arch === 'x64') return 'amd64';
  return arch === 'arm64' ? 'arm64' : undefined;
}

function jsonBlob(mediaType: string, value: unknown): ImageBlob {
  return blob(mediaType, Buffer.from(JSON.stringify(value)));
}

function blob(mediaType: string, bytes: Buffer): ImageBlob {
  return { mediaType, digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`, bytes };
}
