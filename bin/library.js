// What `import … from 'kubemuster'` gives: the sources in a checkout, the compiled code in an installed package.
import { existsSync } from 'node:fs';

const isCheckout = existsSync(new URL('../src', import.meta.url));
export const { startCluster } = await import(isCheckout ? '../src/cluster/start-cluster.ts' : '../dist/cluster/start-cluster.js');
