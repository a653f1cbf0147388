// What `import … from 'kubemuster'` gives, and `require`: in a checkout the sources or their bundle, the compiled code in an installed package.
import { requireCode } from './code.js';
import { OLDEST_NODE, runsHere } from './oldest-node.js';

if (!runsHere) throw new Error(`kubemuster needs Node ${OLDEST_NODE} or newer, this is ${process.version}`);

export const { startCluster, TravelClock } = requireCode('cluster/start-cluster');
