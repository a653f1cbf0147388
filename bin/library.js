// What `import … from 'kubemuster'` gives: in a checkout the sources or their bundle, the compiled code in an installed package.
import { importCode } from './code.js';

export const { startCluster, TravelClock } = await importCode('cluster/start-cluster');
