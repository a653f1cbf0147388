import type { KubeletConfiguration } from './kubelet-configuration.ts';
import { checkCpuPolicies } from './validate-cpus.ts';

/** Choices between ways of working: those that upstream does not know, and those that this kubelet does not have. */
export function checkPolicies(c: KubeletConfiguration): string[] {
  const mistakes: string[] = [];
  if (c.runOnce) mistakes.push('runOnce (--runOnce) true, Runonce mode has been deprecated and should not be set');
  const unsupported = (label: string, value: string, instead: string) =>
    mistakes.push(`${label} ${JSON.stringify(value)} is not supported by this kubelet, use ${JSON.stringify(instead)}`);

  mistakes.push(...checkCpuPolicies(c));
  if (!['None', 'Static'].includes(c.memoryManagerPolicy))
    mistakes.push(`unknown Memory Manager policy (--memory-manager-policy): ${JSON.stringify(c.memoryManagerPolicy)}`);
  else if (c.memoryManagerPolicy !== 'None')
    unsupported('memoryManagerPolicy (--memory-manager-policy)', c.memoryManagerPolicy, 'None');
  if (!['none', 'hairpin-veth', 'promiscuous-bridge'].includes(c.hairpinMode))
    mistakes.push(
      `option ${JSON.stringify(c.hairpinMode)} specified for hairpinMode (--hairpin-mode). Valid options are "none", "hairpin-veth" or "promiscuous-bridge"`,
    );
  if (!['', 'LimitedSwap', 'NoSwap'].includes(c.memorySwap.swapBehavior ?? ''))
    mistakes.push(
      `memorySwap.swapBehavior ${JSON.stringify(c.memorySwap.swapBehavior)} must be one of: "", "LimitedSwap" or "NoSwap"`,
    );
  const verification = c.imagePullCredentialsVerificationPolicy;
  if (!['NeverVerify', 'NeverVerifyPreloadedImages', 'NeverVerifyAllowlistedImages', 'AlwaysVerify'].includes(verification))
    mistakes.push(
      `option ${JSON.stringify(verification)} specified for imagePullCredentialsVerificationPolicy. Valid options are "NeverVerify", "NeverVerifyPreloadedImages", "NeverVerifyAllowlistedImages" or "AlwaysVerify"`,
    );
  if ((c.preloadedImagesVerificationAllowlist?.length ?? 0) > 0 && verification !== 'NeverVerifyAllowlistedImages')
    mistakes.push(
      'can\'t set `preloadedImagesVerificationAllowlist` if `imagePullCredentialsVertificationPolicy` is not "NeverVerifyAllowlistedImages"',
    );
  if (!['None', 'TieredReservation'].includes(c.memoryReservationPolicy))
    mistakes.push(
      `option ${JSON.stringify(c.memoryReservationPolicy)} specified for memoryReservationPolicy. Valid options are "None" or "TieredReservation"`,
    );
  else if (c.memoryReservationPolicy === 'TieredReservation' && c.featureGates?.['MemoryQoS'] !== true)
    mistakes.push('memoryReservationPolicy "TieredReservation" requires MemoryQoS feature gate to be enabled');
  for (const taint of c.registerWithTaints ?? []) {
    if (!taint.key || !['NoSchedule', 'PreferNoSchedule', 'NoExecute'].includes(taint.effect))
      mistakes.push(`invalid taint: {${taint.key} ${taint.value ?? ''} ${taint.effect} <nil>}`);
    if (taint.timeAdded) mistakes.push('taint.TimeAdded is not nil');
  }
  const ids = c.userNamespaces?.idsPerPod;
  if (ids !== undefined && (ids < 65_536 || ids % 65_536 !== 0 || ids >= 2 ** 32))
    mistakes.push(`userNamespaces.idsPerPod ${ids} must be a multiple of 65536, and less than 1<<32`);
  return mistakes;
}
