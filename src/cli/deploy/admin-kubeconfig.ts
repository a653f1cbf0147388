import { join } from 'node:path';
import { administratorUrl, kubeconfigText } from '../../deploy/desired/files.ts';
import { writeFileAtomic } from '../../std/atomic-file.ts';
import type { Session } from './session.ts';

/** Writes the administrator's kubeconfig beside the cluster's keys, and answers its path. */
export async function writeAdminKubeconfig({ inventory, material, assetsDirectory }: Session): Promise<string> {
  const path = join(assetsDirectory, 'admin.kubeconfig');
  const text = kubeconfigText(administratorUrl(inventory), material.authority.trust, { name: 'admin', pair: material.admin });
  await writeFileAtomic(path, text, { mode: 0o600 });
  return path;
}
