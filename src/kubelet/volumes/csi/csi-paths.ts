/** Where volumes of CSI drivers lie, and what is written beside them so that a kubelet started anew can take them down. */
import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { writeFileAtomic } from '../../../std/atomic-file.ts';

export interface CsiVolumePaths {
  /** Given to NodePublishVolume. */
  readonly target: string;
  /** Given to NodeStageVolume. */
  readonly staging: string;
  /** The file that says which volume it is. */
  readonly data: string;
}

/** What upstream writes to `vol_data.json`. */
export interface CsiVolumeData {
  readonly driverName: string;
  readonly volumeHandle: string;
  /** Of the PersistentVolume, or of the pod's volume. */
  readonly specVolID: string;
  readonly nodeName: string;
  readonly attachmentID: string;
  readonly volumeLifecycleMode: 'Persistent' | 'Ephemeral';
}

export const CSI_PLUGIN = 'kubernetes.io/csi';
const DATA_FILE = 'vol_data.json';
const LARGEST_DATA = 64 * 1024;

const digest = (text: string) => createHash('sha256').update(text).digest('hex');

export const inlineHandle = (podUid: string, volumeName: string) => `csi-${digest(`${podUid}${volumeName}`)}`;

/** A volume with files: `directory` is `pods/<uid>/volumes/kubernetes.io~csi/<name>`. */
export function filePaths(root: string, directory: string, driver: string, handle: string): CsiVolumePaths {
  return {
    target: join(directory, 'mount'),
    staging: join(root, 'plugins', CSI_PLUGIN, driver, digest(handle), 'globalmount'),
    data: join(directory, DATA_FILE),
  };
}

/** A volume that is a device; what is below `plugins/` is shared by the pods that use it. */
export function devicePaths(root: string, podUid: string, volumeName: string): CsiVolumePaths & { readonly link: string } {
  const devices = join(root, 'plugins', CSI_PLUGIN, 'volumeDevices');
  return {
    target: join(devices, 'publish', volumeName, podUid),
    staging: join(devices, 'staging', volumeName),
    data: join(devices, volumeName, 'data', DATA_FILE),
    link: join(root, 'pods', podUid, 'volumeDevices', CSI_PLUGIN.replace('/', '~'), volumeName),
  };
}

export async function writeVolumeData(path: string, data: CsiVolumeData): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o750 });
  await writeFileAtomic(path, JSON.stringify(data), { mode: 0o600 });
}

/** Undefined when there is none. @throws Error for a file that does not say which volume it is of */
export async function readVolumeData(path: string): Promise<CsiVolumeData | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
  const data = text.length > LARGEST_DATA ? undefined : (JSON.parse(text) as Partial<CsiVolumeData>);
  const { driverName, volumeHandle } = data ?? {};
  if (
    typeof driverName !== 'string' ||
    typeof volumeHandle !== 'string' ||
    basename(driverName) !== driverName ||
    driverName === '..'
  )
    throw new Error(`kubernetes.io/csi: ${path} does not say of which volume it is`);
  return {
    driverName,
    volumeHandle,
    specVolID: String(data?.specVolID ?? ''),
    nodeName: String(data?.nodeName ?? ''),
    attachmentID: String(data?.attachmentID ?? ''),
    volumeLifecycleMode: data?.volumeLifecycleMode === 'Ephemeral' ? 'Ephemeral' : 'Persistent',
  };
}
