import { readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  descriptorOf,
  hostArchitecture,
  type ImageSettings,
  type OciImage,
  ociImageOf,
} from '../../src/kubelet/runtime/cri/images/oci-image.ts';
import { type TarEntry, tarOf } from '../../src/kubelet/runtime/cri/images/tar.ts';

/** An image for a test: busybox with all its programs in /bin, unless `busybox` is false, and files of the test's own. */
export interface TestImage {
  /** Full names with tags (`registry.test/web:1`): all of them are given to the one image. */
  readonly names: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly cmd?: readonly string[];
  readonly env?: readonly string[];
  /** `1000`, `1000:1000`, `web` (an entry in /etc/passwd is then the test's own affair: see `files`). */
  readonly user?: string;
  readonly workingDir?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  /** Paths without a leading slash. */
  readonly files?: readonly { readonly path: string; readonly content: Uint8Array | string; readonly mode?: number }[];
  /** Default true. */
  readonly busybox?: boolean;
}

/** The image that every test can have: `sh`, `sleep`, `nc`, `httpd`, `id` …, and users `nobody` (65534) and `web` (1000). */
export const BUSYBOX = 'registry.test/busybox:1';

const APPLETS = [
  ...[
    'sh',
    'ash',
    'sleep',
    'cat',
    'echo',
    'env',
    'true',
    'false',
    'ls',
    'id',
    'ps',
    'kill',
    'mkdir',
    'rm',
    'touch',
    'test',
    'tee',
  ],
  ...[
    'nc',
    'httpd',
    'wget',
    'hostname',
    'mount',
    'umount',
    'stat',
    'df',
    'du',
    'dd',
    'head',
    'tail',
    'grep',
    'sed',
    'awk',
    'date',
  ],
  ...[
    'ip',
    'ping',
    'nslookup',
    'seq',
    'yes',
    'tar',
    'sync',
    'chmod',
    'chown',
    'ln',
    'cp',
    'mv',
    'find',
    'sort',
    'wc',
    'stty',
    'tty',
  ],
  ...[
    'md5sum',
    'sha256sum',
    'cut',
    'tr',
    'xargs',
    'printf',
    'sysctl',
    'nproc',
    'free',
    'uname',
    'whoami',
    'readlink',
    'realpath',
    'vi',
  ],
  ...[
    'ifconfig',
    'route',
    'netstat',
    'top',
    'usleep',
    'timeout',
    'unshare',
    'chroot',
    'mknod',
    'mkfifo',
    'mktemp',
    'base64',
    'od',
  ],
];

/** What a registry or an archive of the image consists of. */
export function testImage(image: TestImage): OciImage {
  const architecture = hostArchitecture();
  if (architecture === undefined) throw new Error(`there are no test images for ${process.arch}`);
  const settings: ImageSettings = {
    ...(image.entrypoint && { Entrypoint: image.entrypoint }),
    ...(image.cmd && { Cmd: image.cmd }),
    Env: image.env ?? ['PATH=/bin'],
    ...(image.user !== undefined && { User: image.user }),
    ...(image.workingDir !== undefined && { WorkingDir: image.workingDir }),
    ...(image.labels && { Labels: image.labels }),
    ...(image.volumes && { Volumes: Object.fromEntries(image.volumes.map((path) => [path, {}])) }),
  };
  const own = (image.files ?? []).map(({ path, content, mode = 0o755 }) => ({ path, mode, content: Buffer.from(content) }));
  return ociImageOf([...(image.busybox === false ? [] : busyboxFiles()), ...own], settings, architecture);
}

/** Brings images into a containerd's `k8s.io` namespace, as `ctr images import` does. */
export async function importImages(
  containerd: { readonly root: string; ctr(...args: string[]): Promise<string> },
  images: readonly TestImage[],
): Promise<void> {
  const archive = join(containerd.root, `images-${process.hrtime.bigint()}.tar`);
  await writeFile(archive, archiveOf(images));
  try {
    await containerd.ctr('images', 'import', archive);
  } finally {
    await rm(archive, { force: true });
  }
}

/** An OCI image layout as one tar archive; names are annotations, as containerd reads them. */
export function archiveOf(images: readonly TestImage[]): Buffer {
  const blobs = new Map<string, Buffer>();
  const manifests = images.flatMap((wanted) => {
    const image = testImage(wanted);
    for (const { digest, bytes } of [image.manifest, image.config, image.layer]) blobs.set(digest, bytes);
    return wanted.names.map((name) => ({ ...descriptorOf(image.manifest), annotations: { 'io.containerd.image.name': name } }));
  });
  const json = (path: string, value: unknown): TarEntry => ({ path, mode: 0o644, content: Buffer.from(JSON.stringify(value)) });
  return tarOf([
    json('oci-layout', { imageLayoutVersion: '1.0.0' }),
    json('index.json', { schemaVersion: 2, manifests }),
    ...[...blobs].map(([digest, content]) => ({ path: `blobs/${digest.replace(':', '/')}`, mode: 0o644, content })),
  ]);
}

function busyboxFiles(): TarEntry[] {
  const directories = ['bin/', 'etc/', 'home/', 'root/', 'var/', 'proc/', 'sys/', 'dev/'].map((path) => ({ path, mode: 0o755 }));
  return [
    ...directories,
    { path: 'tmp/', mode: 0o1777 },
    { path: 'bin/busybox', mode: 0o755, content: staticBusybox() },
    ...APPLETS.map((name) => ({ path: `bin/${name}`, mode: 0o777, linkTo: 'busybox' })),
    {
      path: 'etc/passwd',
      mode: 0o644,
      content: Buffer.from('root:x:0:0::/root:/bin/sh\nweb:x:1000:1000::/:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n'),
    },
    {
      path: 'etc/group',
      mode: 0o644,
      content: Buffer.from('root:x:0:\nweb:x:1000:\nextra:x:5000:web\nnogroup:x:65534:\n'),
    },
  ];
}

function staticBusybox(): Buffer {
  const path = ['/bin/busybox', '/usr/bin/busybox'].find((candidate) => {
    try {
      return !readFileSync(candidate).includes('/ld-linux');
    } catch {
      return false; // not there: the next one may be
    }
  });
  if (path === undefined) throw new Error('a busybox without shared libraries is missing: apt-get install busybox-static');
  return readFileSync(path);
}
