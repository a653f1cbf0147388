/** Ingresses and network policies as extensions/v1beta1 and networking.k8s.io/v1beta1 had them. */
import type { V1HTTPIngressPath, V1Ingress, V1IngressBackend, V1IngressRule } from '../gen/types.ts';
import type { KindDefinition } from '../machinery/kind.ts';
import type { DynamicObject } from '../machinery/object.ts';
import { ingressKind } from '../networking/v1/ingress.ts';
import { ingressClassKind } from '../networking/v1/ingress-class.ts';
import { networkPolicyKind } from '../networking/v1/network-policy.ts';
import { deprecationWarning } from './deprecation.ts';
import { type Conversion, servedAs } from './served-as.ts';

interface OlderBackend {
  readonly resource?: V1IngressBackend['resource'];
  readonly serviceName?: string;
  readonly servicePort?: number | string;
}

interface OlderRule {
  readonly http?: { readonly paths: readonly (Omit<V1HTTPIngressPath, 'backend'> & { readonly backend: OlderBackend })[] };
}

interface OlderSpec {
  readonly backend?: OlderBackend;
  readonly rules?: readonly OlderRule[];
}

const defined = <T extends object>(object: T): T =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T;

function backendOfToday({ resource, serviceName, servicePort }: OlderBackend): V1IngressBackend {
  const named = serviceName !== undefined || (servicePort !== undefined && servicePort !== 0 && servicePort !== '');
  const port = typeof servicePort === 'string' ? { name: servicePort } : { number: servicePort };
  return defined({ resource, service: named ? { name: serviceName ?? '', port: defined(port) } : undefined });
}

function olderBackend({ resource, service }: V1IngressBackend): OlderBackend {
  return defined({ resource, serviceName: service?.name, servicePort: service && (service.port?.name || service.port?.number) });
}

const mapPaths = <From, To>(
  rules: readonly { http?: { paths: readonly { backend: From }[] } }[] | undefined,
  map: (backend: From) => To,
) =>
  rules?.map((rule) =>
    rule.http
      ? { ...rule, http: { ...rule.http, paths: rule.http.paths.map((path) => ({ ...path, backend: map(path.backend) })) } }
      : rule,
  );

const ingressConversion: Conversion = {
  toToday(object) {
    const { backend, rules, ...spec } = (object['spec'] ?? {}) as OlderSpec;
    const today = defined({
      ...spec,
      defaultBackend: backend && backendOfToday(backend),
      rules: mapPaths(rules, backendOfToday),
    });
    return { ...object, ...(object['spec'] !== undefined && { spec: today }) };
  },
  fromToday(object) {
    const { defaultBackend, rules, ...spec } = ((object as V1Ingress).spec ?? {}) as NonNullable<V1Ingress['spec']>;
    const older = defined({
      ...spec,
      backend: defaultBackend && olderBackend(defaultBackend),
      rules: mapPaths(rules as readonly (V1IngressRule & { http?: { paths: V1HTTPIngressPath[] } })[] | undefined, olderBackend),
    });
    return { ...object, ...(object['spec'] !== undefined && { spec: older }) };
  },
};

/** How paths are matched was up to the controller. */
function setIngressDefaults(object: DynamicObject): void {
  for (const { http } of (object as V1Ingress).spec?.rules ?? [])
    for (const path of http?.paths ?? []) path.pathType ??= 'ImplementationSpecific';
}

const ingress = (group: string, schema: string, deprecated: number): KindDefinition =>
  servedAs(ingressKind, {
    group,
    version: 'v1beta1',
    schema,
    conversion: ingressConversion,
    setDefaults: setIngressDefaults,
    deprecation: deprecationWarning(`${group}/v1beta1`, 'Ingress', {
      deprecated,
      removed: 22,
      replacement: 'networking.k8s.io/v1',
    }),
  });

export const olderNetworking: readonly KindDefinition[] = [
  ingress('extensions', 'ExtensionsV1beta1Ingress', 14),
  servedAs(networkPolicyKind, {
    group: 'extensions',
    version: 'v1beta1',
    schema: 'ExtensionsV1beta1NetworkPolicy',
    deprecation: deprecationWarning('extensions/v1beta1', 'NetworkPolicy', {
      deprecated: 9,
      removed: 16,
      replacement: 'networking.k8s.io/v1',
    }),
  }),
  ingress('networking.k8s.io', 'NetworkingV1beta1Ingress', 19),
  servedAs(ingressClassKind, {
    group: 'networking.k8s.io',
    version: 'v1beta1',
    schema: 'NetworkingV1beta1IngressClass',
    deprecation: deprecationWarning('networking.k8s.io/v1beta1', 'IngressClass', {
      deprecated: 19,
      removed: 22,
      replacement: 'networking.k8s.io/v1',
    }),
  }),
];
