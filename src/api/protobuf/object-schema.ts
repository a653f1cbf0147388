import { allKinds } from '../all-kinds.ts';
import { apiVersionOf } from '../machinery/kind.ts';
import { hasShape } from './message-shape.ts';

/** What requests and answers hold besides the kinds that are served. */
const OTHERS: Readonly<Record<string, string>> = {
  'v1 Binding': 'V1Binding',
  'v1 Status': 'V1Status',
  'policy/v1 Eviction': 'V1Eviction',
  'autoscaling/v1 Scale': 'V1Scale',
  'authentication.k8s.io/v1 TokenRequest': 'AuthenticationV1TokenRequest',
};

/** The schema by which an object of a type is written in protobuf; undefined when it has no such form. */
export function schemaOfObject(object: { readonly apiVersion?: unknown; readonly kind?: unknown }): string | undefined {
  const { apiVersion, kind: name } = object;
  if (typeof apiVersion !== 'string' || typeof name !== 'string') return undefined;
  const other = OTHERS[`${apiVersion} ${name}`];
  if (other) return other;
  const kind = allKinds.find((k) => k.kind === name && apiVersionOf(k) === apiVersion);
  return kind && hasShape(kind.schema) ? kind.schema : undefined;
}
