// What `import … from 'kubemuster'` gives: in a checkout the sources or their bundle, the compiled code in an installed package.
import { importCode } from './code.js';
import { OLDEST_NODE, runsHere } from './oldest-node.js';

if (!runsHere) throw new Error(`kubemuster needs Node ${OLDEST_NODE} or newer, this is ${process.version}`);

export const { startCluster, TravelClock } = await importCode('cluster/start-cluster');
