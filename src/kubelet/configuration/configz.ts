import { printedConfiguration } from '../../api/configuration/printed-configuration.ts';
import { kubeletConfigurationFields } from './fields.ts';
import type { KubeletConfiguration } from './kubelet-configuration.ts';

/**
 * What `/configz` answers: the effective configuration under `kubeletconfig`, without kind and apiVersion. Headers by which
 * the kubelet shows who it is are masked, as upstream does it in its log.
 */
export function configzDocument(configuration: KubeletConfiguration): { kubeletconfig: Record<string, unknown> } {
  const headers = Object.keys((configuration['staticPodURLHeader'] as object | undefined) ?? {});
  const shown = {
    ...configuration,
    ...(headers.length > 0 && { staticPodURLHeader: Object.fromEntries(headers.map((name) => [name, ['<masked>']])) }),
  };
  return { kubeletconfig: printedConfiguration(kubeletConfigurationFields, shown) };
}
