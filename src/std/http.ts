/**
 * Node's HTTP/1.1 for all who use it. Of a module of Node's that is imported all names are looked up, and looking up `WebSocket` of
 * `node:http` loads the whole of undici, which nobody here uses: 11 MB and 30 ms of every start. Types come from `node:http`.
 */
const http = process.getBuiltinModule('node:http');

export const { Agent, createServer, request, STATUS_CODES } = http;
export type Agent = import('node:http').Agent;
