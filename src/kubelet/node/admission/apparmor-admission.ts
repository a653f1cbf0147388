import { readFile, stat } from 'node:fs/promises';
import type { V1Pod } from '../../../api/gen/types.ts';
import { containersByName } from '../../pods/container-kinds.ts';
import { appArmorOf } from '../../runtime/cri/translate/security-profiles.ts';

/** Whether this machine's kernel confines programs by AppArmor (pkg/security/apparmor asks the same). */
export async function readHasAppArmor(root = '/'): Promise<boolean> {
  // Both are missing where the kernel has no AppArmor; the directory alone where securityfs is not mounted.
  const there = await stat(`${root}sys/kernel/security/apparmor`).catch(() => undefined);
  const enabled = await readFile(`${root}sys/module/apparmor/parameters/enabled`, 'utf8').catch(() => '');
  return there !== undefined && enabled.startsWith('Y');
}

/**
 * Why a pod cannot be confined as it asks: the runtime itself would start it without, where it asks for the runtime's own profile. Who runs
 * already stays.
 */
export function appArmorRefusal(pod: V1Pod, hasAppArmor: boolean): { reason: string; message: string } | undefined {
  if (hasAppArmor || (pod.status?.phase ?? 'Pending') !== 'Pending') return undefined;
  const asks = [...containersByName(pod).values()].some(({ container }) => {
    const type = appArmorOf(pod, container)?.type;
    return type !== undefined && type !== 'Unconfined';
  });
  return asks ? { reason: 'AppArmor', message: 'Cannot enforce AppArmor: AppArmor is not enabled on the host' } : undefined;
}
