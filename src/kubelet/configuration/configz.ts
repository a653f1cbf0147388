import { printedConfiguration } from '../../api/configuration/printed-configuration.ts';
import { kubeletConfigurationFields } from './fields.ts';
import type { KubeletConfiguration } from './kubelet-configuration.ts';

/**
 * What `/configz` answers: the effective configuration under `kubeletconfig`, without kind and apiVersion.
 */
export function configzDocument(configuration: KubeletConfiguration): { kubeletconfig: Record<string, unknown> } {
  return { kubeletconfig: printedConfiguration(kubeletConfigurationFields, configuration) };
}
