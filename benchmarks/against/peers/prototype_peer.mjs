// The prototype's way in Node: insert a row, add a job; the worker updates the row twice and awaits each.
// Tried, jobs/s drained: concurrency/pool 20/10: 1,900, 50/5: 2,300, 50/10: 2,000, 100/10: 2,400, 100/20: 3,000,
// 200/30: 1,900.

import { randomUUID } from 'node:crypto'
import { Queue, Worker } from 'bullmq'
import pg from 'pg'
import { DATABASE_URL, QUEUE, RESULT, redisOptions, run, tellStarted } from './protocol.mjs'

const TABLE = `
CREATE TABLE jobs (
    id uuid PRIMARY KEY,
    status text NOT NULL DEFAULT 'pending',
    job_data jsonb NOT NULL,
    result jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
)`
const INSERT = 'INSERT INTO jobs (id, job_data) VALUES ($1, $2)'
const PROCESSING = "UPDATE jobs SET status = 'processing', updated_at = now() WHERE id = $1"
const COMPLETED = "UPDATE jobs SET status = 'completed', result = $2, updated_at = now() WHERE id = $1"
const POOL = 20
let pool, queue

function record (max) {
  pool ??= new pg.Pool({ connectionString: DATABASE_URL, max })
  return pool
}

// A name makes it a prepared statement, as asyncpg makes of every statement.
const named = (name, text, values) => ({ name, text, values })

await run({
  async prepare () {
    await record(1).query(TABLE)
  },

  async publish (data) {
    queue ??= new Queue(QUEUE, { connection: redisOptions() })
    const id = randomUUID()
    await record(1).query(named('insert', INSERT, [id, JSON.stringify(data)]))
    await queue.add('noop', data, { jobId: id })
  },

  async work (concurrency) {
    const process = async (job) => {
      await record(POOL).query(named('processing', PROCESSING, [job.id]))
      tellStarted()
      const result = RESULT
      await record(POOL).query(named('completed', COMPLETED, [job.id, JSON.stringify(result)]))
      return result
    }
    new Worker(QUEUE, process, { connection: redisOptions(), concurrency })
  }
})
