// BullMQ for Node, bare: nothing but Redis. The reference.
// Tried, jobs/s drained (2 cores, best of 1-5 runs, the machine's speed varied by half): concurrency 30: 13,600,
// 50: 14,900, 100: 15,900, 200: 9,700, 400: 7,800. At 100: ioredis 5: 16,500, removeOnComplete true: 16,000,
// a count of 1,000: 11,400. Jobs of one addBulk: 300: 12,600/s, 1,000: 17,700, 5,000: 10,600.

import { Queue, Worker } from 'bullmq'
import { QUEUE, RESULT, redisOptions, run, tellStarted } from './protocol.mjs'

const BULK = 1000
let queue

function opened () {
  queue ??= new Queue(QUEUE, { connection: redisOptions() })
  return queue
}

await run({
  async prepare () {},

  async publish (data) {
    await opened().add('noop', data)
  },

  async publishBulk (jobs) {
    for (let first = 0; first < jobs.length; first += BULK) {
      await opened().addBulk(jobs.slice(first, first + BULK).map((data) => ({ name: 'noop', data })))
    }
  },

  async work (concurrency) {
    const noop = async () => {
      tellStarted()
      return RESULT
    }
    new Worker(QUEUE, noop, { connection: redisOptions(), concurrency })
  }
})
