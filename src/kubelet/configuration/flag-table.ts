import { flagType, overrideByFlags as overrideFields, settings } from '../../api/configuration/setting-flags.ts';
import type { FlagDefinition, ParsedFlags } from '../../std/flags.ts';
import { kubeletConfigurationFields } from './fields.ts';

/** Upstream's sentence for flags whose home is the file now; `--help` and the warning print it behind `DEPRECATED: `. */
export const BELONGS_IN_FILE =
  "This parameter should be set via the config file specified by the Kubelet's --config flag. See https://kubernetes.io/docs/tasks/administer-cluster/kubelet-config-file/ for more information.";

/** Upstream keeps these as flags for good. */
const NOT_DEPRECATED = new Set(['v', 'log-flush-frequency', 'provider-id', 'register-node']);

/** The flags that set fields of the configuration, each saying which. */
export function configurationFlags(): FlagDefinition[] {
  return settings(kubeletConfigurationFields).map((setting) => {
    const { flag, path, field } = setting;
    const range = field.oneOf
      ? ` Possible values: ${field.oneOf
          .filter((choice) => choice !== '')
          .map((choice) => `'${choice}'`)
          .join(', ')}.`
      : '';
    return {
      name: flag,
      type: flagType(setting),
      ...(flag === 'v' && { shorthand: 'v' }),
      ...(field.default !== undefined && { default: field.default as FlagDefinition['default'] }),
      description:
        flag === 'v' ? 'number for the log level verbosity' : `The setting ${path.join('.')} of the configuration file.${range}`,
      ...(!NOT_DEPRECATED.has(flag) && { deprecated: BELONGS_IN_FILE }),
    };
  });
}

/**
 * What the file gave, with what flags that were given say in its place; feature gates are merged, flag over file.
 *
 * @throws FlagError naming the flag
 */
export const overrideByFlags = (given: Readonly<Record<string, unknown>>, flags: ParsedFlags): Record<string, unknown> =>
  overrideFields(kubeletConfigurationFields, given, flags);
