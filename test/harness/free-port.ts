export { freePort } from '../../src/cluster/node-addresses.ts';
