import { readFile } from 'node:fs/promises';
import { type ParsedConfiguration, readConfiguration } from '../../api/configuration/read-configuration.ts';
import { CodedError } from '../../std/coded-error.ts';
import { kubeletConfigurationFields, retiredFields } from './fields.ts';

export type { ParsedConfiguration } from '../../api/configuration/read-configuration.ts';

/**
 * Reads a KubeletConfiguration from a JSON or YAML file.
 *
 * @throws CodedError naming the file and the field
 */
export async function readConfigurationFile(path: string): Promise<ParsedConfiguration> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'no such file or directory' : (cause as Error).message;
    throw refusal(
      `failed to load kubelet config file, path: ${path}, error: failed to read kubelet config file "${path}": ${why}`,
      cause,
    );
  }
  try {
    return await parseConfiguration(text);
  } catch (cause) {
    throw refusal(`failed to load kubelet config file, path: ${path}, error: ${(cause as Error).message}`, cause);
  }
}

/**
 * Reads a KubeletConfiguration from JSON or YAML; see `readConfiguration`.
 *
 * @throws CodedError naming the fields
 */
export function parseConfiguration(text: string): Promise<ParsedConfiguration> {
  const apiVersion = 'kubelet.config.k8s.io/v1beta1';
  return readConfiguration(text, { kind: 'KubeletConfiguration', apiVersion, fields: kubeletConfigurationFields, retiredFields });
}

function refusal(message: string, cause?: unknown): CodedError {
  return new CodedError(message, { code: 'KUBELET_CONFIGURATION_INVALID', cause });
}
