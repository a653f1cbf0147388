import { after, before } from 'node:test';
import { type RealCluster, type RealClusterOptions, startRealCluster } from '../harness/real-cluster.ts';

/** One cluster with a node of real pods for all tests of a file. At its end nothing may be left of the pods. It is there only while tests run. */
export function useRealCluster(options: RealClusterOptions = {}): { readonly current: RealCluster } {
  let cluster: RealCluster | undefined;
  before(async () => {
    cluster = await startRealCluster(options);
  });
  after(() => cluster?.[Symbol.asyncDispose]());
  return {
    get current() {
      if (!cluster) throw new Error('the cluster is there only while tests run');
      return cluster;
    },
  };
}
