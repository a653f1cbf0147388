import { configMapKind } from '../../api/core/v1/config-map.ts';
import type { DynamicObject } from '../../api/machinery/object.ts';
import { isStatus } from '../../api/machinery/status-error.ts';
import type { Clock } from '../../std/clock.ts';
import type { Logger } from '../../std/logger.ts';
import type { FrontProxyConfig } from '../authentication/front-proxy.ts';
import type { ObjectReader, ObjectWriter } from '../contracts.ts';
import { mergeAuthenticationData } from './merge-authentication-data.ts';
import { WriteAgain } from './write-again.ts';

const NAMESPACE = 'kube-system';
const NAME = 'extension-apiserver-authentication';

export interface AuthenticationConfigMapDeps {
  readonly reader: ObjectReader;
  readonly writer: ObjectWriter;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What extension servers read to know whom this server believes (pkg/controlplane/controller/clusterauthenticationtrust). */
export function authenticationData(clientCaPem: string | undefined, proxy: FrontProxyConfig | undefined): Record<string, string> {
  return {
    ...(clientCaPem !== undefined && { 'client-ca-file': clientCaPem }),
    ...(proxy && {
      'requestheader-allowed-names': JSON.stringify(proxy.allowedNames),
      'requestheader-client-ca-file': proxy.caPem,
      'requestheader-extra-headers-prefix': JSON.stringify(proxy.extraHeaderPrefixes),
      'requestheader-group-headers': JSON.stringify(proxy.groupHeaders),
      'requestheader-uid-headers': JSON.stringify(proxy.uidHeaders),
      'requestheader-username-headers': JSON.stringify(proxy.usernameHeaders),
    }),
  };
}

/** Keeps what is `wanted` in `kube-system/extension-apiserver-authentication`, also when somebody changes or deletes it. */
export function keepAuthenticationConfigMap(
  wanted: Readonly<Record<string, string>>,
  { reader, writer, clock, logger }: AuthenticationConfigMapDeps,
): { readonly written: Promise<void>; close(): void } {
  let closed = false;
  let running = false;
  /** Something has changed while it was being written. */
  let changed = false;
  const again = new WriteAgain(clock);
  const dataOf = (object: DynamicObject) => (object['data'] ?? {}) as Readonly<Record<string, string>>;
  const merged = (object: DynamicObject) => mergeAuthenticationData(dataOf(object), wanted, clock.now());
  const isRight = (object: DynamicObject) => Object.keys(wanted).length === 0 || merged(object) === object['data'];
  const put = async (): Promise<void> => {
    if (closed) return;
    changed = running;
    if (running) return;
    running = true;
    try {
      const existing = reader.get(configMapKind, NAMESPACE, NAME);
      if (!existing) await writer.create(configMapKind, newConfigMap(wanted));
      else if (!isRight(existing))
        await writer.modify(configMapKind, NAMESPACE, NAME, (object) =>
          isRight(object) ? undefined : { ...object, data: merged(object) },
        );
    } catch (error) {
      // Another API server of the cluster, or somebody who deletes it, was faster: the change that we see next is looked at again.
      if (!isStatus(error, 'AlreadyExists') && !isStatus(error, 'NotFound')) {
        logger.error('cannot write the ConfigMap for extension servers', { name: NAME, error });
        again.later(NAME, () => void put());
      }
    } finally {
      running = false;
      if (changed) void put();
    }
  };
  const leave = reader.subscribe(configMapKind, (change) => {
    // Not one of all the others is to be parsed for this.
    if (change.name !== NAME || change.namespace !== NAMESPACE) return;
    if (!(change.object && isRight(change.object))) void put();
  });
  return {
    written: put(),
    close() {
      closed = true;
      again.close();
      leave();
    },
  };
}

const newConfigMap = (data: Readonly<Record<string, string>>) =>
  ({ metadata: { namespace: NAMESPACE, name: NAME }, data: { ...data } }) as unknown as DynamicObject;
