// `--name=value` of the command line, and the end with whoever started this process.
export function options() {
  const pairs = process.argv.slice(2).map((word) => word.replace(/^--/, '').split(/=(.*)/s));
  return Object.fromEntries(pairs.map(([name, value]) => [name, value]));
}

export function address(text) {
  const [host, port] = text.split(':');
  return { host, port: Number(port) };
}

// A worker's connection waits for ever; BullMQ asks for that.
export function redis(text) {
  return { ...address(text), maxRetriesPerRequest: null };
}

export const QUEUE = 'invocations';
