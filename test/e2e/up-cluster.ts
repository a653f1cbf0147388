import { after, before } from 'node:test';
import { type Kubectl, type KubectlVersion, kubectl } from '../harness/kubectl.ts';
import { type MusterHome, musterHome, type UpResult } from '../harness/muster.ts';

/** A cluster that `muster up` runs in the background, and what is needed to speak to it. */
export interface UpCluster {
  readonly home: MusterHome;
  readonly up: UpResult;
  kubectl(version: KubectlVersion): Kubectl;
}

/** One cluster for all tests of a file: up before the first, down after the last. It is there only while tests run. */
export function useUpCluster(...args: string[]): { readonly current: UpCluster } {
  let cluster: UpCluster | undefined;
  let home: MusterHome | undefined;
  before(async () => {
    const opened = await musterHome();
    home = opened;
    const up = await opened.up(...args);
    cluster = { home: opened, up, kubectl: (version) => kubectl(version, opened.kubeconfig, opened.path) };
  });
  after(() => home?.[Symbol.asyncDispose]());
  return {
    get current() {
      if (!cluster) throw new Error('the cluster is there only while tests run');
      return cluster;
    },
  };
}
