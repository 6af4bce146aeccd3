// Takes from the queue and calls the function; a job is done when that has answered.
import { Worker } from 'bullmq';
import { Pool } from 'undici';
import { QUEUE, options, redis } from './options.mjs';

const given = options();
const concurrency = Number(given.concurrency);
const { origin, pathname } = new URL(given.function);
const pool = new Pool(origin, { connections: concurrency, pipelining: 1 });
const headers = { 'content-type': 'application/octet-stream' };

const worker = new Worker(
  QUEUE,
  async (job) => {
    const answer = await pool.request({ path: pathname, method: 'POST', headers, body: job.data });
    await answer.body.dump();
    if (answer.statusCode >= 300) throw new Error(`the function answered ${answer.statusCode}`);
  },
  { connection: redis(given.redis), concurrency },
);
worker.on('error', (error) => console.error(error));
