import type { V1Pod } from '../../api/gen/types.ts';
import { checkDnsLabel, checkDnsSubdomain, type NameCheck } from '../../api/machinery/names.ts';

export interface PodHostname {
  readonly hostname: string;
  /** `<subdomain>.<namespace>.svc.<cluster domain>`; empty without a subdomain. */
  readonly domain: string;
}

const LONGEST_HOSTNAME = 63;
/** What the kernel's field for it holds. */
const LONGEST_NODENAME = 64;

/**
 * How a pod calls itself (pkg/kubelet/kubelet_pods.go, GeneratePodHostNameAndDomain).
 *
 * @throws Error in upstream's words for names that are none
 */
export function podHostname({ metadata, spec }: V1Pod, clusterDomain: string): PodHostname {
  const override = spec?.hostnameOverride;
  if (override !== undefined) {
    check('HostnameOverride', override, 'DNS subdomain', checkDnsSubdomain);
    return { hostname: truncate(override), domain: '' };
  }
  if (spec?.hostname) check('Hostname', spec.hostname, 'DNS label', checkDnsLabel);
  if (spec?.subdomain) check('Subdomain', spec.subdomain, 'DNS label', checkDnsLabel);
  const hostname = truncate(spec?.hostname || metadata?.name || '');
  return { hostname, domain: spec?.subdomain ? `${spec.subdomain}.${metadata?.namespace}.svc.${clusterDomain}` : '' };
}

/**
 * What gethostname(2) answers in the pod; empty for the node's own name, which pods on the host's network keep.
 *
 * @throws Error when `setHostnameAsFQDN` asks for more than the kernel holds
 */
export function kernelHostname(pod: V1Pod, { hostname, domain }: PodHostname): string {
  if (pod.spec?.hostNetwork && pod.spec.hostnameOverride === undefined) return '';
  if (!pod.spec?.setHostnameAsFQDN || !domain) return hostname;
  const full = `${hostname}.${domain}`;
  if (full.length > LONGEST_NODENAME)
    throw new Error(
      `failed to construct FQDN from pod hostname and cluster domain, FQDN ${full} is too long (${LONGEST_NODENAME} characters is the max, ${full.length} characters requested)`,
    );
  return full;
}

function check(field: string, value: string, form: string, rule: NameCheck): void {
  const wrong = rule(value);
  if (wrong.length > 0) throw new Error(`pod ${field} "${value}" is not a valid ${form}: ${wrong.join(';')}`);
}

const truncate = (name: string) =>
  name.length <= LONGEST_HOSTNAME ? name : name.slice(0, LONGEST_HOSTNAME).replace(/[-.]+$/, '');
