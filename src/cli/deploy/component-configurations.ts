import type { Inventory } from '../../api/config/v1/inventory.ts';
import { FieldsError, type ParsedConfiguration } from '../../api/configuration/read-configuration.ts';
import { completeConfiguration as completeKubelet } from '../../kubelet/configuration/defaults.ts';
import { parseConfiguration as parseKubelet } from '../../kubelet/configuration/parse.ts';
import {
  completeConfiguration as completeProxy,
  parseConfiguration as parseProxy,
} from '../../proxy/configuration/kube-proxy-configuration.ts';
import { CodedError } from '../../std/coded-error.ts';

/** How a component reads its configuration. */
interface Reader {
  readonly head: { readonly kind: string; readonly apiVersion: string };
  parse(text: string): Promise<ParsedConfiguration>;
  complete(given: Readonly<Record<string, unknown>>): unknown;
}

const KUBELET: Reader = {
  head: { kind: 'KubeletConfiguration', apiVersion: 'kubelet.config.k8s.io/v1beta1' },
  parse: parseKubelet,
  complete: completeKubelet,
};
const PROXY: Reader = {
  head: { kind: 'KubeProxyConfiguration', apiVersion: 'kubeproxy.config.k8s.io/v1alpha1' },
  parse: parseProxy,
  complete: completeProxy,
};

/**
 * What the components would not start with of the configurations that an inventory gives them, each beginning with the field. Programs of
 * other releases have fields of their own, and say so themselves.
 */
export async function configurationMistakes({ kubelet, kubeProxy, distribution }: Inventory): Promise<string[]> {
  if (distribution.type !== 'muster') return [];
  const mistakes = await Promise.all([
    mistakesOf('kubelet.configuration', KUBELET, kubelet.configuration),
    mistakesOf('kubeProxy.configuration', PROXY, kubeProxy.configuration),
  ]);
  return mistakes.flat();
}

async function mistakesOf(at: string, reader: Reader, configuration: Readonly<Record<string, unknown>>): Promise<string[]> {
  try {
    const { given } = await reader.parse(JSON.stringify({ ...reader.head, ...configuration }));
    reader.complete(given);
    return [];
  } catch (error) {
    if (error instanceof FieldsError) return error.remarks.map((remark) => `${at}.${remark}`);
    if (error instanceof CodedError) return [`${at}: ${error.message}`];
    throw error;
  }
}
