// Accepts into a queue of BullMQ: answers 202 when Redis has synced. `GET /readyz` answers 200 when Redis is there.
import fastify from 'fastify';
import { Queue } from 'bullmq';
import { QUEUE, address, options, redis } from './options.mjs';

const given = options();
const queue = new Queue(QUEUE, {
  connection: redis(given.redis),
  defaultJobOptions: {
    attempts: 5,
    backoff: { type: 'exponential', delay: 1000 },
    removeOnComplete: true,
  },
});
await queue.waitUntilReady();

const server = fastify({ logger: false, bodyLimit: 1 << 20 });
server.removeAllContentTypeParsers();
// The payload is not read here, as it is not by the other fronts.
server.addContentTypeParser('*', { parseAs: 'string' }, (request, body, done) => done(null, body));
server.post('/*', async (request, reply) => {
  const job = await queue.add('invoke', request.body);
  reply.code(202).header('x-fc-request-id', job.id).send();
});
server.get('/*', async (request, reply) => reply.code(200).send());
await server.listen(address(given.listen));
