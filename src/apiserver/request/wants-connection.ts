const CONNECTED =
  /^\/api\/v1\/(?:namespaces\/[^/]+\/(?:pods\/[^/]+\/(?:exec|attach|portforward|log|proxy)|services\/[^/]+\/proxy)|nodes\/[^/]+\/proxy)(?:\/|$)/;

/** Whether a request below this path may go on as another protocol (SPDY, WebSocket). */
export const wantsConnection = (path: string): boolean => CONNECTED.test(path);
