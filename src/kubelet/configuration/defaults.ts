import { withDefaults } from '../../api/configuration/with-defaults.ts';
import { kubeletConfigurationFields } from './fields.ts';
import type { KubeletConfiguration } from './kubelet-configuration.ts';
import { validateKubeletConfiguration } from './validate.ts';

type Fields = Record<string, unknown>;

/** What upstream evicts at when nothing is said, on Linux. */
const EVICTION_HARD = {
  'imagefs.available': '15%',
  'imagefs.inodesFree': '5%',
  'memory.available': '100Mi',
  'nodefs.available': '10%',
  'nodefs.inodesFree': '5%',
};

/**
 * The whole configuration from what was said: `given` has already the right types (see `parse.ts`) and is not changed.
 *
 * @throws CodedError naming each field whose value is not legal
 */
export function completeConfiguration(given: Readonly<Fields> = {}): KubeletConfiguration {
  const configuration = withDefaults(kubeletConfigurationFields, given) as Fields;
  // As upstream: who asks for frequent status updates gets them reported as often.
  configuration['nodeStatusReportFrequency'] ??= given['nodeStatusUpdateFrequency'] ?? '5m0s';
  const parallel = given['maxParallelImagePulls'];
  configuration['serializeImagePulls'] ??= typeof parallel !== 'number' || parallel < 2;
  configuration['evictionHard'] = evictionHard(given);
  if ((configuration['podPidsLimit'] as number) < 0) configuration['podPidsLimit'] = -1;
  const complete = configuration as KubeletConfiguration;
  validateKubeletConfiguration(complete);
  return complete;
}

function evictionHard(given: Readonly<Fields>): Fields {
  const said = given['evictionHard'] as Fields | undefined;
  if (!said) return { ...EVICTION_HARD };
  return given['mergeDefaultEvictionSettings'] === true ? { ...EVICTION_HARD, ...said } : { ...said };
}
